import { createHash, type Hash } from 'node:crypto';
import { TAG_BYTES } from './sizes.ts';

/**
 * ```
 *   SHA-256( "callseal seal digest v1" | header with tag | R1 | … | R(n+1) | 8 total plaintext length )
 *   Ri = 4 sequence | 16 tag                                              the final frame included
 * ```
 *
 * Pins every byte of an object for somebody without the key: the tags pin the ciphertexts. It does not bind
 * a holder of the key, who can make another ciphertext with the same tag.
 */
const LABEL = Buffer.from('callseal seal digest v1', 'ascii');

export class SealDigest {
  readonly #hash: Hash = createHash('sha256').update(LABEL);
  readonly #record = Buffer.alloc(4 + TAG_BYTES);

  header(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  frame(sequence: number, tag: Uint8Array): void {
    this.#record.writeUInt32BE(sequence, 0);
    this.#record.set(tag, 4);
    this.#hash.update(this.#record);
  }

  /** 32 bytes; the digest is used up. */
  finish(plainBytes: number): Buffer {
    const total = Buffer.alloc(8);
    total.writeBigUInt64BE(BigInt(plainBytes));
    return this.#hash.update(total).digest();
  }
}
