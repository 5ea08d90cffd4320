import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/**
 * ```
 *   CK   call key, 32 bytes                                 given
 *   DEK  data key, 32 random bytes per object               wrapped under CK in the header
 *   PRK        = HKDF-Extract(SHA-512, salt = message id, DEK)
 *   commitment = Expand(PRK, "COMMITKEY", 32)               in the header: no second DEK opens the object
 *   K          = Expand(PRK, 0x0478 || "DERIVEKEY", 32)     encrypts the frames, authenticates the header
 *   digest key = HKDF(SHA-512, CK, salt = message id, "callseal/plain-digest", 32)
 * ```
 */
const COMMIT_INFO = Buffer.from('COMMITKEY', 'ascii');
const FRAME_KEY_INFO = Buffer.from('\x04\x78DERIVEKEY', 'latin1');
const DIGEST_KEY_INFO = Buffer.from('callseal/plain-digest', 'ascii');

/** What a data key becomes for one message. */
export interface MessageKeys {
  /** K. It has its own copy of the bytes that nothing can overwrite: hold it no longer than the object. */
  readonly frameKey: KeyObject;
  /** 32 bytes, public. */
  readonly commitment: Buffer;
}

/** Overwriting `dataKey` is left to the caller, whose bytes they are; the bytes of K are overwritten here. */
export function deriveMessageKeys(dataKey: Uint8Array, messageId: Uint8Array): MessageKeys {
  return {
    frameKey: secretKeyOf(Buffer.from(hkdfSync('sha512', dataKey, messageId, FRAME_KEY_INFO, 32))),
    commitment: Buffer.from(hkdfSync('sha512', dataKey, messageId, COMMIT_INFO, 32)),
  };
}

/** The key of the plaintext digest: made from CK, so the digest says nothing once the call is shredded. */
export function deriveDigestKey(callKey: KeyObject, messageId: Uint8Array): KeyObject {
  return secretKeyOf(Buffer.from(hkdfSync('sha512', callKey, messageId, DIGEST_KEY_INFO, 32)));
}

function secretKeyOf(bytes: Buffer): KeyObject {
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
