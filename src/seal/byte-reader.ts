import { notAuthentic } from './errors.ts';

/** Reads fields off the front of untrusted bytes; every length is compared with what is left before it is used. */
export class ByteReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get position(): number {
    return this.#position;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  /** Two bytes of length, then so many bytes. */
  prefixed(): Buffer {
    return this.take(this.u16());
  }

  /**
   * A view of the next `length` bytes.
   *
   * @throws SealFormatError NOT_AUTHENTIC - fewer are left.
   */
  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#position) throw notAuthentic();
    const taken = this.#bytes.subarray(this.#position, this.#position + length);
    this.#position += length;
    return taken;
  }
}
