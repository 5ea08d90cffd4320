import type { AnswerRow } from '../domain/answers.ts';
import type { Delivery } from '../domain/deliveries.ts';
import { type CallsealError, type Code, codeOf, dispositionOf, type Scope } from '../domain/errors.ts';
import type { Log } from './log.ts';

/** What a worker tells of its work, as log lines. */
export function logObserver(log: Log) {
  return {
    answered(row: AnswerRow): void {
      const { tenant, call, callUid, revision, answer, code, origin, replay, park } = row;
      const level = answer === 'parked' ? 'warn' : 'info';
      log[level]('call answered', {
        tenant,
        call,
        callUid,
        revision,
        answer,
        answerUid: row.uid,
        code,
        origin,
        replay,
        stage: park?.stage,
        fingerprint: park?.fingerprint,
      });
    },
    failed(error: unknown, { origin, replay, counted }: Delivery): void {
      const isBug = dispositionOf(codeOf(error)) === 'bug';
      log[isBug ? 'error' : 'warn']('delivery failed', { error, origin, replay, count: counted });
    },
    intake(change: 'paused' | 'resumed', { tenant, alias, code }: Scope & { readonly code: Code }): void {
      log[change === 'paused' ? 'warn' : 'info'](`intake ${change}`, { tenant, alias, code });
    },
    scheduleRan(schedule: string, counts: Readonly<Record<string, number>>, says?: string): void {
      // A stored call that is not what its receipt says; something that is not where it should be.
      const isBad = (counts['failed'] ?? 0) > 0 || (counts['findings'] ?? 0) > 0;
      log[isBad ? 'error' : 'info']('schedule ran', { schedule, counts, says });
    },
    scheduleFailed(schedule: string, error: CallsealError): void {
      log.warn('schedule failed', { schedule, error });
    },
    relayFailed(error: CallsealError): void {
      log.warn('audit relay failed', { error });
    },
  };
}
