"""Seals and opens with the AWS Encryption SDK for Python, as told by lines of JSON on stdin.

request  {"op": "open" | "seal", "callKey": hex, "namespace": …, "keyName": …, "context": {…},
          "frameLength": …, "from": path, "to": path}
answer   {"context": {…}} or {"error": the exception's name}
"""

import json
import logging
import sys

import aws_encryption_sdk
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import AesWrappingAlg, CreateRawAesKeyringInput
from aws_encryption_sdk.identifiers import AlgorithmSuite, CommitmentPolicy

logging.disable()  # a refusal is an answer here, not a traceback

client = aws_encryption_sdk.EncryptionSDKClient(
    commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
)
providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


def keyring(request):
    return providers.create_raw_aes_keyring(
        input=CreateRawAesKeyringInput(
            key_namespace=request["namespace"],
            key_name=request["keyName"],
            wrapping_key=bytes.fromhex(request["callKey"]),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )


def run(request):
    with open(request["from"], "rb") as source:
        given = source.read()
    if request["op"] == "open":
        made, header = client.decrypt(
            source=given, keyring=keyring(request), encryption_context=request["context"]
        )
    else:
        made, header = client.encrypt(
            source=given,
            keyring=keyring(request),
            algorithm=AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
            frame_length=request["frameLength"],
            encryption_context=request["context"],
        )
    with open(request["to"], "wb") as target:
        target.write(made)
    return {"context": header.encryption_context}


for line in sys.stdin:
    try:
        answer = run(json.loads(line))
    except Exception as error:  # whatever the SDK throws is an answer
        answer = {"error": type(error).__name__}
    print(json.dumps(answer), flush=True)
