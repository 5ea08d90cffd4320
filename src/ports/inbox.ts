import type { Delivery, Place } from '../domain/deliveries.ts';
import type { Code } from '../domain/errors.ts';
import type { Output } from '../domain/outputs.ts';

/** What became of a delivery, and so what the inbox does with it. */
export type Verdict =
  /** Answered: publish the outputs and mark the record done, in one atomic step. */
  | { readonly do: 'settle'; readonly outputs: readonly Output[] }
  /** To the retry topic, due at `dueAt`, and done here: one atomic step. It keeps origin, replay and arrival. */
  | {
      readonly do: 'hand-over';
      readonly dueAt: Date;
      readonly counted: number;
      readonly firstFailedAt: string | undefined;
      /** The failure; it travels along for whoever lists what waits. */
      readonly code?: Code;
      /** What it waits for, where nothing has failed. */
      readonly held?: Code;
    }
  /** Not now: its dependency is paused. Deliver it again, at once, when `resumed` resolves; others go on. */
  | { readonly do: 'wait'; readonly resumed: Promise<unknown>; readonly code?: Code }
  /** We are leaving: nothing is settled, the delivery comes again to whoever is next. */
  | { readonly do: 'leave' };

/** MUST NOT reject: every error is a verdict. One that rejects ends `run` with that error. */
export type Handler = (delivery: Delivery, signal: AbortSignal) => Promise<Verdict>;

export interface InboxRecord {
  /** An inbox topic as configured. */
  readonly topic: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/** A delivery that is put in front of the pipeline again, under the next number. */
export interface ReplayedRecord {
  readonly origin: Place;
  readonly replay: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

export interface Backlog {
  /** Records not yet marked done, retries included. */
  readonly waiting: number;
  /** Of them, those that are due now. */
  readonly due: number;
  /** When the oldest of them was published, ISO time. */
  readonly oldestAt: string | undefined;
}

/** A record of an input topic, and what became of it so far. */
export interface InboxEntry {
  readonly delivery: Delivery;
  readonly publishedAt: Date;
  /** Marked done when its topic was looked at: it was settled or handed over. */
  readonly done: boolean;
}

/**
 * Deliveries, at least once, in order per record key; different keys run side by side up to the adapter's limits.
 */
export interface Inbox {
  /**
   * Hands deliveries to `handle` and carries out its verdicts, until `signal` aborts or, with `untilIdle`, until
   * nothing is due and nothing is in hand.
   *
   * A record is delivered again (same origin, replay, arrival, bytes) until a `settle` or a `hand-over` of it is
   * durable; then never again. Outputs and done-mark become visible together or not at all, also across
   * `kill -9`. After the abort no new delivery starts; `run` resolves when every handler has answered.
   *
   * @throws CallsealError WORKER_RUNNING - another worker holds the folder (embedded adapter only).
   * @throws CallsealError INBOX_DOWN
   */
  run(handle: Handler, options: { readonly untilIdle: boolean }, signal: AbortSignal): Promise<void>;
  /** Publishes an event into an inbox topic; durable when it resolves. For commands and tests, not for edges. */
  publish(record: InboxRecord, signal: AbortSignal): Promise<Place>;
  /**
   * Publishes into the replay topic; durable when it resolves. The same record twice is two records with two arrivals,
   * of which the one that decides publishes.
   *
   * @throws CallsealError INBOX_DOWN - it may have been published
   */
  replay(record: ReplayedRecord, signal: AbortSignal): Promise<Place>;
  backlog(signal: AbortSignal): Promise<Backlog>;
  /**
   * Records of inbox, replay and retry topics that were published since then, done or not, changing nothing. What is
   * done in a topic is looked at before its end is, and the retry topic comes last: a delivery whose entries are all
   * `done` was settled before the last of them was given out. What is published meanwhile may be left out.
   *
   * @param only - leaves the other topics out
   */
  records(since: Date, signal: AbortSignal, only?: 'retry'): AsyncIterable<InboxEntry>;
  /** Removes what is older than its topic keeps; a cluster does so by itself. @returns how many records */
  removeExpired(signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}
