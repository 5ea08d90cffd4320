import type { SqlDatabase } from '../registry/sql.ts';
import type { TopicNames } from './topics.ts';

/** Days that a topic keeps its records (docs/events.md, "Topics and principals"). */
const DAYS = { input: 7, outcome: 30, transcripts: 7, dlq: 30, audit: 365 } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Rows that one transaction removes: short enough for nobody to notice. */
const CHUNK = 500;

/**
 * Removes what is older than its topic keeps. An input record that is not done stays, however old; so does the last
 * record of every topic: it is the head that a reader compares with.
 *
 * @returns how many records
 */
export async function removeExpired(
  database: SqlDatabase,
  topics: TopicNames,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const topic of [...topics.inbox, topics.retry, topics.replay]) {
    removed += await removeFrom(database, { table: 'input_records', topic, days: DAYS.input }, signal);
  }
  for (const word of ['outcome', 'transcripts', 'dlq', 'audit'] as const) {
    const topic = topics.outputs[word];
    removed += await removeFrom(database, { table: 'output_records', topic, days: DAYS[word] }, signal);
  }
  return removed;
}

interface Kept {
  readonly table: 'input_records' | 'output_records';
  readonly topic: string;
  readonly days: number;
}

/** Goes from the oldest record to the first that is young enough. */
async function removeFrom(
  database: SqlDatabase,
  { table, topic, days }: Kept,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (let from = 0; !signal.aborted; ) {
    const rows = await database.query(
      `select record_offset, published_at < callseal_now() - $3 as expired from ${table}
       where topic = $1 and record_offset >= $2 order by record_offset limit ${CHUNK}`,
      [topic, from, days * DAY_MS],
    );
    const young = rows.findIndex((row) => Number(row['expired']) === 0);
    const expired = young === -1 ? rows : rows.slice(0, young);
    const last = expired.at(-1);
    if (last === undefined) break;
    const end = Number(last['record_offset']) + 1;
    const gone = await database.query(
      `delete from ${table} where topic = $1 and record_offset >= $2 and record_offset < $3
         and record_offset < (select next_offset - 1 from topic_ends where topic = $1)
         and not exists (select 1 from waiting_records w
           where w.topic = ${table}.topic and w.record_offset = ${table}.record_offset)
       returning record_offset`,
      [topic, from, end],
    );
    removed += gone.length;
    if (expired.length < CHUNK) break;
    from = end;
  }
  return removed;
}
