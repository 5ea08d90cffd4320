import type { AuditFact } from '../../domain/audit-event.ts';
import {
  type Discard,
  PARKED_STATES,
  type Parked,
  type ParkedDimension,
  type ParkedFilter,
  type ParkedGroup,
  type ParkedLedger,
  type ParkedMark,
} from '../../ports/parked.ts';
import { ANSWER_COLUMNS, answerOfRow } from './answer-rows.ts';
import { insertFacts } from './audit-rows.ts';
import { int, text, textOrNone, word } from './rows.ts';
import { acrossTenants, type Sql, type SqlDatabase, type SqlRow, type SqlValue } from './sql.ts';

export function parkedLedger(database: SqlDatabase): ParkedLedger {
  return {
    parked: async (filter, options, signal) => {
      signal.throwIfAborted();
      return await readParked(acrossTenants(database), filter, options);
    },
    parkedGroups: async (filter, options, signal) => {
      signal.throwIfAborted();
      return await readGroups(acrossTenants(database), filter, options);
    },
    discardParked: async (marks, signal) => {
      signal.throwIfAborted();
      return await markEach(database, marks, discard);
    },
    restoreParked: async (marks, signal) => {
      signal.throwIfAborted();
      return await markEach(database, marks, restore);
    },
  };
}

const OF_ITS_DELIVERY = `l.origin_topic = a.origin_topic and l.origin_partition = a.origin_partition
  and l.origin_offset = a.origin_offset`;
/** The row of replay 0 counts the replay numbers that were taken. */
const REPLAYED = `select 1 from answers l where ${OF_ITS_DELIVERY}
  and (l.replay > a.replay or (l.replay = 0 and l.replays > a.replay))`;
/** One row per parked answer, with what became of it and when its fingerprint was first seen. */
const PARKED = `select ${ANSWER_COLUMNS}, a.stage, a.fingerprint, a.worker_version,
    d.discarded_at, d.discarded_by, d.ticket,
    (select max(case when l.replays > l.replay then l.replays else l.replay end) from answers l
      where ${OF_ITS_DELIVERY}) as replays,
    (select min(f.decided_at) from answers f
      where f.answer = 'parked' and f.fingerprint = a.fingerprint) as first_seen_at,
    case when d.answer_uid is not null then 'discarded' when exists (${REPLAYED}) then 'replayed'
      else 'waiting' end as state
  from answers a left join discarded_letters d on d.answer_uid = a.uid
  where a.answer = 'parked'`;

/** What the filter asks for, as conditions on a row of `PARKED` and their parameters. */
function conditionsOf(filter: ParkedFilter): { readonly where: string; readonly values: SqlValue[] } {
  const { origin } = filter;
  const wanted: (readonly [condition: string, value: SqlValue | undefined])[] = [
    ['p.uid =', filter.uid],
    ['p.tenant =', filter.tenant],
    ['p.call =', filter.call],
    ['p.code =', filter.code],
    ['p.stage =', filter.stage],
    ['p.fingerprint like', filter.fingerprint === undefined ? undefined : `${filter.fingerprint}%`],
    ['p.decided_at >=', filter.since],
    ['p.decided_at <', filter.until],
    ['p.worker_version =', filter.workerVersion],
    ['p.replays >=', filter.replays],
    ['p.origin_topic =', origin?.topic],
    ['p.origin_partition =', origin?.partition],
    ['p.origin_offset =', origin?.offset],
    ['p.state =', filter.state],
  ];
  const given = wanted.filter((entry): entry is readonly [string, SqlValue] => entry[1] !== undefined);
  const all = given.map(([condition], i) => `${condition} $${i + 1}`).join(' and ');
  return { where: all === '' ? '' : `where ${all}`, values: given.map(([, value]) => value) };
}

async function readParked(
  sql: Sql,
  filter: ParkedFilter,
  { newSince, limit }: { readonly newSince: string; readonly limit: number },
): Promise<Parked[]> {
  const { where, values } = conditionsOf(filter);
  const [isNew, most] = [`$${values.length + 1}`, `$${values.length + 2}`];
  const rows = await sql.query(
    `select * from (${PARKED}) p ${where}
     order by case when p.first_seen_at >= ${isNew} then 0 else 1 end, p.decided_at desc, p.uid limit ${most}`,
    [...values, newSince, limit],
  );
  return rows.map(parkedOfRow);
}

