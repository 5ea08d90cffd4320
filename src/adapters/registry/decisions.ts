import { CallsealError } from '../../domain/errors.ts';
import { newUid } from '../../domain/ids.ts';
import type { CallView, Decisions } from '../../ports/registry.ts';
import { findAnswer } from './answer-rows.ts';
import { loseAttempt, openAttempt, touchAttempts } from './attempts.ts';
import { readCall, registryEpoch } from './call-row.ts';
import { decide, type Life } from './decide.ts';
import { shred } from './shred.ts';
import { acrossTenants, ofTenant, type SqlDatabase } from './sql.ts';

export function decisions(database: SqlDatabase, life: Life): Decisions {
  return {
    openAttempt: async (attempt, signal) => {
      signal.throwIfAborted();
      await openAttempt(database, life.known, attempt);
    },
    touchAttempts: async (uids, signal) => {
      signal.throwIfAborted();
      await touchAttempts(database, uids);
    },
    loseAttempt: async (uid, ends, signal) => {
      signal.throwIfAborted();
      await loseAttempt(database, uid, ends);
    },
    decide: async (proposal, signal) => {
      signal.throwIfAborted();
      return await decide(database, life, proposal);
    },
    answerOf: async (delivery, signal) => {
      signal.throwIfAborted();
      return await findAnswer(acrossTenants(database), life.known, delivery);
    },
    viewCall: async (tenant, call, revision, signal) => {
      signal.throwIfAborted();
      return await viewCall(database, life, { tenant, call, revision });
    },
    shred: async (scope, audit, signal) => {
      signal.throwIfAborted();
      return await shred(database, life.known, scope, audit);
    },
  };
}

async function viewCall(
  database: SqlDatabase,
  life: Life,
  asked: { readonly tenant: string; readonly call: string; readonly revision: number },
): Promise<CallView> {
  const found =
    (await readCall(ofTenant(database, asked.tenant), asked)) ?? (await makeCall(database, life, asked));
  return {
    callUid: found.callUid,
    state: { ...found.state, carriedStillThere: true },
    receipt: found.receipt,
  };
}

async function makeCall(
  database: SqlDatabase,
  { known }: Life,
  asked: { tenant: string; call: string; revision: number },
) {
  return await database.transaction(asked.tenant, async (sql) => {
    await registryEpoch(sql, known);
    await sql.query(
      `insert into calls (tenant, call, call_uid, version) values ($1, $2, $3, 0)
       on conflict (tenant, call) do nothing`,
      [asked.tenant, asked.call, newUid()],
    );
    const made = await readCall(sql, asked);
    if (!made) throw new CallsealError('BUG', 'a call row that was made cannot be read');
    return made;
  });
}
