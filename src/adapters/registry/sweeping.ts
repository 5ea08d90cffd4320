import { ATTEMPT_STATES } from '../../domain/decide.ts';
import { callUidOf } from '../../domain/object-names.ts';
import type { SweepableAttempt, Sweeping } from '../../ports/registry.ts';
import { factOfRow, insertFacts } from './audit-rows.ts';
import { readCall, registryEpoch } from './call-row.ts';
import type { KnownEpoch } from './known-epoch.ts';
import { text, word } from './rows.ts';
import { acrossTenants, type Sql, type SqlDatabase, type SqlRow } from './sql.ts';

/** Every write looks first whether the registry went back: it must not clean up what it does not remember. */
export function sweeping(database: SqlDatabase, known: KnownEpoch): Sweeping {
  const sweepingTransaction = async <T>(signal: AbortSignal, work: (sql: Sql) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return await database.transaction(undefined, async (sql) => {
      await registryEpoch(sql, known);
      return await work(sql);
    });
  };
  return {
    abandonAttempts: async (unseenMs, auditOf, signal) =>
      await sweepingTransaction(signal, async (sql) => {
        const rows = await sql.query(
          `update attempts set state = 'abandoned', ended_at = callseal_now()
           where state = 'open' and seen_at < callseal_now() - $1
           returning uid, tenant, state, ${CALL_UID}`,
          [unseenMs],
        );
        await insertFacts(
          sql,
          rows.map((row) => auditOf(attemptOfRow(row))),
        );
        return rows.length;
      }),
    closeDanglingIntents: async (commandMs, auditOf, signal) =>
      await sweepingTransaction(signal, async (sql) => {
        const rows = await sql.query(
          `delete from open_intents
           where attempt in (select uid from attempts where state <> 'open')
             or (attempt is null and opened_at < callseal_now() - $1)
           returning fact`,
          [commandMs],
        );
        await insertFacts(
          sql,
          rows.map((row) => auditOf(factOfRow(row))),
        );
        return rows.length;
      }),
    sweepable: async (graceMs, limit, signal) =>
      await sweepingTransaction(signal, async (sql) => {
        // The one looked at longest ago first, so that a name which never gets empty keeps nobody waiting.
        const rows = await sql.query(
          `select uid, tenant, state, ${CALL_UID} from attempts
           where state in ('lost', 'abandoned') and swept_at is null and ended_at < callseal_now() - $1
           order by coalesce(deleted_at, ended_at) limit $2`,
          [graceMs, limit],
        );
        return rows.map(attemptOfRow);
      }),
    noteDeletion: async (uid, facts, signal) => {
      await sweepingTransaction(signal, async (sql) => {
        await sql.query('update attempts set deleted_at = callseal_now() where uid = $1', [uid]);
        await insertFacts(sql, facts);
      });
    },
    markSwept: async (uid, quietMs, signal) =>
      await sweepingTransaction(signal, async (sql) => {
        const swept = await sql.query(
          `update attempts set swept_at = callseal_now()
           where uid = $1 and state in ('lost', 'abandoned')
             and coalesce(deleted_at, ended_at) < callseal_now() - $2
           returning uid`,
          [uid, quietMs],
        );
        return swept.length > 0;
      }),
    attemptState: async (uid, signal) => {
      signal.throwIfAborted();
      const [row] = await acrossTenants(database).query('select state from attempts where uid = $1', [uid]);
      return row && word(row, 'state', ATTEMPT_STATES);
    },
    isNamed: async (object, signal) => {
      signal.throwIfAborted();
      return await isNamed(acrossTenants(database), object);
    },
  };
}

const CALL_UID = `(select c.call_uid from calls c
  where c.tenant = attempts.tenant and c.call = attempts.call) as call_uid`;

function attemptOfRow(row: SqlRow): SweepableAttempt {
  return {
    uid: text(row, 'uid'),
    tenant: text(row, 'tenant'),
    callUid: text(row, 'call_uid'),
    state: word(row, 'state', ATTEMPT_STATES),
  };
}

/** Found by the call uid in its name: a decision refuses receipts whose objects are named otherwise. */
async function isNamed(sql: Sql, object: string): Promise<boolean> {
  const callUid = callUidOf(object);
  if (callUid === undefined) return false;
  const [call] = await sql.query('select tenant, call from calls where call_uid = $1', [callUid]);
  if (!call) return false;
  const found = await readCall(sql, {
    tenant: text(call, 'tenant'),
    call: text(call, 'call'),
    revision: 0,
  });
  if (!found || found.state.shredded) return false;
  const artifact = found.receipt?.artifacts.find((one) => one.object === object);
  return artifact !== undefined && !found.state.shreddedClasses.includes(artifact.keyClass);
}
