/** The same memory as a Buffer, for its readers of numbers. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Collects a header of a known, small size from pieces that may cut it anywhere. */
export class Gather {
  readonly bytes: Buffer;
  #size = 0;
  #filled = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.alloc(capacity);
  }

  /** Starts over, for `size` bytes; never more than the capacity. */
  begin(size: number): void {
    if (size > this.bytes.length) throw new RangeError(`${size} bytes do not fit ${this.bytes.length}`);
    this.#size = size;
    this.#filled = 0;
  }

  get full(): boolean {
    return this.#filled === this.#size;
  }

  /** What was collected so far; valid until `begin`. */
  get view(): Buffer {
    return this.bytes.subarray(0, this.#filled);
  }

  /** Takes what is still missing and returns the rest of `bytes`. */
  take(bytes: Uint8Array): Uint8Array {
    const wanted = bytes.subarray(0, this.#size - this.#filled);
    this.bytes.set(wanted, this.#filled);
    this.#filled += wanted.length;
    return bytes.subarray(wanted.length);
  }
}
