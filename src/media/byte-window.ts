const FIRST_CAPACITY = 4096;

/**
 * The part of a recording that is pushed but not yet read, as one piece. Grows to what its user leaves unread,
 * so a user that bounds the structures it waits for bounds the memory.
 */
export class ByteWindow {
  #bytes = Buffer.alloc(FIRST_CAPACITY);
  #start = 0;
  #end = 0;
  #position = 0;

  /** Where the first unread byte lies in the recording. */
  get position(): number {
    return this.#position;
  }

  /** The unread bytes; valid until the next `append`. */
  get unread(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  get unreadBytes(): number {
    return this.#end - this.#start;
  }

  append(piece: Uint8Array): void {
    if (this.#end + piece.length > this.#bytes.length) this.#makeRoom(piece.length);
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** Moves on; `count` may not pass what is unread. */
  consume(count: number): void {
    if (count > this.#end - this.#start) throw new RangeError('more consumed than there is');
    this.#start += count;
    this.#position += count;
  }

  /** Moves on over bytes that never come in here, because nobody wants to read them. */
  skip(count: number): void {
    if (this.#start !== this.#end) throw new RangeError('unread bytes lie before what is skipped');
    this.#position += count;
  }

  #makeRoom(count: number): void {
    const kept = this.unread;
    const needed = kept.length + count;
    const target = needed <= this.#bytes.length ? this.#bytes : Buffer.alloc(capacityFor(needed));
    kept.copy(target);
    this.#bytes = target;
    this.#start = 0;
    this.#end = kept.length;
  }
}

function capacityFor(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}

const PIECE_BYTES = 16_384;

/** Views of `bytes`, small enough that a window stays small however large a chunk comes. */
export function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
