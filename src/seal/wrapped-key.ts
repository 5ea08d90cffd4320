import type { KeyObject } from 'node:crypto';
import { gcmCipher, gcmDecipher, verified } from './aes-gcm.ts';
import { u32 } from './context.ts';
import { notAuthentic } from './errors.ts';
import { IV_BYTES, TAG_BYTES } from './sizes.ts';

/**
 * One encrypted data key of a header, as a raw AES keyring writes it:
 *
 * ```
 *   provider id     key namespace
 *   provider info   key name | u32 128 (tag bits) | u32 12 (IV bytes) | IV
 *   ciphertext      AES-256-GCM(CK, IV, AAD = context, DEK): 32 + 16 bytes
 * ```
 */
export interface WrappedKey {
  readonly providerId: Buffer;
  readonly providerInfo: Buffer;
  readonly ciphertext: Buffer;
}

export const WRAPPED_DATA_KEY_BYTES = 48;
const DATA_KEY_BYTES = 32;
const TAG_AND_IV_LENGTHS = Buffer.concat([u32(TAG_BYTES * 8), u32(IV_BYTES)]);

export interface WrapNames {
  readonly namespace: Buffer;
  readonly keyName: Buffer;
  readonly context: Buffer;
}

export function wrapDataKey(
  callKey: KeyObject,
  iv: Uint8Array,
  dataKey: Uint8Array,
  names: WrapNames,
): WrappedKey {
  const cipher = gcmCipher(callKey, iv).setAAD(names.context);
  const encrypted = cipher.update(dataKey);
  cipher.final();
  return {
    providerId: names.namespace,
    providerInfo: Buffer.concat([names.keyName, TAG_AND_IV_LENGTHS, iv]),
    ciphertext: Buffer.concat([encrypted, cipher.getAuthTag()]),
  };
}

/**
 * True when `wrapped` claims to be under the key that `names` say, in the one form of our profile. Each part of
 * the provider info is compared with its length, so nothing stands between or behind them.
 */
export function isWrappedFor(names: WrapNames, wrapped: WrappedKey): boolean {
  const info = wrapped.providerInfo;
  const keyNameBytes = names.keyName.length;
  return (
    wrapped.providerId.equals(names.namespace) &&
    info.subarray(0, keyNameBytes).equals(names.keyName) &&
    info.subarray(keyNameBytes, -IV_BYTES).equals(TAG_AND_IV_LENGTHS) &&
    wrapped.ciphertext.length === WRAPPED_DATA_KEY_BYTES
  );
}

/**
 * The 32 bytes of the data key, the caller's to overwrite.
 *
 * @throws SealFormatError NOT_AUTHENTIC - wrapped under another key or context, or damaged.
 */
export function unwrapDataKey(callKey: KeyObject, wrapped: WrappedKey, context: Uint8Array): Buffer {
  const iv = wrapped.providerInfo.subarray(-IV_BYTES);
  const decipher = gcmDecipher(callKey, iv).setAAD(context);
  decipher.setAuthTag(wrapped.ciphertext.subarray(DATA_KEY_BYTES));
  const dataKey = decipher.update(wrapped.ciphertext.subarray(0, DATA_KEY_BYTES));
  if (verified(decipher)) return dataKey;
  dataKey.fill(0);
  throw notAuthentic();
}
