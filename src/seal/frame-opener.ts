import type { KeyObject } from 'node:crypto';
import { gcmDecipher, verified } from './aes-gcm.ts';
import { detach } from './detach.ts';
import { notAuthentic } from './errors.ts';
import { FINAL_HEAD_BYTES, FrameText, REGULAR_HEAD_BYTES } from './frames.ts';
import { TAG_BYTES } from './sizes.ts';
import type { SliceQueue } from './slice-queue.ts';

/** Which frame has to come next, and how long it is. */
export interface FrameShape {
  readonly sequence: number;
  /** Plaintext bytes: F, or L of the final frame. */
  readonly length: number;
  readonly final: boolean;
}

/** Opens the frames of one object, each out of a queue that holds it whole. */
export class FrameOpener {
  /** The tag of the frame opened last; the next frame fills it again. */
  readonly tag: Buffer = Buffer.alloc(TAG_BYTES);
  readonly #key: KeyObject;
  readonly #text: FrameText;
  readonly #regularHead = Buffer.alloc(REGULAR_HEAD_BYTES);
  readonly #finalHead = Buffer.alloc(FINAL_HEAD_BYTES);

  constructor(frameKey: KeyObject, messageId: Uint8Array) {
    this.#key = frameKey;
    this.#text = new FrameText(messageId);
  }

  /**
   * The plaintext of the frame at the front of `held`, in pieces that are the caller's own. None of it comes
   * out before the tag has verified.
   *
   * @throws SealFormatError NOT_AUTHENTIC - mark, sequence number, IV, L or tag is not what it has to be.
   */
  open(held: SliceQueue, shape: FrameShape): Buffer[] {
    this.#requireHead(held, shape);
    const decipher = gcmDecipher(this.#key, this.#text.iv(shape.sequence));
    decipher.setAAD(this.#text.aad(shape.sequence, shape.length, shape.final));
    const plain: Buffer[] = [];
    held.take(shape.length, (piece) => plain.push(decipher.update(piece)));
    held.read(this.tag);
    decipher.setAuthTag(this.tag);
    if (verified(decipher)) return plain;
    plain.forEach(detach);
    throw notAuthentic();
  }

  /** The head says nothing that is not known before: sequence, IV and L are compared, never believed. */
  #requireHead(held: SliceQueue, { sequence, length, final }: FrameShape): void {
    const found = final ? this.#finalHead : this.#regularHead;
    held.read(found);
    const right = final ? this.#text.finalHead(sequence, length) : this.#text.regularHead(sequence);
    if (!found.equals(right)) throw notAuthentic();
  }
}
