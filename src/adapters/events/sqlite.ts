import type { OutputTopic } from '../../domain/outputs.ts';
import type { Events, PublishedRecord } from '../../ports/events.ts';
import { createBell, onNews, POLL_MS, tellNews } from '../inbox/news.ts';
import { asInboxError, contentOf, createTables, insertOutput } from '../inbox/sqlite-tables.ts';
import type { TopicNames } from '../inbox/topics.ts';
import type { SqlDatabase, SqlRow } from '../registry/sql.ts';

export interface SqliteEventsOptions {
  /** The process's one connection to the file. Stays open when the events are closed. */
  readonly database: SqlDatabase;
  readonly topics: TopicNames;
}

/** Records read at a time: a page of the largest bodies is 4 MiB. */
const PAGE = 16;

/**
 * The output topics of the embedded profile, as tables. A publish is one transaction, all or nothing, and an id that
 * is there already is not published again.
 */
export async function openSqliteEvents({ database, topics }: SqliteEventsOptions): Promise<Events> {
  await createTables(database).catch(rethrow);

  const pageAfter = async (topic: OutputTopic, offset: number): Promise<PublishedRecord[]> => {
    const rows = await database
      .query(
        `select * from output_records where topic = $1 and record_offset > $2 order by record_offset limit ${PAGE}`,
        [topics.outputs[topic], offset],
      )
      .catch(rethrow);
    return rows.map((row) => recordOf(topic, row));
  };

  const offsetBefore = async (topic: OutputTopic, since: Date): Promise<number> => {
    const [row] = await database
      .query(
        `select coalesce(max(record_offset), -1) as before from output_records
         where topic = $1 and published_at < $2`,
        [topics.outputs[topic], since.getTime()],
      )
      .catch(rethrow);
    return Number(row?.['before']);
  };

  return {
    publish: async (outputs, signal) => {
      signal.throwIfAborted();
      await database
        .transaction(undefined, async (sql) => {
          for (const output of outputs) await insertOutput(sql, topics, output);
        })
        .catch(rethrow);
      tellNews(database, 'outputs');
    },
    read: async function* (topic, { follow, after, since }, signal) {
      const bell = createBell();
      const deaf = onNews(database, 'outputs', bell.ring);
      signal.addEventListener('abort', bell.ring);
      try {
        let offset = since === undefined ? Number(after ?? -1) : await offsetBefore(topic, since);
        while (!signal.aborted) {
          const page = await pageAfter(topic, offset);
          for (const record of page) {
            yield record;
            offset = Number(record.position);
          }
          if (page.length === PAGE) continue;
          if (!follow) return;
          await bell.wait(POLL_MS);
        }
        signal.throwIfAborted();
      } finally {
        deaf();
        signal.removeEventListener('abort', bell.ring);
      }
    },
    last: async (topic, signal) => {
      signal.throwIfAborted();
      const [row] = await database
        .query('select * from output_records where topic = $1 order by record_offset desc limit 1', [
          topics.outputs[topic],
        ])
        .catch(rethrow);
      return row && recordOf(topic, row);
    },
    close: async () => undefined,
  };
}

const POSITION_DIGITS = 16;

function recordOf(topic: OutputTopic, row: SqlRow): PublishedRecord {
  return {
    topic,
    key: String(row['key']),
    id: String(row['id']),
    ...contentOf(row),
    // Padded, so that positions sort as text in the order of their records.
    position: String(row['record_offset']).padStart(POSITION_DIGITS, '0'),
  };
}

function rethrow(error: unknown): never {
  throw asInboxError(error);
}
