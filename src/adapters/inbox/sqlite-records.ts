import type { InboxEntry } from '../../ports/inbox.ts';
import type { SqlDatabase, SqlRow } from '../registry/sql.ts';
import { deliveryOf } from './delivery-headers.ts';
import { asInboxError, contentOf } from './sqlite-tables.ts';
import { type InputKind, inputKind, type TopicNames } from './topics.ts';

/** Records read at a time: a page of the largest events is 16 MiB. */
const PAGE = 64;

/**
 * Record and done-mark come from one statement, so a hand-over that was seen as done stands in the retry topic, at
 * an offset that is still to be read: that topic comes last, and its end is where a page comes back empty.
 */
export async function* sqliteRecords(
  database: SqlDatabase,
  topics: TopicNames,
  since: Date,
  signal: AbortSignal,
  only?: 'retry',
): AsyncGenerator<InboxEntry, void, undefined> {
  for (const topic of only ? [topics.retry] : [...topics.inbox, topics.replay, topics.retry]) {
    const kind = inputKind(topics, topic) ?? 'inbox';
    for (let after = await offsetBefore(database, topic, since); ; ) {
      signal.throwIfAborted();
      const rows = await readPage(database, topic, after);
      for (const row of rows) yield entryOf(row, topic, kind);
      const last = rows.at(-1);
      if (last === undefined) break;
      after = Number(last['record_offset']);
    }
  }
}

async function offsetBefore(database: SqlDatabase, topic: string, since: Date): Promise<number> {
  const [row] = await query(
    database,
    `select coalesce(max(record_offset), -1) as before from input_records
     where topic = $1 and published_at < $2`,
    [topic, since.getTime()],
  );
  return Number(row?.['before']);
}

async function readPage(database: SqlDatabase, topic: string, after: number): Promise<readonly SqlRow[]> {
  return await query(
    database,
    `select r.record_offset, r.key, r.headers, r.value, r.published_at, w.seq is null as done
     from input_records r
     left join waiting_records w on w.topic = r.topic and w.record_offset = r.record_offset
     where r.topic = $1 and r.record_offset > $2 order by r.record_offset limit ${PAGE}`,
    [topic, after],
  );
}

function entryOf(row: SqlRow, topic: string, kind: InputKind): InboxEntry {
  const place = { topic, partition: 0, offset: Number(row['record_offset']) };
  const key = typeof row['key'] === 'string' ? row['key'] : undefined;
  return {
    delivery: deliveryOf({ place, key, ...contentOf(row), at: Number(row['published_at']) }, kind),
    publishedAt: new Date(Number(row['published_at'])),
    done: Number(row['done']) === 1,
  };
}

async function query(
  database: SqlDatabase,
  text: string,
  values: readonly (string | number)[],
): Promise<readonly SqlRow[]> {
  return await database.query(text, values).catch((error: unknown) => {
    throw asInboxError(error);
  });
}
