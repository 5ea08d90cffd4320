import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { CALL_KEY, NAMES } from './subjects.ts';

const client = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
type EncryptInput = NonNullable<Parameters<typeof client.encrypt>[2]>;

const keyring = new RawAesKeyringNode({
  keyNamespace: NAMES.namespace,
  keyName: NAMES.keyName,
  unencryptedMasterKey: new Uint8Array(CALL_KEY),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  utf8Sorting: true,
});

/** What somebody gets who changes nothing: frames of 4 KiB, signed with ECDSA P-384. */
export const SDK_DEFAULTS: EncryptInput = { encryptionContext: { ...NAMES.context } };

/** The suite and frame length of our profile. */
export const SDK_TUNED: EncryptInput = {
  ...SDK_DEFAULTS,
  suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
  frameLength: 65_536,
};

export async function sdkSeal(plain: Buffer, options: EncryptInput): Promise<Buffer> {
  const { result } = await client.encrypt(keyring, plain, options);
  return result;
}

export async function sdkOpen(sealed: Buffer): Promise<Buffer> {
  const { plaintext } = await client.decrypt(keyring, sealed);
  return plaintext;
}
