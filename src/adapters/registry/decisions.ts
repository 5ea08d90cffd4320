import type { Rule } from '../../domain/decide.ts';
import { CallsealError } from '../../domain/errors.ts';
import { newUid } from '../../domain/ids.ts';
import type { CallView, Decisions } from '../../ports/registry.ts';
import { findAnswer } from './answer-rows.ts';
import { loseAttempt, openAttempt, touchAttempts } from './attempts.ts';
import { readCall, registryEpoch } from './call-row.ts';
import { decide } from './decide.ts';
import { shred } from './shred.ts';
import type { SqlDatabase } from './sql.ts';

export function decisions(database: SqlDatabase, rules: readonly Rule[]): Decisions {
  return {
    openAttempt: async (attempt, signal) => {
      signal.throwIfAborted();
      await openAttempt(database, attempt);
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
      return await decide(database, rules, proposal);
    },
    answerOf: async (delivery, signal) => {
      signal.throwIfAborted();
      return await findAnswer(database, delivery);
    },
    viewCall: async (tenant, call, revision, signal) => {
      signal.throwIfAborted();
      return await viewCall(database, { tenant, call, revision });
    },
    shred: async (scope, audit, signal) => {
      signal.throwIfAborted();
      return await shred(database, scope, audit);
    },
  };
}

async function viewCall(
  database: SqlDatabase,
  asked: { readonly tenant: string; readonly call: string; readonly revision: number },
): Promise<CallView> {
  const found = (await readCall(database, asked)) ?? (await makeCall(database, asked));
  return {
    callUid: found.callUid,
    state: { ...found.state, carriedStillThere: true },
    receipt: found.receipt,
  };
}

async function makeCall(database: SqlDatabase, asked: { tenant: string; call: string; revision: number }) {
  return await database.transaction(asked.tenant, async (sql) => {
    await registryEpoch(sql);
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
