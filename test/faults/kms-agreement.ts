import type { AuditFact } from '../../src/domain/audit-event.ts';
import type { RequestLogEntry } from '../services/kms/request-log.ts';

/** What our audit events and the log of the key service say about keys that were made. */
export interface Agreement {
  /** Keys that we say were made and the log does not know. */
  readonly invented: number;
  /** Keys in the log of which we say neither `ok` nor, with their attempt, that we do not know. */
  readonly unaccounted: number;
  /** Intents without an end. */
  readonly open: readonly AuditFact[];
}

/** @param generated - all `key.generate` events: intents and ends */
export function agreement(generated: readonly AuditFact[], log: readonly RequestLogEntry[]): Agreement {
  const made = new Map(
    log
      .filter(({ operation, outcome }) => operation === 'GenerateDataKey' && outcome === 'ok')
      .map((entry) => [entry.requestId, entry]),
  );
  const ends = generated.filter(({ intentUid }) => intentUid !== undefined);
  const ok = ends.filter(({ outcome }) => outcome.status === 'ok');
  const known = new Set(ok.map(({ kms }) => kms?.requestId));
  const closed = new Set(ends.map(({ intentUid }) => intentUid));
  const open = generated.filter(
    ({ outcome, eventUid }) => outcome.status === 'intent' && !closed.has(eventUid),
  );
  const unknown = new Set(
    [...open, ...ends.filter(({ outcome }) => outcome.status === 'unknown')].map(
      ({ subject }) => subject?.uid,
    ),
  );
  return {
    invented: ok.filter(({ kms }) => !made.has(kms?.requestId ?? '')).length,
    unaccounted: [...made.values()].filter(
      ({ requestId, encryptionContext }) =>
        !known.has(requestId) && !unknown.has(encryptionContext?.['attempt']),
    ).length,
    open,
  };
}
