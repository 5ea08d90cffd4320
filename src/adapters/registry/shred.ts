import { createHash } from 'node:crypto';
import { v5 as uuidV5 } from 'uuid';
import { type AnswerRow, commandOrigin } from '../../domain/answers.ts';
import type { AuditFact } from '../../domain/audit-event.ts';
import { fault } from '../../domain/crash-points.ts';
import { placeText } from '../../domain/deliveries.ts';
import type { Shredded, ShredScope } from '../../ports/registry.ts';
import { findAnswer, insertAnswer } from './answer-rows.ts';
import { insertFacts } from './audit-rows.ts';
import { type LockedCall, lockCall, readCall, registryEpoch } from './call-row.ts';
import { decisionRow } from './decision-row.ts';
import type { KnownEpoch } from './known-epoch.ts';
import { int, text } from './rows.ts';
import { receiptOfRow } from './sealed-rows.ts';
import type { Sql, SqlDatabase } from './sql.ts';
import { applyTombstone } from './tombstone-rows.ts';

interface ShredAudit {
  readonly uid: string;
  readonly fact: AuditFact;
  readonly at: string;
}

/**
 * Keys gone, tombstone there, one outcome for each call concerned. The same `audit.uid` again finds the answers that
 * its first commit wrote.
 *
 * On a database with row locks a tenant's shred may pass by an attempt that is being opened just now: the command
 * repeats it until a pass deletes no key (docs/architecture.md, "Holding and shredding").
 */
export async function shred(
  database: SqlDatabase,
  known: KnownEpoch,
  scope: ShredScope,
  audit: ShredAudit,
): Promise<Shredded> {
  return await database.transaction(scope.tenant, async (sql) => {
    const calls =
      scope.call === undefined
        ? await lockCallsOf(sql, known, scope.tenant)
        : [{ call: scope.call, locked: await lockCall(sql, known, scope.tenant, scope.call) }];
    const keysDeleted = await applyTombstone(sql, { ...scope, at: audit.at });
    const answers: AnswerRow[] = [];
    for (const { call, locked } of calls) {
      // A tenant's shred answers for each of its calls, under a uid that a repeat makes again.
      const uid = scope.call === undefined ? uuidV5(call, audit.uid) : audit.uid;
      answers.push(await answerShred(sql, known, { tenant: scope.tenant, call, locked }, uid, audit.at));
    }
    await insertFacts(sql, [audit.fact]);
    fault('in-decision');
    return { keysDeleted, objects: await objectsIn(sql, scope), answers };
  });
}

async function lockCallsOf(
  sql: Sql,
  known: KnownEpoch,
  tenant: string,
): Promise<{ call: string; locked: LockedCall }[]> {
  const epoch = await registryEpoch(sql, known);
  const rows = await sql.query(
    'update calls set version = version + 1 where tenant = $1 returning call, call_uid, version',
    [tenant],
  );
  return rows.map((row) => ({
    call: text(row, 'call'),
    locked: { callUid: text(row, 'call_uid'), sequence: int(row, 'version'), epoch },
  }));
}

async function answerShred(
  sql: Sql,
  known: KnownEpoch,
  { tenant, call, locked }: { tenant: string; call: string; locked: LockedCall },
  uid: string,
  at: string,
): Promise<AnswerRow> {
  const origin = commandOrigin('shred', uid);
  const identity = {
    origin,
    replay: 0,
    arrival: origin,
    deliveredDigest: createHash('sha256').update(placeText(origin)).digest('hex'),
  };
  const there = await findAnswer(sql, known, identity);
  if (there) return there;
  const found = await readCall(sql, { tenant, call, revision: 0 });
  const current = found?.state.current;
  const row = decisionRow({ ...identity, uid, decidedAt: at }, locked, {
    tenant,
    call,
    revision: current?.revision ?? 0,
    answer: 'refused',
    code: 'CALL_SHREDDED',
    current: found?.state.shredded ? 'shredded' : (current ?? 'none'),
  });
  await insertAnswer(sql, row);
  return row;
}

async function objectsIn(sql: Sql, { tenant, call, keyClass }: ShredScope): Promise<string[]> {
  const rows =
    call === undefined
      ? await sql.query('select receipt from receipts where tenant = $1', [tenant])
      : await sql.query('select receipt from receipts where tenant = $1 and call = $2', [tenant, call]);
  const artifacts = rows.flatMap((row) => receiptOfRow(row).artifacts);
  const inScope = artifacts.filter((artifact) => keyClass === undefined || artifact.keyClass === keyClass);
  return [...new Set(inScope.map(({ object }) => object))];
}
