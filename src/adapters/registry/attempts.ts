import { CallsealError } from '../../domain/errors.ts';
import type { IntentEnd, NewAttempt } from '../../ports/registry.ts';
import { refuseReusedOrigin } from './answer-rows.ts';
import { closeIntents, insertIntents } from './audit-rows.ts';
import { lockCall, readCall } from './call-row.ts';
import type { KnownEpoch } from './known-epoch.ts';
import { acrossTenants, type Sql, type SqlDatabase } from './sql.ts';

/**
 * `open` → `won`, `lost`. Never without the condition: an attempt that the sweep has given up may still believe
 * that it lives.
 *
 * @returns whether it was open until now
 */
export async function endAttempt(sql: Sql, uid: string, state: 'won' | 'lost'): Promise<boolean> {
  const ended = await sql.query(
    `update attempts set state = $2, ended_at = callseal_now() where uid = $1 and state = 'open' returning uid`,
    [uid, state],
  );
  return ended.length > 0;
}

export async function openAttempt(
  database: SqlDatabase,
  known: KnownEpoch,
  attempt: NewAttempt,
): Promise<void> {
  await database.transaction(attempt.tenant, async (sql) => {
    const { callUid } = await lockCall(sql, known, attempt.tenant, attempt.call);
    // The sweep finds an attempt's objects by the call's uid; under another one they would lie there for ever.
    if (attempt.callUid !== undefined && attempt.callUid !== callUid) {
      throw new CallsealError('ATTEMPT_LOST', 'the call has another uid than it was viewed with');
    }
    const found = await readCall(sql, attempt);
    if (found?.state.shredded) {
      throw new CallsealError('CALL_SHREDDED', 'the call or its tenant was shredded');
    }
    await refuseReusedOrigin(sql, attempt);
    const { origin } = attempt;
    await sql.query(
      `insert into attempts (uid, origin_topic, origin_partition, origin_offset, replay, delivered_digest,
         tenant, call, revision, state, seen_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', callseal_now())`,
      [
        attempt.uid,
        origin.topic,
        origin.partition,
        origin.offset,
        attempt.replay,
        attempt.deliveredDigest,
        attempt.tenant,
        attempt.call,
        attempt.revision,
      ],
    );
    await insertIntents(sql, attempt.intents, attempt.uid);
  });
}

export async function touchAttempts(database: SqlDatabase, uids: readonly string[]): Promise<void> {
  if (uids.length === 0) return;
  const list = uids.map((_, i) => `$${i + 1}`).join(', ');
  await acrossTenants(database).query(
    `update attempts set seen_at = callseal_now() where state = 'open' and uid in (${list})`,
    uids,
  );
}

export async function loseAttempt(
  database: SqlDatabase,
  uid: string,
  ends: readonly IntentEnd[],
): Promise<void> {
  await database.transaction(undefined, async (sql) => {
    if (await endAttempt(sql, uid, 'lost')) await closeIntents(sql, ends);
  });
}
