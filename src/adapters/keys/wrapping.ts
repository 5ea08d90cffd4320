import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { canonical } from '../../domain/canonical.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { KeyContext } from '../../ports/keys.ts';
import type { KekVersion } from './key-ring.ts';

/**
 * A call key wrapped by the key file:
 *
 *   blob  = 0x01 | KEK version, 4 bytes big endian | IV, 12 random bytes | AES-256-GCM ciphertext, 32 | tag, 16
 *   AAD   = RFC 8785 form of { "context": …, "format": 1, "kek": name, "version": n }
 *
 * A KEK wraps one key per call and class, so random IVs stay far below the 2^32 that they are good for.
 */
const FORMAT = 1;
const VERSION_AT = 1;
const IV_AT = 5;
const IV_BYTES = 12;
const CIPHERTEXT_AT = IV_AT + IV_BYTES;
const KEY_BYTES = 32;
const TAG_AT = CIPHERTEXT_AT + KEY_BYTES;
const TAG_BYTES = 16;
const BLOB_BYTES = TAG_AT + TAG_BYTES;

/** Makes a call key; its bytes are cleared here, only the KeyObject stays. */
export function generateWrapped(
  kek: KekVersion,
  context: KeyContext,
): { callKey: KeyObject; wrapped: Buffer } {
  return consuming(randomBytes(KEY_BYTES), (bytes) => ({
    wrapped: wrap(kek, context, bytes),
    callKey: createSecretKey(bytes),
  }));
}

/** @throws CallsealError NOT_AUTHENTIC */
export function unwrapped(kek: KekVersion, context: KeyContext, wrapped: Uint8Array): KeyObject {
  return consuming(unwrap(kek, context, wrapped), (bytes) => createSecretKey(bytes));
}

/** The same call key under another version of the KEK. @throws CallsealError NOT_AUTHENTIC */
export function rewrapped(
  from: KekVersion,
  to: KekVersion,
  context: KeyContext,
  wrapped: Uint8Array,
): Buffer {
  return consuming(unwrap(from, context, wrapped), (bytes) => wrap(to, context, bytes));
}

/** The KEK version a blob says it is under; nothing vouches for it before `unwrapped`. */
export function versionOf(wrapped: Uint8Array): number {
  if (wrapped.length !== BLOB_BYTES || wrapped[0] !== FORMAT) throw notAuthentic();
  return Buffer.from(wrapped).readUInt32BE(VERSION_AT);
}

function wrap(kek: KekVersion, context: KeyContext, bytes: Buffer): Buffer {
  const blob = Buffer.alloc(BLOB_BYTES);
  blob.writeUInt8(FORMAT, 0);
  blob.writeUInt32BE(kek.version, VERSION_AT);
  const iv = randomBytes(IV_BYTES);
  iv.copy(blob, IV_AT);
  const cipher = createCipheriv('aes-256-gcm', kek.key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(kek, context));
  cipher.update(bytes).copy(blob, CIPHERTEXT_AT);
  cipher.final();
  cipher.getAuthTag().copy(blob, TAG_AT);
  return blob;
}

function unwrap(kek: KekVersion, context: KeyContext, wrapped: Uint8Array): Buffer {
  const blob = Buffer.from(wrapped);
  const iv = blob.subarray(IV_AT, CIPHERTEXT_AT);
  const decipher = createDecipheriv('aes-256-gcm', kek.key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(kek, context));
  decipher.setAuthTag(blob.subarray(TAG_AT));
  const bytes = decipher.update(blob.subarray(CIPHERTEXT_AT, TAG_AT));
  try {
    decipher.final();
    return bytes;
  } catch {
    // No cause on purpose, and the unverified bytes go.
    bytes.fill(0);
    throw notAuthentic();
  }
}

function boundTo({ name, version }: KekVersion, context: KeyContext): Buffer {
  return Buffer.from(canonical({ format: FORMAT, kek: name, version, context }));
}

/** Hands key bytes to `use` once and clears them, whatever happens. */
function consuming<T>(bytes: Buffer, use: (bytes: Buffer) => T): T {
  try {
    return use(bytes);
  } finally {
    bytes.fill(0);
  }
}

function notAuthentic(): CallsealError {
  return new CallsealError(
    'NOT_AUTHENTIC',
    'the wrapped call key is damaged, or of another call, key or file',
  );
}
