import { type AuditFact, auditText } from '../../domain/audit-event.ts';
import type { Intent, IntentEnd } from '../../ports/registry.ts';
import { orNull, placeholders, text } from './rows.ts';
import type { Sql, SqlRow } from './sql.ts';

/** Rows of the audit log. Always written by the transaction that makes the change they speak of. */
export async function insertFacts(sql: Sql, facts: readonly AuditFact[]): Promise<void> {
  if (facts.length === 0) return;
  const values = facts.flatMap((fact) => [
    fact.eventUid,
    orNull(fact.subject?.uid),
    fact.action,
    auditText(fact).text,
  ]);
  // The same event again is a caller that did not hear the first reply.
  await sql.query(
    `insert into audit_events (event_uid, subject_uid, action, fact)
     values ${placeholders(facts.length, 4)} on conflict (event_uid) do nothing`,
    values,
  );
}

export function factOfRow(row: SqlRow): AuditFact {
  const fact: AuditFact = JSON.parse(text(row, 'fact'));
  return fact;
}

export async function insertIntents(
  sql: Sql,
  intents: readonly Intent[],
  attempt: string | undefined,
): Promise<void> {
  for (const { fact } of intents) {
    await sql.query(
      `insert into open_intents (uid, attempt, opened_at, fact) values ($1, $2, callseal_now(), $3)
       on conflict (uid) do nothing`,
      [fact.eventUid, orNull(attempt), auditText(fact).text],
    );
  }
  await insertFacts(
    sql,
    intents.map(({ fact }) => fact),
  );
}

/**
 * Closes each intent that nobody closed before. The first word stands: what the sweep closed as `unknown` stays
 * so until the reconciliation with the key service's own log.
 */
export async function closeIntents(sql: Sql, ends: readonly IntentEnd[]): Promise<void> {
  for (const { intentUid, fact } of ends) {
    const closed = await sql.query('delete from open_intents where uid = $1 returning uid', [intentUid]);
    if (closed.length > 0) await insertFacts(sql, [fact]);
  }
}
