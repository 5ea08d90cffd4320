import { type DecoderWarning, isDecoderWarning } from '../../domain/warnings.ts';
import type { Decoded, Decoding, OpusRecording } from '../../ports/decoder.ts';
import { type Frame, frameOf, HEADER_BYTES, KIND, MOST_BYTES } from './framing.ts';

/** Bytes that a child is given before it has taken in the ones before. */
const WINDOW_BYTES = 4 * MOST_BYTES;
/** A recording that has not ended is given a child from so many bytes on: a slow source shall not keep one waiting. */
const READY_BYTES = 256 * 1024;
/** What the analyser may find; anything else in a report is not believed. */
const HEARD = ['SILENT', 'DEAD_CHANNEL', 'IDENTICAL_CHANNELS'] as const;

/** What a decoding asks of its pool. */
export interface PoolSide {
  /** Room for bytes; false where there is none. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  /** Once: it can be decoded now. */
  ready(): void;
  /** Once. `isAnswered`: by its child, which is free again. */
  settled(isAnswered: boolean): void;
}

/** One recording: waiting, then with a child, then settled by an answer, a failure or nobody's interest. */
export class PooledDecoding implements Decoding {
  readonly #recording: OpusRecording;
  readonly #answerMs: number;
  readonly #pool: PoolSide;
  readonly #result = Promise.withResolvers<Decoded>();
  #queue: Buffer[] = [];
  #reserved = 0;
  /** Given to the child, and not taken in by it. */
  #unanswered = 0;
  #send: ((frame: Buffer) => void) | undefined;
  #made: Decoded['made'][number][] = [];
  #timer: NodeJS.Timeout | undefined;
  #isReady = false;
  #isEnded = false;
  #isSettled = false;

  constructor(recording: OpusRecording, answerMs: number, pool: PoolSide) {
    this.#recording = recording;
    this.#answerMs = answerMs;
    this.#pool = pool;
  }

  push(chunk: Uint8Array): void {
    if (this.#isSettled || this.#isEnded) return;
    if (!this.#pool.reserve(chunk.length)) return this.giveUp('DECODER_BUSY');
    this.#reserved += chunk.length;
    for (let at = 0; at < chunk.length; at += MOST_BYTES) {
      this.#queue.push(frameOf(KIND.bytes, chunk.subarray(at, at + MOST_BYTES)));
    }
    if (this.#reserved >= READY_BYTES) this.#becomeReady();
    this.#pump();
  }

  async end(signal: AbortSignal): Promise<Decoded> {
    signal.throwIfAborted();
    const drop = (): void => this.drop();
    signal.addEventListener('abort', drop, { once: true });
    try {
      if (!this.#isSettled) this.#endQueue();
      const decoded = await this.#result.promise;
      signal.throwIfAborted();
      return decoded;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  drop(): void {
    this.#settle({ made: [], warnings: [] }, false);
  }

  giveUp(warning: DecoderWarning): void {
    this.#settle({ made: [], warnings: [warning] }, false);
  }

  /** By the pool: a child is free, and hears what is sent. */
  begin(send: (frame: Buffer) => void): void {
    this.#send = send;
    send(frameOf(KIND.begin, JSON.stringify(this.#recording)));
    this.#pump();
  }

  /** By the pool: what the child says. @returns how much memory it has after the last frame of an answer. */
  read({ kind, body }: Frame): number | undefined {
    if (kind === KIND.report && this.#isEnded) return this.#report(body);
    if (kind === KIND.taken && body.length === 4) this.#taken(body.readUInt32BE());
    else if (kind === KIND.peaks || kind === KIND.stats) this.#keep(kind, body);
    else this.giveUp('DECODER_FAILED');
    return undefined;
  }

  #becomeReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#pool.ready();
  }

  /** From here the answer is waited for, and the time that is left does not begin anew. */
  #endQueue(): void {
    this.#isEnded = true;
    this.#queue.push(frameOf(KIND.end));
    this.#startTimer();
    this.#becomeReady();
    this.#pump();
  }

  #pump(): void {
    if (this.#send === undefined) return;
    while (this.#unanswered < WINDOW_BYTES) {
      const frame = this.#queue.shift();
      if (frame === undefined) break;
      if (this.#unanswered === 0 && !this.#isEnded) this.#startTimer();
      this.#unanswered += frame.length - HEADER_BYTES;
      this.#send(frame);
    }
  }

  #taken(bytes: number): void {
    if (bytes > this.#unanswered) return this.giveUp('DECODER_FAILED');
    this.#unanswered -= bytes;
    this.#release(bytes);
    if (!this.#isEnded) {
      clearTimeout(this.#timer);
      if (this.#unanswered > 0) this.#startTimer();
    }
    this.#pump();
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.giveUp(this.#send === undefined ? 'DECODER_BUSY' : 'DECODER_SLOW'),
      this.#answerMs,
    );
  }

  #keep(kind: number, bytes: Buffer): void {
    const name = kind === KIND.peaks ? 'peaks' : 'stats';
    if (!this.#isEnded || this.#made.some((made) => made.kind === name)) return this.giveUp('DECODER_FAILED');
    this.#made.push({ kind: name, bytes });
  }

  #report(body: Buffer): number | undefined {
    const report = readReport(body);
    if (report === undefined || this.#made.length === 1) {
      this.giveUp('DECODER_FAILED');
      return undefined;
    }
    this.#settle({ made: this.#made, warnings: report.warnings }, true);
    return report.rss;
  }

  #release(bytes: number): void {
    this.#reserved -= bytes;
    this.#pool.release(bytes);
  }

  #settle(decoded: Decoded, isAnswered: boolean): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#release(this.#reserved);
    this.#result.resolve(decoded);
    this.#pool.settled(isAnswered);
  }
}

/** Undefined for a report that no child of ours writes. A child has read what strangers sent: it is not believed. */
function readReport(
  body: Buffer,
): { readonly warnings: Decoded['warnings']; readonly rss: number } | undefined {
  try {
    const { warnings, rss }: { warnings?: unknown; rss?: unknown } = JSON.parse(body.toString());
    if (!Array.isArray(warnings) || typeof rss !== 'number') return undefined;
    const known = warnings.filter(isKnown);
    return known.length === warnings.length ? { warnings: [...new Set(known)], rss } : undefined;
  } catch {
    return undefined;
  }
}

function isKnown(code: unknown): code is Decoded['warnings'][number] {
  return typeof code === 'string' && (isDecoderWarning(code) || HEARD.some((heard) => heard === code));
}
