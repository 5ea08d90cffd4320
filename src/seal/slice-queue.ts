import { UPDATE_BYTES } from './aes-gcm.ts';
import { detach } from './detach.ts';
import { badArgument } from './errors.ts';

/** Chunks below this are copied: held by reference, a few bytes could pin a slab of 64 KiB each. */
const COPY_BELOW_BYTES = 4096;
const GATHER_BYTES = 16_384;

interface Slice {
  readonly bytes: Uint8Array;
  /** The length of `bytes` when it came; another one now means that somebody detached it. */
  readonly givenLength: number;
  readonly detachable: boolean;
  from: number;
  to: number;
}

/**
 * Bytes in order, held by reference until a whole frame of them is there. Whoever pushed a chunk MUST NOT
 * write to it again.
 */
export class SliceQueue {
  readonly #slices: Slice[] = [];
  readonly #detachChunks: boolean;
  #gather = Buffer.alloc(0);
  #gathered = 0;
  #bytes = 0;

  constructor(detachChunks: boolean) {
    this.#detachChunks = detachChunks;
  }

  /** How many bytes are held. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    if (chunk.length < COPY_BELOW_BYTES) this.#gatherCopy(chunk);
    else this.#add(chunk, 0, chunk.length, this.#detachChunks);
  }

  /**
   * Hands `length` bytes to `visit`, in order, in pieces that suit `update()`, and drops them. A chunk is
   * detached after its last piece, never before.
   *
   * @throws SealFormatError BAD_ARGUMENT - fewer are held, or a chunk was detached while it was held here.
   */
  take(length: number, visit: (piece: Uint8Array) => void): void {
    for (let left = length; left > 0; ) {
      const slice = this.#first();
      const size = Math.min(left, slice.to - slice.from, UPDATE_BYTES);
      visit(slice.bytes.subarray(slice.from, slice.from + size));
      left -= size;
      this.#drop(slice, size);
    }
  }

  /** Moves the first bytes into `into`, all of which they fill. Throws as `take` does. */
  read(into: Buffer): void {
    let at = 0;
    this.take(into.length, (piece) => {
      into.set(piece, at);
      at += piece.length;
    });
  }

  /** Copies the first bytes into `into`, all of which they fill, and keeps them. At least so many must be held. */
  peek(into: Buffer): void {
    let at = 0;
    for (const slice of this.#slices) {
      if (at === into.length) return;
      const size = Math.min(into.length - at, slice.to - slice.from);
      into.set(slice.bytes.subarray(slice.from, slice.from + size), at);
      at += size;
    }
  }

  clear(): void {
    this.#slices.length = 0;
    this.#gather = Buffer.alloc(0);
    this.#gathered = 0;
    this.#bytes = 0;
  }

  #first(): Slice {
    const slice = this.#slices[0];
    if (slice === undefined || slice.bytes.length !== slice.givenLength) {
      throw badArgument('a chunk was detached after it had been given away');
    }
    return slice;
  }

  #drop(slice: Slice, size: number): void {
    slice.from += size;
    this.#bytes -= size;
    if (slice.from < slice.to) return;
    this.#slices.shift();
    if (slice.detachable) detach(slice.bytes);
  }

  #gatherCopy(chunk: Uint8Array): void {
    if (chunk.length > this.#gather.length - this.#gathered) {
      this.#gather = Buffer.allocUnsafeSlow(GATHER_BYTES);
      this.#gathered = 0;
    }
    const from = this.#gathered;
    this.#gather.set(chunk, from);
    this.#gathered += chunk.length;
    const last = this.#slices.at(-1);
    if (last?.bytes === this.#gather && last.to === from) last.to = this.#gathered;
    else this.#add(this.#gather, from, this.#gathered, false);
  }

  #add(bytes: Uint8Array, from: number, to: number, detachable: boolean): void {
    this.#slices.push({ bytes, givenLength: bytes.length, detachable, from, to });
  }
}
