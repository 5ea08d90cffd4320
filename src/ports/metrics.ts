import type { Answer, AnswerRow } from '../domain/answers.ts';
import type { Code, Disposition, Scope } from '../domain/errors.ts';

/** What is timed: a whole delivery, and inside it the waits for others. */
export const STAGES = ['delivery', 'source', 'key', 'store', 'decision'] as const;
export type TimedStage = (typeof STAGES)[number];

export const KMS_OPS = ['generate', 'unwrap', 'rewrap', 'describe', 'ensure'] as const;
export type KmsOp = (typeof KMS_OPS)[number];

/** How a stage ended; for a delivery `retry`, `pause` and `stop` say that it has no answer yet. */
export type StageOutcome = 'ok' | Disposition;
export type MessageOutcome = Answer | 'handed-over';

/** Whom a pause concerns, why, and since when. */
export interface Paused extends Scope {
  readonly code: Code;
  readonly since: Date;
}

/** A worker while it works, to be looked at whenever somebody asks. Costs nothing: no I/O. */
export interface WorkerView {
  /** Bytes of part buffers that are out. */
  inflightBytes(): number;
  paused(): readonly Paused[];
}

/** Counts of a reconciliation, by words of closed sets. */
export interface Reconciled {
  readonly findings: Readonly<Record<string, number>>;
  readonly compared: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly endedAt: Date;
}

/**
 * Told what a worker does, in words of closed sets: no id, no key and no free text may become a label. No method
 * throws or waits.
 */
export interface Metrics {
  /** The worker is about to take its first delivery. */
  working(view: WorkerView): void;
  /** A delivery begins. @returns to be called when the handler is through with it, with how that ended */
  delivery(topic: string): (outcome: StageOutcome) => void;
  /** A delivery has its answer; told again where the delivery comes again. */
  answered(row: Pick<AnswerRow, 'origin' | 'answer' | 'code' | 'park'>): void;
  stage(stage: TimedStage, outcome: StageOutcome, seconds: number): void;
  kmsRequest(op: KmsOp, outcome: 'ok' | Code): void;
  /** The audit relay published so many events; again where it publishes the same ones again. */
  auditPublished(events: number): void;
  /** A schedule of the product's own was run by this worker, and what it counted. */
  scheduleRan(schedule: string, counts: Readonly<Record<string, number>>): void;
  /** It was not, or cannot be asked for. */
  scheduleFailed(schedule: string, code: Code): void;
  /** A reconciliation came to its end; every kind of finding is named, also one that was not found. */
  reconciled(report: Reconciled): void;
  /** How long the oldest audit event has been waiting for the audit topic; 0 where none waits. */
  auditLag(seconds: number): void;
  /** Something moved, though nothing ended: a part of a long recording. Tells a slow worker from a stuck one. */
  moved(): void;
}
