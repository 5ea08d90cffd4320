/**
 * ```
 *   regular frame   4 sequence | 12 IV | F ciphertext | 16 tag
 *   final frame     4 0xFFFFFFFF | 4 sequence | 12 IV | 4 L | L ciphertext | 16 tag        0 ≤ L < F
 *   IV              8 zero bytes | sequence
 *   AAD             message id | label | 4 sequence | 8 plaintext length of this frame
 * ```
 *
 * The IV is a counter and safe as one: K is derived for this message id and data key alone, both random, so
 * no other object uses it. The label of the final frame is what makes a cut object fail to open.
 */
export const FINAL_MARK = 0xffff_ffff;
export const REGULAR_HEAD_BYTES = 16;
export const FINAL_HEAD_BYTES = 24;
const REGULAR_LABEL = Buffer.from('AWSKMSEncryptionClient Frame', 'ascii');
const FINAL_LABEL = Buffer.from('AWSKMSEncryptionClient Final Frame', 'ascii');

/** The bytes around a ciphertext, in buffers that the next call fills again: use them at once. */
export class FrameText {
  readonly #regularHead = Buffer.alloc(REGULAR_HEAD_BYTES);
  readonly #finalHead = Buffer.alloc(FINAL_HEAD_BYTES);
  readonly #iv = Buffer.alloc(12);
  readonly #regularAad: Buffer;
  readonly #finalAad: Buffer;

  constructor(messageId: Uint8Array) {
    this.#regularAad = Buffer.concat([messageId, REGULAR_LABEL, Buffer.alloc(12)]);
    this.#finalAad = Buffer.concat([messageId, FINAL_LABEL, Buffer.alloc(12)]);
    this.#finalHead.writeUInt32BE(FINAL_MARK, 0);
  }

  regularHead(sequence: number): Buffer {
    this.#regularHead.writeUInt32BE(sequence, 0);
    this.#regularHead.writeUInt32BE(sequence, 12);
    return this.#regularHead;
  }

  finalHead(sequence: number, length: number): Buffer {
    this.#finalHead.writeUInt32BE(sequence, 4);
    this.#finalHead.writeUInt32BE(sequence, 16);
    this.#finalHead.writeUInt32BE(length, 20);
    return this.#finalHead;
  }

  iv(sequence: number): Buffer {
    this.#iv.writeUInt32BE(sequence, 8);
    return this.#iv;
  }

  aad(sequence: number, length: number, final: boolean): Buffer {
    const aad = final ? this.#finalAad : this.#regularAad;
    aad.writeUInt32BE(sequence, aad.length - 12);
    aad.writeUInt32BE(length, aad.length - 4); // u64 whose upper half stays 0: a frame is at most 1 MiB
    return aad;
  }
}
