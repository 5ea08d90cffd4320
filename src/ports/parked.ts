import type { AnswerRow } from '../domain/answers.ts';
import type { AuditFact } from '../domain/audit-event.ts';
import type { Place } from '../domain/deliveries.ts';
import type { Code } from '../domain/errors.ts';

/**
 * Where a parked answer stands. `waiting`: nobody has dealt with it. `replayed`: the next replay of its delivery was
 * begun, and that has an answer of its own or will have one. `discarded`: an operator does not want it any more; no replay takes it until it is restored.
 */
export const PARKED_STATES = ['waiting', 'replayed', 'discarded'] as const;
export type ParkedState = (typeof PARKED_STATES)[number];

export interface ParkedFilter {
  /** Of the answer. */
  readonly uid?: string;
  readonly tenant?: string;
  readonly call?: string;
  readonly code?: Code;
  readonly stage?: string;
  /** The beginning of a fingerprint, hex. */
  readonly fingerprint?: string;
  /** ISO times of the park, `since` included, `until` not. */
  readonly since?: string;
  readonly until?: string;
  readonly workerVersion?: string;
  /** Replayed at least so often. */
  readonly replays?: number;
  readonly origin?: Place;
  /** Absent: all of them. */
  readonly state?: ParkedState;
}

export interface Discard {
  /** ISO time. */
  readonly at: string;
  readonly by: string;
  readonly ticket: string;
}

export interface Parked {
  readonly answer: AnswerRow;
  /** How often its delivery was replayed so far. */
  readonly replays: number;
  readonly state: ParkedState;
  readonly discard: Discard | undefined;
  /** When the first answer with this fingerprint was parked, whatever became of it; ISO time. */
  readonly firstSeenAt: string;
}

export const PARKED_DIMENSIONS = [
  'cause',
  'code',
  'fingerprint',
  'tenant',
  'stage',
  'day',
  'hour',
  'worker',
  'replays',
] as const;
export type ParkedDimension = (typeof PARKED_DIMENSIONS)[number];

/** So many parked answers that have something in common. */
export interface ParkedGroup {
  /** By `cause`: code, stage and fingerprint. By `replays`: a number as text. Absent where the answers have none. */
  readonly value: string | undefined;
  /** Of the cause; absent in groups by anything else. */
  readonly cause?: { readonly code: string; readonly stage: string; readonly fingerprint: string };
  readonly count: number;
  /** Tenants that can be named. */
  readonly tenants: number;
  readonly oldestAt: string;
  readonly newestAt: string;
  /** The earliest of `Parked.firstSeenAt`. */
  readonly firstSeenAt: string;
}

/** Reading and marking what was parked. All reject as the registry does. */
export interface ParkedLedger {
  /**
   * At most `limit`: those of fingerprints first seen at `newSince` or later before all others, and within both the
   * newest first.
   */
  parked(
    filter: ParkedFilter,
    options: { readonly newSince: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<Parked[]>;
  /** Groups of what the filter meets: those first seen at `newSince` or later first, and within both the largest first. */
  parkedGroups(
    filter: ParkedFilter,
    options: { readonly by: ParkedDimension; readonly newSince: string },
    signal: AbortSignal,
  ): Promise<ParkedGroup[]>;
  /**
   * Marks waiting answers as discarded, each with its fact, all in one transaction. By whom and with which ticket is
   * what the fact says.
   *
   * @returns uids of those that were marked now; others were not waiting
   */
  discardParked(marks: readonly ParkedMark[], signal: AbortSignal): Promise<string[]>;
  /** The way back. @returns uids of those that were discarded until now */
  restoreParked(marks: readonly ParkedMark[], signal: AbortSignal): Promise<string[]>;
}

export interface ParkedMark {
  /** Of the answer. */
  readonly uid: string;
  readonly fact: AuditFact;
}

/** An operator's pause of a tenant: its deliveries wait, nothing is parked or lost, until somebody ends it. */
export interface IntakePause {
  readonly tenant: string;
  /** ISO time, by the database's clock. */
  readonly at: string;
  readonly by: string;
  readonly ticket: string;
}

/** Pauses of operators. State and audit row commit together; workers read the list again and again. */
export interface IntakePauses {
  /** By whom and with which ticket is what the fact says. @returns false where the tenant was paused before */
  pauseIntake(tenant: string, fact: AuditFact, signal: AbortSignal): Promise<boolean>;
  /** @returns false where the tenant was not paused */
  resumeIntake(tenant: string, fact: AuditFact, signal: AbortSignal): Promise<boolean>;
  /** The oldest first. */
  intakePauses(signal: AbortSignal): Promise<IntakePause[]>;
}
