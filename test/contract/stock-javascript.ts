import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import type { StockReader, StockRequest } from './stock-readers.ts';

const client = buildClient({
  commitmentPolicy: CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
  maxEncryptedDataKeys: 1,
});

/** The AWS Encryption SDK for JavaScript. */
export const stockJavaScript: StockReader = {
  open: openWithStockSdk,

  async seal(plain, request) {
    const { result } = await client.encrypt(keyringFor(request), plain, {
      suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
      frameLength: request.frameLength,
      encryptionContext: { ...request.context },
    });
    return result;
  },
};

/** What a reader has who was handed an exported key. */
type StockKey = Pick<StockRequest, 'callKey' | 'namespace' | 'keyName'>;

export async function openWithStockSdk(
  sealed: Buffer,
  key: StockKey,
): Promise<{ plain: Buffer; context: Record<string, string> }> {
  const { plaintext, messageHeader } = await client.decrypt(keyringFor(key), sealed);
  return { plain: plaintext, context: { ...messageHeader.encryptionContext } };
}

function keyringFor({ callKey, namespace, keyName }: StockKey): RawAesKeyringNode {
  return new RawAesKeyringNode({
    keyNamespace: namespace,
    keyName,
    unencryptedMasterKey: new Uint8Array(callKey), // memory of its own: the SDK refuses a slice of the pool
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    utf8Sorting: true,
  });
}
