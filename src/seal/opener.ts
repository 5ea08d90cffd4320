import { createHash, type Hash } from 'node:crypto';
import { badArgument, notAuthentic } from './errors.ts';
import {
  type Expectation,
  type ExpectedObject,
  expectation,
  type OpenedHeader,
  openHeader,
} from './open-header.ts';
import { OpeningFrames } from './opening-frames.ts';
import { PlainDigestCheck, requirePlainDigest } from './plain-digest.ts';
import { SliceQueue } from './slice-queue.ts';

export interface OpenerOptions extends ExpectedObject {
  /** Compare the plaintext with its digest from the receipt. Answered in the facts; never a computed digest. */
  readonly checkDigest?: { readonly plainDigest: Uint8Array };
  /** Make a SHA-256 over the sealed bytes. Off unless told. */
  readonly sha256?: boolean;
  /** Free each sealed chunk as soon as it is decrypted; see `SealerOptions`. */
  readonly detachChunks?: boolean;
}

/** What is known of an object that was opened whole; to be compared with its receipt. */
export interface OpenFacts {
  readonly messageId: Buffer;
  readonly headerBytes: number;
  readonly frameLength: number;
  readonly plainBytes: number;
  readonly sealedBytes: number;
  readonly sealDigest: Buffer;
  /** Over the sealed bytes. */
  readonly sha256?: Buffer;
  /** Whether the plaintext is what `checkDigest` said. */
  readonly plainDigestMatches?: boolean;
}

/** Opens one object: `push` what comes, hand out what comes back, `finish` when the source has ended. */
export interface Opener {
  /**
   * Takes the next sealed bytes, of any length, by reference, and gives the plaintext of every frame that
   * they complete. The pieces are the caller's own, who may `detach` them. Who leaves the iteration early
   * has given up on the object.
   *
   * Each piece is authentic and in its place; that the object goes on to its real end is known only when
   * `finish` returns.
   *
   * @throws SealFormatError NOT_AUTHENTIC - and so does every later call.
   */
  push(chunk: Uint8Array): Iterable<Buffer>;

  /** @throws SealFormatError NOT_AUTHENTIC - the final frame was not met, or something follows it. */
  finish(): OpenFacts;
}

/**
 * Starts opening the object that `options` describe.
 *
 * @throws SealFormatError BAD_ARGUMENT - a key, name, length or digest that can not be right.
 *
 * @example
 * const opener = createOpener({ callKey, namespace, keyName, context, sealedBytes });
 * for await (const chunk of sealed) for (const plain of opener.push(chunk)) hash.update(plain);
 * const facts = opener.finish(); // whole
 */
export function createOpener(options: OpenerOptions): Opener {
  return new Opening(options);
}

class Opening implements Opener {
  readonly #expected: Expectation;
  readonly #options: OpenerOptions;
  readonly #held: SliceQueue;
  readonly #sha256: Hash | undefined;
  #state: 'open' | 'failed' | 'finished' = 'open';
  #header: OpenedHeader | undefined;
  #frames: OpeningFrames | undefined;
  #digestCheck: PlainDigestCheck | undefined;
  #sealedBytes = 0;

  constructor(options: OpenerOptions) {
    this.#expected = expectation(options);
    if (options.checkDigest) requirePlainDigest(options.checkDigest.plainDigest);
    this.#options = options;
    this.#held = new SliceQueue(options.detachChunks ?? false);
    this.#sha256 = options.sha256 === true ? createHash('sha256') : undefined;
  }

  push(chunk: Uint8Array): Iterable<Buffer> {
    this.#requireOpen();
    this.#sealedBytes += chunk.length;
    this.#sha256?.update(chunk);
    this.#held.push(chunk);
    return this.#opened();
  }

  finish(): OpenFacts {
    this.#requireOpen();
    const { plainBytes } = this.#expected;
    const [header, frames] = [this.#header, this.#frames];
    const whole = frames?.whole === true && this.#held.bytes === 0;
    if (!header || !whole || (plainBytes !== undefined && plainBytes !== frames.plainBytes))
      throw this.#failed();
    this.#state = 'finished';
    return this.#factsOf(header, frames);
  }

  *#opened(): Generator<Buffer, void, void> {
    this.#requireOpen();
    let drained = false;
    try {
      const frames = this.#frames ?? this.#begin();
      for (let plain = frames?.next(this.#held); plain; plain = frames?.next(this.#held)) {
        for (const piece of plain) {
          this.#digestCheck?.update(piece);
          yield piece;
        }
      }
      drained = true;
    } finally {
      if (!drained) this.#failed(); // refused, or left early: the rest of a frame would be lost unnoticed
    }
  }

  /** The header's length is known from the names: an object with another one is another object. */
  #begin(): OpeningFrames | undefined {
    const { headerBytes } = this.#expected.names;
    if (this.#held.bytes < headerBytes) return undefined;
    const bytes = Buffer.alloc(headerBytes);
    this.#held.read(bytes);
    const header = openHeader(bytes, this.#expected);
    const { checkDigest, callKey } = this.#options;
    this.#digestCheck =
      checkDigest && new PlainDigestCheck(callKey, header.messageId, checkDigest.plainDigest);
    this.#header = header;
    this.#frames = new OpeningFrames(header);
    return this.#frames;
  }

  #factsOf(header: OpenedHeader, frames: OpeningFrames): OpenFacts {
    const sha256 = this.#sha256?.digest();
    const plainDigestMatches = this.#digestCheck?.matches();
    return {
      messageId: header.messageId,
      headerBytes: header.bytes.length,
      frameLength: header.frameLength,
      plainBytes: frames.plainBytes,
      sealedBytes: this.#sealedBytes,
      sealDigest: frames.sealDigest(),
      ...(sha256 && { sha256 }),
      ...(plainDigestMatches !== undefined && { plainDigestMatches }),
    };
  }

  #failed(): Error {
    this.#state = 'failed';
    this.#frames = undefined;
    this.#held.clear();
    return notAuthentic();
  }

  #requireOpen(): void {
    if (this.#state === 'failed') throw notAuthentic();
    if (this.#state === 'finished') throw badArgument('this opener has finished');
  }
}
