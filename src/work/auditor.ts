import { type Action, type Actor, type AuditFact, contextHash } from '../domain/audit-event.ts';
import { codeOf } from '../domain/errors.ts';
import { newUid } from '../domain/ids.ts';

export interface Auditor {
  /** The process whose facts these are. */
  readonly writer: AuditFact['writer'];
  /** A fact with its uid, writer, actor and time; an outcome of `ok` unless said. */
  fact(action: Action, fields?: Partial<AuditFact>): AuditFact;
  /** The fact that closes `intent`: what it said, how it ended. */
  end(intent: AuditFact, outcome: AuditFact['outcome'], fields?: Partial<AuditFact>): AuditFact;
}

/** Makes audit facts in the name of one process. `ticket` stands on every fact of a command that was given one. */
export function auditor(options: {
  readonly writer: AuditFact['writer'];
  readonly actor: Actor;
  readonly ticket?: string | undefined;
  readonly now: () => Date;
}): Auditor {
  const fact: Auditor['fact'] = (action, fields = {}) => ({
    eventUid: newUid(),
    writer: options.writer,
    time: options.now().toISOString(),
    actor: options.actor,
    action,
    outcome: { status: 'ok' },
    ...(options.ticket === undefined ? {} : { ticket: options.ticket }),
    ...fields,
  });
  return {
    writer: options.writer,
    fact,
    end: (intent, outcome, fields = {}) => {
      const { eventUid: intentUid, time: _, ...same } = intent;
      return { ...fact(intent.action), ...same, ...fields, eventUid: newUid(), intentUid, outcome };
    },
  };
}

/** The `kms` field of a fact: the operation and which context, without repeating the context. */
export function kmsUse(
  operation: 'GenerateDataKey' | 'Decrypt' | 'ReEncrypt',
  context: Readonly<Record<string, string>>,
  requestId?: string,
): NonNullable<AuditFact['kms']> {
  return { operation, contextHash: contextHash(context), ...(requestId === undefined ? {} : { requestId }) };
}

/** No reply, or an abort while waiting for one: the key may have been used. A refusal says that it was not. */
export function failedOutcome(error: unknown): AuditFact['outcome'] {
  const code = codeOf(error);
  const unknown = code === 'KMS_DOWN' || code === 'STOPPING' || code === 'BUG';
  return { status: unknown ? 'unknown' : 'failed', code };
}
