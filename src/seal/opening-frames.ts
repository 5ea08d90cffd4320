import { notAuthentic } from './errors.ts';
import { FrameOpener, type FrameShape } from './frame-opener.ts';
import { FINAL_HEAD_BYTES, FINAL_MARK } from './frames.ts';
import type { OpenedHeader } from './open-header.ts';
import { SealDigest } from './seal-digest.ts';
import { FINAL_FRAME_OVERHEAD, MAX_REGULAR_FRAMES, REGULAR_FRAME_OVERHEAD } from './sizes.ts';
import type { SliceQueue } from './slice-queue.ts';

/** All frames of one object in order, from the first to nothing after the final one. */
export class OpeningFrames {
  readonly #header: OpenedHeader;
  readonly #frames: FrameOpener;
  readonly #digest = new SealDigest();
  readonly #head = Buffer.alloc(FINAL_HEAD_BYTES);
  #sequence = 1;
  #plainBytes = 0;
  #whole = false;

  constructor(header: OpenedHeader) {
    this.#header = header;
    this.#frames = new FrameOpener(header.frameKey, header.messageId);
    this.#digest.header(header.bytes);
  }

  /** True after the final frame: only then is the plaintext the whole one. */
  get whole(): boolean {
    return this.#whole;
  }

  get plainBytes(): number {
    return this.#plainBytes;
  }

  /**
   * The plaintext of the next frame, or undefined until `held` has all of it.
   *
   * @throws SealFormatError NOT_AUTHENTIC - also for any byte after the final frame.
   */
  next(held: SliceQueue): Buffer[] | undefined {
    if (this.#whole) return this.#nothingAfter(held);
    const shape = this.#nextShape(held);
    if (shape === undefined) return undefined;
    const overhead = shape.final ? FINAL_FRAME_OVERHEAD : REGULAR_FRAME_OVERHEAD;
    if (held.bytes < overhead + shape.length) return undefined;
    const plain = this.#frames.open(held, shape);
    this.#digest.frame(shape.sequence, this.#frames.tag);
    this.#plainBytes += shape.length;
    this.#sequence += 1;
    this.#whole = shape.final;
    return plain;
  }

  /** The seal digest of a whole object; asked once. */
  sealDigest(): Buffer {
    if (!this.#whole) throw notAuthentic();
    return this.#digest.finish(this.#plainBytes);
  }

  #nothingAfter(held: SliceQueue): undefined {
    if (held.bytes > 0) throw notAuthentic();
  }

  /** From the length equation where T is known, otherwise from the frame itself. */
  #nextShape(held: SliceQueue): FrameShape | undefined {
    const { layout, frameLength } = this.#header;
    const sequence = this.#sequence;
    if (layout === undefined) return this.#announcedShape(held);
    const final = sequence > layout.regularFrames;
    return { sequence, final, length: final ? layout.finalLength : frameLength };
  }

  #announcedShape(held: SliceQueue): FrameShape | undefined {
    const { frameLength } = this.#header;
    const sequence = this.#sequence;
    if (held.bytes < FINAL_HEAD_BYTES) return undefined; // every frame is longer
    held.peek(this.#head);
    if (this.#head.readUInt32BE(0) !== FINAL_MARK) {
      if (sequence > MAX_REGULAR_FRAMES) throw notAuthentic();
      return { sequence, final: false, length: frameLength };
    }
    const length = this.#head.readUInt32BE(FINAL_HEAD_BYTES - 4);
    if (length >= frameLength) throw notAuthentic();
    return { sequence, final: true, length };
  }
}
