import { performance } from 'node:perf_hooks';
import type { DeclaredMedia } from '../domain/call-event.ts';
import type { MediaFacts, MediaWarning } from '../domain/media.ts';
import { scannerFor } from './choose.ts';
import { Gather } from './gather.ts';
import type { MediaIndex } from './media-index.ts';
import type { PcmAnalysis } from './pcm-analyser.ts';
import { conclude, type Findings, type Scanner } from './scanner.ts';
import { SNIFF_BYTES } from './sniff.ts';

/** Watches the bytes of one recording on their way into the sealing. Never throws. */
export interface Tap {
  /** Reads `chunk` before it returns; does not change, keep or detach it. */
  push(chunk: Uint8Array): void;
  /** The facts, once all bytes are pushed. They depend on the bytes and the event, never on how they were cut. */
  end(): MediaFacts;
  /** After `end`: where which second is. Undefined for what is not understood, or cannot be cut. */
  index(): MediaIndex | undefined;
  /** After `end`: peaks, statistics, who is not heard. Undefined where the samples are not there to listen to. */
  analysis(): PcmAnalysis | undefined;
}

/**
 * Milliseconds a whole recording may be looked at. The last resort behind the scanners' own bounds: two hours of
 * any format take a fraction of a second.
 */
const PARSE_MS = 30_000;

export function createTap(declared: DeclaredMedia | undefined, limits: { parseMs?: number } = {}): Tap {
  return new SniffingTap(declared, limits.parseMs ?? PARSE_MS);
}

class SniffingTap implements Tap {
  readonly #declared: DeclaredMedia | undefined;
  readonly #head = new Gather(SNIFF_BYTES);
  #scanner: Scanner | undefined;
  #failure: MediaWarning | undefined;
  #facts: MediaFacts | undefined;
  #bytes = 0;
  #budgetMs: number;

  constructor(declared: DeclaredMedia | undefined, budgetMs: number) {
    this.#declared = declared;
    this.#budgetMs = budgetMs;
    this.#head.begin(SNIFF_BYTES);
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#failure !== undefined) return;
    this.#guard(() => this.#scan(chunk));
  }

  end(): MediaFacts {
    const findings = this.#guard(() => this.#findings());
    const roles = this.#declared?.channels;
    this.#facts = {
      ...(findings ?? failed(this.#failure ?? 'PARSER_FAILED')),
      ...(roles === undefined ? {} : { channelRoles: [...roles] }),
      bytes: this.#bytes,
    };
    return this.#facts;
  }

  index(): MediaIndex | undefined {
    const facts = this.#facts;
    const layout = this.#failure === undefined ? this.#guard(() => this.#scanner?.layout()) : undefined;
    return facts && layout && { version: 1, facts, layout };
  }

  analysis(): PcmAnalysis | undefined {
    return this.#scanner?.analysis?.();
  }

  #scan(chunk: Uint8Array): void {
    let rest = chunk;
    if (this.#scanner === undefined) {
      rest = this.#head.take(chunk);
      if (!this.#head.full) return;
      this.#scanner = this.#start();
    }
    if (rest.length > 0) this.#scanner.push(rest);
  }

  #findings(): Findings | undefined {
    if (this.#failure !== undefined) return undefined;
    if (this.#bytes === 0) return conclude({ container: 'unknown', codec: 'unknown' }, new Set(['NO_AUDIO']));
    this.#scanner ??= this.#start();
    return this.#scanner.end();
  }

  #start(): Scanner {
    const head = this.#head.view;
    const scanner = scannerFor(head, this.#declared);
    scanner.push(head);
    return scanner;
  }

  /** Runs one step within the budget. A defect in a scanner must not reach the sealing: it becomes a warning. */
  #guard<Result>(step: () => Result): Result | undefined {
    const from = performance.now();
    try {
      return step();
    } catch {
      this.#fail('PARSER_FAILED');
      return undefined;
    } finally {
      this.#budgetMs -= performance.now() - from;
      if (this.#budgetMs < 0) this.#fail('PARSE_BUDGET_EXCEEDED');
    }
  }

  #fail(warning: MediaWarning): void {
    this.#failure ??= warning;
    this.#scanner = undefined;
  }
}

function failed(warning: MediaWarning): Findings {
  return conclude({ container: 'unknown', codec: 'unknown' }, new Set([warning]));
}
