import { decrypt as decryptBlob, encrypt as encryptBlob, originOf } from '../ciphertext.ts';
import type { EncryptionContext } from '../encryption-context.ts';
import { KmsError } from '../errors.ts';
import { currentMaterial, type Key, type Material } from '../key.ts';
import { keyToUse, type Operation, type Request, readyForUse, stopIfDryRun } from '../request.ts';

const ALGORITHM = 'SYMMETRIC_DEFAULT';
const PLAINTEXT_LIMIT = 4096;
const CIPHERTEXT_LIMIT = 6144;

export const encrypt: Operation = (request) => {
  const { parameters, trace } = request;
  const context = parameters.context('EncryptionContext');
  trace.encryptionContext = context;
  checkAlgorithm(request, 'EncryptionAlgorithm');
  const plaintext = parameters.bytes('Plaintext', PLAINTEXT_LIMIT);
  const key = keyToUse(request, 'Encrypt', 'ENCRYPT_DECRYPT');
  stopIfDryRun(request);
  const material = currentMaterial(key);
  trace.keyMaterialId = material.id;
  const blob = encryptBlob(key.id, material, context, plaintext);
  return { CiphertextBlob: blob.toString('base64'), KeyId: key.arn, EncryptionAlgorithm: ALGORITHM };
};

export const decrypt: Operation = (request) => {
  const { parameters, trace } = request;
  const context = parameters.context('EncryptionContext');
  trace.encryptionContext = context;
  checkAlgorithm(request, 'EncryptionAlgorithm');
  const blob = parameters.bytes('CiphertextBlob', CIPHERTEXT_LIMIT);
  const { key, material } = keyOfBlob(request, 'Decrypt', blob, 'KeyId');
  trace.keyMaterialId = material.id;
  const plaintext = decryptBlob(blob, material, context);
  stopIfDryRun(request);
  return {
    KeyId: key.arn,
    Plaintext: plaintext.toString('base64'),
    EncryptionAlgorithm: ALGORITHM,
    KeyMaterialId: material.id,
  };
};

export const reEncrypt: Operation = (request) => {
  const { parameters, trace } = request;
  const from = parameters.context('SourceEncryptionContext');
  const to = parameters.context('DestinationEncryptionContext');
  trace.sourceEncryptionContext = from;
  trace.encryptionContext = to;
  checkAlgorithm(request, 'SourceEncryptionAlgorithm');
  checkAlgorithm(request, 'DestinationEncryptionAlgorithm');
  const blob = parameters.bytes('CiphertextBlob', CIPHERTEXT_LIMIT);
  const source = keyOfBlob(request, 'ReEncryptFrom', blob, 'SourceKeyId');
  const destination = keyToUse(request, 'ReEncryptTo', 'ENCRYPT_DECRYPT', 'DestinationKeyId');
  const plaintext = decryptBlob(blob, source.material, from);
  stopIfDryRun(request);
  return reEncrypted(request, source, destination, to, plaintext);
};

function reEncrypted(request: Request, source: BlobKey, key: Key, to: EncryptionContext, plaintext: Buffer) {
  const material = currentMaterial(key);
  request.trace.keyMaterialId = material.id;
  return {
    CiphertextBlob: encryptBlob(key.id, material, to, plaintext).toString('base64'),
    KeyId: key.arn,
    SourceKeyId: source.key.arn,
    SourceEncryptionAlgorithm: ALGORITHM,
    DestinationEncryptionAlgorithm: ALGORITHM,
    SourceKeyMaterialId: source.material.id,
    DestinationKeyMaterialId: material.id,
  };
}

interface BlobKey {
  readonly key: Key;
  readonly material: Material;
}

/**
 * The key that a ciphertext says it was made with, which must be the one that the caller named, if any.
 * @throws KmsError IncorrectKeyException, InvalidCiphertextException, and what `readyForUse` throws.
 */
function keyOfBlob(request: Request, action: string, blob: Buffer, parameter: string): BlobKey {
  const { parameters, store } = request;
  const named = parameters.has(parameter) ? store.find(parameters.text(parameter)) : undefined;
  const origin = originOf(blob);
  if (named !== undefined && named.id !== origin.keyId) {
    // Rights on the named key first: otherwise the answer would tell a stranger which key a blob is of.
    readyForUse(request, action, 'ENCRYPT_DECRYPT', named);
    throw new KmsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  }
  const key = readyForUse(request, action, 'ENCRYPT_DECRYPT', named ?? keyOrInvalid(request, origin.keyId));
  const material = key.materials.find(({ id }) => id === origin.materialId);
  if (!material) throw new KmsError('InvalidCiphertextException');
  return { key, material };
}

function keyOrInvalid({ store }: Request, keyId: string): Key {
  if (!store.knows(keyId)) throw new KmsError('InvalidCiphertextException');
  return store.byId(keyId);
}

function checkAlgorithm({ parameters }: Request, parameter: string): void {
  const algorithm = parameters.optionalText(parameter) ?? ALGORITHM;
  if (algorithm !== ALGORITHM) {
    throw new KmsError('InvalidKeyUsageException', `${algorithm} is not an algorithm of a symmetric key`);
  }
}
