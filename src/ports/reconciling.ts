import type { AnswerRow } from '../domain/answers.ts';
import type { Place } from '../domain/deliveries.ts';
import type { Receipt } from '../domain/receipts.ts';

/** One (origin, replay number): what an answer is the answer of. */
export interface Answered {
  readonly origin: Place;
  readonly replay: number;
}

/** Behind which answer a page begins. `uid` is empty for the first page. */
export interface AnswerMark {
  readonly decidedAt: string;
  readonly uid: string;
}

/** Behind which receipt a page begins, and of whom. `callUid` is empty for the first page. */
export interface ReceiptMark {
  readonly tenant?: string;
  readonly callUid: string;
}

/** Reading the registry from end to end in pages, to compare it with what is elsewhere. Each is an indexed read. */
export interface Reconciling {
  /** By (decidedAt, uid), upwards, behind `after`. One that commits late may stand before a page that was read. */
  answersBehind(after: AnswerMark, limit: number, signal: AbortSignal): Promise<AnswerRow[]>;
  /** The answers that are there, in no order. At most 500 at a time. */
  answersOf(deliveries: readonly Answered[], signal: AbortSignal): Promise<AnswerRow[]>;
  /** Current receipts of calls that are not shredded, by call uid, behind `after`. */
  currentReceipts(after: ReceiptMark, limit: number, signal: AbortSignal): Promise<Receipt[]>;
  /** ISO time of the oldest audit event that is not on the audit topic yet. */
  oldestUnpublished(signal: AbortSignal): Promise<string | undefined>;
}
