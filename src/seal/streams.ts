import { detach } from './detach.ts';
import { eventLoopTurns } from './event-loop.ts';
import { createOpener, type OpenerOptions, type OpenFacts } from './opener.ts';
import type { Sealer } from './sealer.ts';

/** One part of a sealed object. The buffer is the consumer's from here on, to be given back to its pool. */
export interface SealedPart {
  readonly buffer: Buffer;
  /** Bytes of `buffer` that are part of the object; all of it, except in the last part. */
  readonly length: number;
  /** True for exactly one part, which is never empty. */
  readonly last: boolean;
}

/**
 * Seals all of `source` into part buffers. A buffer is taken only when there are sealed bytes for it:
 * waiting for one is the back-pressure on the source.
 *
 * When the source or the sealing fails, or the consumer leaves early, the sealer is destroyed and a buffer
 * that was taken but not yet handed out goes to `giveBackPart`.
 *
 * @throws whatever `source` and `takePart` throw; SealFormatError as `Sealer` says.
 */
export async function* sealInto(
  source: AsyncIterable<Uint8Array>,
  sealer: Sealer,
  takePart: () => Promise<Buffer>,
  giveBackPart?: (part: Buffer) => void,
): AsyncGenerator<SealedPart, void, void> {
  const parts = new OpenPart(sealer, takePart);
  try {
    for await (const chunk of source) {
      sealer.push(chunk);
      yield* parts.fill();
    }
    sealer.end();
    yield* parts.fill();
  } finally {
    sealer.destroy();
    parts.giveBack(giveBackPart);
  }
}

/** The part that is being filled. */
class OpenPart {
  readonly #sealer: Sealer;
  readonly #take: () => Promise<Buffer>;
  readonly #turn = eventLoopTurns();
  #buffer: Buffer | undefined;
  #length = 0;

  constructor(sealer: Sealer, take: () => Promise<Buffer>) {
    this.#sealer = sealer;
    this.#take = take;
  }

  /** Seals what the sealer is ready for; yields the parts that are full, and the last one. */
  async *fill(): AsyncGenerator<SealedPart, void, void> {
    while (this.#sealer.ready) {
      this.#buffer ??= await this.#take();
      const written = this.#sealer.fill(this.#buffer, this.#length);
      this.#length += written;
      await this.#turn(written);
      const last = this.#sealer.finished;
      if (last || this.#length === this.#buffer.length) yield this.#handOut(this.#buffer, last);
    }
  }

  giveBack(give: ((part: Buffer) => void) | undefined): void {
    if (this.#buffer !== undefined) give?.(this.#buffer);
    this.#buffer = undefined;
  }

  #handOut(buffer: Buffer, last: boolean): SealedPart {
    const part = { buffer, length: this.#length, last };
    this.#buffer = undefined;
    this.#length = 0;
    return part;
  }
}

/**
 * Opens all of `source`. Every buffer is authentic plaintext in its place and the consumer's own; the object
 * is *whole* only when the generator returns its facts instead of throwing.
 *
 * @throws SealFormatError NOT_AUTHENTIC; whatever `source` throws.
 */
export async function* openAll(
  source: AsyncIterable<Uint8Array>,
  expected: OpenerOptions,
): AsyncGenerator<Buffer, OpenFacts, void> {
  const opener = createOpener(expected);
  const turn = eventLoopTurns();
  for await (const chunk of source) {
    for (const plain of opener.push(chunk)) {
      await turn(plain.length);
      yield plain;
    }
  }
  return opener.finish();
}

/** Opens all of `source` and keeps nothing of the plaintext: for a verifier. Throws as `openAll` does. */
export async function openWhole(
  source: AsyncIterable<Uint8Array>,
  expected: OpenerOptions,
): Promise<OpenFacts> {
  const opening = openAll(source, expected);
  for (;;) {
    const step = await opening.next();
    if (step.done === true) return step.value;
    detach(step.value);
  }
}
