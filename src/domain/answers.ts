import type { Place } from './deliveries.ts';
import type { Code, Disposition } from './errors.ts';

/** What a delivery came to, decided once. */
export const ANSWERS = [
  'sealed',
  'sealed-with-warnings',
  'parked',
  'superseded',
  'refused',
  'duplicate',
] as const;
export type Answer = (typeof ANSWERS)[number];

/** The call's receipt after a decision: its revision and generation, or that there is none, or that it is gone. */
export type Current = { readonly revision: number; readonly generation: number } | 'none' | 'shredded';

/** Why and where a delivery was parked; columns of its answer row, headers of its dead letter. */
export interface ParkReason {
  readonly code: Code;
  readonly stage: string;
  readonly disposition: Disposition;
  /** SHA-256, hex, of stage, code and, for a bug, error class and our top three frames. */
  readonly fingerprint: string;
  readonly counted: number;
  readonly firstFailedAt: string;
  /** Of the worker that parked it, whoever settles. Answers of the first releases have none. */
  readonly workerVersion?: string;
}

/**
 * The origin of an answer that no delivery asked for: a shred or a reseal. A colon stands in no topic name, so it
 * meets no delivery's origin.
 */
export function commandOrigin(kind: 'shred' | 'reseal', uid: string): Place {
  return { topic: `${kind}:${uid}`, partition: 0, offset: 0 };
}

/** The row. Everything that is emitted is derived from it. */
export interface AnswerRow {
  readonly uid: string;
  readonly origin: Place;
  readonly replay: number;
  readonly arrival: Place;
  readonly deliveredDigest: string;
  readonly answer: Answer;
  readonly code: Code | undefined;
  readonly tenant: string | undefined;
  readonly call: string | undefined;
  readonly callUid: string | undefined;
  readonly revision: number | undefined;
  readonly generation: number | undefined;
  readonly sequence: number | undefined;
  readonly registryEpoch: number;
  readonly park: ParkReason | undefined;
  /** The outcome event's data as canonical JSON, made inside the decision; absent where nothing is published. */
  readonly outcome: string | undefined;
  readonly decidedAt: string;
}
