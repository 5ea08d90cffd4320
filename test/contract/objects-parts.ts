import type { Part } from '../../src/ports/objects.ts';

/** Bytes that differ from place to place, so that a chunk out of order shows. */
export function patterned(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Parts over `bytes` that count how often each was released and whether the producer was closed. */
export class CountedParts {
  readonly releases: number[] = [];
  closed = false;
  readonly #bytes: Buffer;
  readonly #partBytes: number;

  constructor(bytes: Buffer, partBytes = Math.max(1, bytes.length)) {
    this.#bytes = bytes;
    this.#partBytes = partBytes;
  }

  /** Every part that was handed out came back, once. */
  get allReleasedOnce(): boolean {
    return this.releases.every((count) => count === 1);
  }

  /** @param before runs before each part, with its number from 0; may throw, wait or abort. */
  async *stream(before: (part: number) => unknown = () => undefined): AsyncGenerator<Part, void, undefined> {
    try {
      const count = Math.max(1, Math.ceil(this.#bytes.length / this.#partBytes));
      for (let i = 0; i < count; i++) {
        await before(i);
        yield this.#part(i, i === count - 1);
      }
      await before(count);
    } finally {
      this.closed = true;
    }
  }

  #part(i: number, last: boolean): Part {
    this.releases[i] = 0;
    const bytes = this.#bytes.subarray(i * this.#partBytes, (i + 1) * this.#partBytes);
    return { bytes, last, release: () => void (this.releases[i] = (this.releases[i] ?? 0) + 1) };
  }
}
