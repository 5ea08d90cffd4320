import type { AnswerRow } from '../../domain/answers.ts';
import type { AnswerFilter, CallSummary, Catalogue } from '../../ports/registry.ts';
import { ANSWER_COLUMNS, answerOfRow } from './answer-rows.ts';
import { factOfRow } from './audit-rows.ts';
import { int, intOrNone, text, textOrNone } from './rows.ts';
import { keyOfRow, receiptOfRow } from './sealed-rows.ts';
import {
  ALL_TENANTS,
  acrossTenants,
  ofTenant,
  type Sql,
  type SqlDatabase,
  type SqlRow,
  type SqlValue,
} from './sql.ts';

export function catalogue(database: SqlDatabase): Catalogue {
  return {
    calls: async (filter, signal) => {
      signal.throwIfAborted();
      return await readCalls(ofTenant(database, filter.tenant ?? ALL_TENANTS), filter);
    },
    call: async (tenant, call, signal) => {
      signal.throwIfAborted();
      return (await readCalls(ofTenant(database, tenant), { tenant, call, limit: 1 }))[0];
    },
    sealedCalls: async (fromUid, limit, signal) => {
      signal.throwIfAborted();
      const sql = acrossTenants(database);
      const behind = await readSealed(sql, '>=', fromUid, limit);
      if (behind.length === limit) return behind;
      return [...behind, ...(await readSealed(sql, '<', fromUid, limit - behind.length))];
    },
    receipts: async (tenant, call, signal) => {
      signal.throwIfAborted();
      const rows = await ofTenant(database, tenant).query(
        'select receipt from receipts where tenant = $1 and call = $2 order by revision, generation',
        [tenant, call],
      );
      return rows.map((row) => receiptOfRow(row));
    },
    currentReceipt: async (tenant, call, signal) => {
      signal.throwIfAborted();
      const [row] = await ofTenant(database, tenant).query(
        `select r.receipt from calls c join receipts r on r.tenant = c.tenant and r.call = c.call
           and r.revision = c.current_revision and r.generation = c.current_generation
         where c.tenant = $1 and c.call = $2`,
        [tenant, call],
      );
      return row && receiptOfRow(row);
    },
    answers: async (filter, signal) => {
      signal.throwIfAborted();
      return await readAnswers(ofTenant(database, filter.tenant ?? ALL_TENANTS), filter);
    },
    answer: async (uid, signal) => {
      signal.throwIfAborted();
      const [row] = await acrossTenants(database).query(
        `select ${ANSWER_COLUMNS} from answers a where a.uid = $1`,
        [uid],
      );
      return row && answerOfRow(row);
    },
    wrappedKey: async (name, signal) => {
      signal.throwIfAborted();
      const [row] = await acrossTenants(database).query('select * from call_keys where name = $1', [name]);
      return row && keyOfRow(row);
    },
    auditOf: async (subject, action, signal) => {
      signal.throwIfAborted();
      const rows = await database.query(
        'select fact from audit_events where subject_uid = $1 and action = $2 order by row_number',
        [subject, action],
      );
      return rows.map((row) => factOfRow(row));
    },
  };
}

/** Collects conditions with their parameters, in step. */
function conditions(wanted: readonly (readonly [column: string, value: SqlValue | undefined])[]) {
  const given = wanted.filter((entry): entry is readonly [string, SqlValue] => entry[1] !== undefined);
  const all = given.map(([column], i) => `${column} = $${i + 1}`).join(' and ');
  return { where: all === '' ? '' : `where ${all}`, values: given.map(([, value]) => value) };
}

const SHREDDED = `select 1 from tombstones t
  where t.tenant = c.tenant and t.call in (c.call, '*') and t.key_class = '*'`;
const SUMMARIES = `select c.tenant, c.call, c.call_uid, r.revision, r.generation, r.sealed_at, r.artifacts,
    r.sealed_bytes, r.warnings, case when exists (${SHREDDED}) then 1 else 0 end as shredded
  from calls c
  left join receipts r on r.tenant = c.tenant and r.call = c.call
    and r.revision = c.current_revision and r.generation = c.current_generation`;

async function readCalls(
  sql: Sql,
  filter: { readonly tenant?: string; readonly call?: string; readonly limit?: number },
): Promise<CallSummary[]> {
  const { where, values } = conditions([
    ['c.tenant', filter.tenant],
    ['c.call', filter.call],
  ]);
  const limit = filter.limit === undefined ? '' : `limit $${values.push(filter.limit)}`;
  const rows = await sql.query(`${SUMMARIES} ${where} order by c.tenant, c.call ${limit}`, values);
  return rows.map(summaryOf);
}

async function readSealed(sql: Sql, side: '>=' | '<', uid: string, limit: number): Promise<CallSummary[]> {
  const rows = await sql.query(
    `${SUMMARIES} where c.call_uid ${side} $1 and r.revision is not null and not exists (${SHREDDED})
     order by c.call_uid limit $2`,
    [uid, limit],
  );
  return rows.map(summaryOf);
}

function summaryOf(row: SqlRow): CallSummary {
  const revision = intOrNone(row, 'revision');
  return {
    tenant: text(row, 'tenant'),
    call: text(row, 'call'),
    callUid: text(row, 'call_uid'),
    shredded: int(row, 'shredded') > 0,
    current: revision === undefined ? undefined : { revision, generation: int(row, 'generation') },
    sealedAt: textOrNone(row, 'sealed_at'),
    artifacts: intOrNone(row, 'artifacts') ?? 0,
    sealedBytes: intOrNone(row, 'sealed_bytes') ?? 0,
    warnings: intOrNone(row, 'warnings') ?? 0,
  };
}

async function readAnswers(sql: Sql, filter: AnswerFilter): Promise<AnswerRow[]> {
  const { where, values } = conditions([
    ['a.tenant', filter.tenant],
    ['a.call', filter.call],
    ['a.answer', filter.answer],
  ]);
  const rows = await sql.query(
    `select ${ANSWER_COLUMNS} from answers a ${where}
     order by a.decided_at desc, a.sequence desc nulls last limit $${values.push(filter.limit)}`,
    values,
  );
  return rows.map(answerOfRow);
}
