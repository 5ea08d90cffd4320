/** What a reconciliation can find. Each is a difference that no crash and no delay explains (docs/reconcile.md). */
export const RECONCILE_CODES = [
  'EVENT_NEVER_ANSWERED',
  'OUTPUT_MISSING',
  'OUTPUT_UNANSWERED',
  'OUTPUT_DIFFERS',
  'OUTPUT_DOUBLED',
  'RECEIPT_MISSING',
  'KEY_MISSING',
  'OBJECT_MISSING',
  'OBJECT_LENGTH_DIFFERS',
  'SOURCE_NEVER_ANNOUNCED',
  'SOURCE_NEVER_ANSWERED',
  'SOURCE_LENGTH_DIFFERS',
] as const;
export type ReconcileCode = (typeof RECONCILE_CODES)[number];

/** Where something is, in ids. A source's key may say more than an id, so a source is named by its line. */
export interface Whereabouts {
  readonly tenant?: string;
  readonly call?: string;
  readonly artifact?: string;
  /** topic/partition/offset in an inbox topic. */
  readonly origin?: string;
  readonly replay?: number;
  readonly answer?: string;
  /** An output: its topic's word and its id. */
  readonly topic?: string;
  readonly id?: string;
  readonly object?: string;
  readonly alias?: string;
  /** Of the listing, from 1. */
  readonly line?: number;
}

export interface ReconcileFinding extends Whereabouts {
  readonly code: ReconcileCode;
}

/** Under way, and so nothing that is missing. */
export interface InFlight extends Whereabouts {
  /** `unanswered`, `unsettled`: an event and its answer; `unannounced`: a source whose event may still come. */
  readonly stage: 'unanswered' | 'unsettled' | 'unannounced';
  readonly ageMs: number;
}

export const COMPARED = ['events', 'answers', 'outputs', 'receipts', 'keys', 'objects', 'sources'] as const;
export type Compared = (typeof COMPARED)[number];

export interface ReconcileReport {
  readonly since: string;
  readonly until: string;
  readonly compared: Readonly<Record<Compared, number>>;
  readonly findings: number;
  /** Only those that were found. */
  readonly byCode: Readonly<Partial<Record<ReconcileCode, number>>>;
  readonly inFlight: number;
  readonly oldestInFlightMs: number;
  /** Outputs that stand there again, same id and same bytes, as readers are told to expect after a crash. */
  readonly repeated: number;
  /** Listed sources from before the time that was looked at, in no current receipt: nothing can be said of them. */
  readonly unjudged: number;
}
