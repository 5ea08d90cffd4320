import type { CipherGCM, DecipherGCM, KeyObject } from 'node:crypto';
import { gcmCipher, gcmDecipher, verified, ZERO_IV } from './aes-gcm.ts';
import { badArgument } from './errors.ts';
import { deriveDigestKey } from './key-derivation.ts';
import { TAG_BYTES } from './sizes.ts';

/**
 * The plaintext digest: the AES-256-GCM tag (16 bytes) over no plaintext, with the whole artifact as AAD,
 * under a key of its own (key-derivation.ts) and IV 0. Taken from the source bytes before framing, so that
 * it also finds our own mistakes, and worth nothing once the call key is gone.
 *
 * One tag per key. Two tags under one key and IV give the GHASH key away, so the writer makes it once per
 * message id, and a reader never computes one at all: it hands the expected tag to OpenSSL and is told yes
 * or no. Never add a function here that returns what a reader computed.
 *
 * Repeated `setAAD()` is undocumented in Node: self-test.ts stops the process where it does not concatenate.
 */
const AAD_BYTES = 2 ** 30; // Node refuses 2^31 and more at once

/** The writer's side. */
export class PlainDigest {
  readonly #cipher: CipherGCM;

  constructor(callKey: KeyObject, messageId: Uint8Array) {
    this.#cipher = gcmCipher(deriveDigestKey(callKey, messageId), ZERO_IV);
  }

  update(plain: Uint8Array): void {
    addAad(this.#cipher, plain);
  }

  /** 16 bytes; the digest is used up. */
  finish(): Buffer {
    this.#cipher.final();
    return this.#cipher.getAuthTag();
  }
}

/** The reader's side: compares in constant time and knows no other answer than yes or no. */
export class PlainDigestCheck {
  readonly #decipher: DecipherGCM;

  /** @throws SealFormatError BAD_ARGUMENT - `expected` is not 16 bytes. */
  constructor(callKey: KeyObject, messageId: Uint8Array, expected: Uint8Array) {
    requirePlainDigest(expected);
    this.#decipher = gcmDecipher(deriveDigestKey(callKey, messageId), ZERO_IV).setAuthTag(expected);
  }

  update(plain: Uint8Array): void {
    addAad(this.#decipher, plain);
  }

  /** Whether the bytes given so far are the whole of what the digest was made of; asked once. */
  matches(): boolean {
    return verified(this.#decipher);
  }
}

/** @throws SealFormatError BAD_ARGUMENT - not 16 bytes. */
export function requirePlainDigest(digest: Uint8Array): void {
  if (digest.length !== TAG_BYTES) throw badArgument(`a plaintext digest is ${TAG_BYTES} bytes`);
}

function addAad(gcm: CipherGCM | DecipherGCM, plain: Uint8Array): void {
  for (let at = 0; at < plain.length; at += AAD_BYTES) gcm.setAAD(plain.subarray(at, at + AAD_BYTES));
}