function parkedOfRow(row: SqlRow): Parked {
  return {
    answer: answerOfRow(row),
    replays: int(row, 'replays'),
    state: word(row, 'state', PARKED_STATES),
    discard: discardOfRow(row),
    firstSeenAt: text(row, 'first_seen_at'),
  };
}

function discardOfRow(row: SqlRow): Discard | undefined {
  const by = textOrNone(row, 'discarded_by');
  if (by === undefined) return undefined;
  return { at: new Date(int(row, 'discarded_at')).toISOString(), by, ticket: text(row, 'ticket') };
}

/** Columns of `PARKED` that a dimension groups by. Times are ISO text: a day is ten characters of them. */
const GROUPED: Readonly<Record<ParkedDimension, readonly string[]>> = {
  cause: ['p.code', 'p.stage', 'p.fingerprint'],
  code: ['p.code'],
  fingerprint: ['p.fingerprint'],
  tenant: ['p.tenant'],
  stage: ['p.stage'],
  day: ['substr(p.decided_at, 1, 10)'],
  hour: ['substr(p.decided_at, 1, 13)'],
  worker: ['p.worker_version'],
  replays: ['p.replays'],
};

async function readGroups(
  sql: Sql,
  filter: ParkedFilter,
  { by, newSince }: { readonly by: ParkedDimension; readonly newSince: string },
): Promise<ParkedGroup[]> {
  const { where, values } = conditionsOf(filter);
  const columns = GROUPED[by];
  const named = columns.map((column, i) => `cast(${column} as text) as value_${i}`).join(', ');
  const rows = await sql.query(
    `select ${named}, count(*) as count, count(distinct p.tenant) as tenants, min(p.decided_at) as oldest_at,
       max(p.decided_at) as newest_at, min(p.first_seen_at) as first_seen_at
     from (${PARKED}) p ${where} group by ${columns.join(', ')}
     order by case when min(p.first_seen_at) >= $${values.length + 1} then 0 else 1 end, count(*) desc,
       ${columns.map((_, i) => `value_${i}`).join(', ')}`,
    [...values, newSince],
  );
  return rows.map((row) => groupOfRow(row, by));
}

function groupOfRow(row: SqlRow, by: ParkedDimension): ParkedGroup {
  const counts = {
    count: int(row, 'count'),
    tenants: int(row, 'tenants'),
    oldestAt: text(row, 'oldest_at'),
    newestAt: text(row, 'newest_at'),
    firstSeenAt: text(row, 'first_seen_at'),
  };
  if (by !== 'cause') return { value: textOrNone(row, 'value_0'), ...counts };
  const cause = {
    code: text(row, 'value_0'),
    stage: text(row, 'value_1'),
    fingerprint: text(row, 'value_2'),
  };
  return { value: Object.values(cause).join(' '), cause, ...counts };
}

type Mark = (sql: Sql, uid: string, fact: AuditFact) => Promise<boolean>;

async function markEach(database: SqlDatabase, marks: readonly ParkedMark[], mark: Mark): Promise<string[]> {
  return await database.transaction(undefined, async (sql) => {
    const marked: string[] = [];
    for (const { uid, fact } of marks) {
      if (!(await mark(sql, uid, fact))) continue;
      await insertFacts(sql, [fact]);
      marked.push(uid);
    }
    return marked;
  });
}

async function discard(sql: Sql, uid: string, fact: AuditFact): Promise<boolean> {
  const discarded = await sql.query(
    `insert into discarded_letters (answer_uid, tenant, discarded_at, discarded_by, ticket)
     select a.uid, a.tenant, callseal_now(), $2, $3 from answers a
       where a.uid = $1 and a.answer = 'parked' and not exists (${REPLAYED})
     on conflict (answer_uid) do nothing returning answer_uid`,
    [uid, fact.actor.id, fact.ticket ?? ''],
  );
  return discarded.length > 0;
}

async function restore(sql: Sql, uid: string): Promise<boolean> {
  const restored = await sql.query(
    'delete from discarded_letters where answer_uid = $1 returning answer_uid',
    [uid],
  );
  return restored.length > 0;
}
