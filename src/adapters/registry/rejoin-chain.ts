import { type AuditEvent, CHAIN_START } from '../../domain/audit-event.ts';
import { canonical } from '../../domain/canonical.ts';
import { orNull } from './rows.ts';
import type { Sql } from './sql.ts';

/**
 * The part of the chain that a restore lost, back from the audit topic (`Restoring.rejoinChain`).
 *
 *   here     1 … after | x  y          numbered in a life that nobody saw: they wait for the relay again
 *   topic    1 … after | a  b  c       what everybody saw
 *   then     1 … after | a  b  c | x y …
 *
 * An event may be here already without its number: it was written before the backup and chained behind it.
 */
export async function rejoinChain(sql: Sql, after: number, events: readonly AuditEvent[]): Promise<void> {
  await sql.query('update audit_events set seq = null, prev = null, hash = null where seq > $1', [after]);
  for (const event of events) await insertChained(sql, event);
  await sql.query(
    `update relay set (head_seq, head_hash) = (select seq, hash from audit_events
       where seq is not null union all select 0, '${CHAIN_START}' order by 1 desc limit 1)`,
  );
  await sql.query('update relay set published_seq = head_seq');
}

/** The text is all of the event and not only what this version knows of it: its hash covers that. */
async function insertChained(sql: Sql, event: AuditEvent): Promise<void> {
  const { schema: _, seq, prev, hash, ...fact } = event;
  await sql.query(
    `insert into audit_events (event_uid, subject_uid, action, fact, seq, prev, hash)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (event_uid) do update set seq = excluded.seq, prev = excluded.prev, hash = excluded.hash`,
    [event.eventUid, orNull(event.subject?.uid), event.action, canonical(fact), seq, prev, hash],
  );
}
