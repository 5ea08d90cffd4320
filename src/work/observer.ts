import type { AnswerRow } from '../domain/answers.ts';
import type { Delivery } from '../domain/deliveries.ts';
import type { CallsealError } from '../domain/errors.ts';
import type { PausedScope } from './intake.ts';

/** Told what a worker does, in ids and codes; logs, metrics and progress hang here. Must not throw. */
export interface Observer {
  /** A delivery has its answer; told again where a delivery comes again. */
  answered?(row: AnswerRow, delivery: Delivery): void;
  /** A delivery has no answer yet: it waits, goes to the retry topic, or is left. */
  failed?(error: unknown, delivery: Delivery): void;
  intake?(change: 'paused' | 'resumed', scope: PausedScope): void;
  relayFailed?(error: CallsealError): void;
  /** Work that comes again by itself was done, by this worker; `counts` says how much of what, `says` what it means. */
  scheduleRan?(name: string, counts: Readonly<Record<string, number>>, says?: string): void;
  /** It was not, or cannot be asked for: it is late. */
  scheduleFailed?(name: string, error: CallsealError): void;
}
