import { fault } from '../../domain/crash-points.ts';
import type { Delivery, Place } from '../../domain/deliveries.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { Backlog, Inbox, InboxRecord } from '../../ports/inbox.ts';
import type { Sql, SqlDatabase } from '../registry/sql.ts';
import { holdWorkerLock } from '../sqlite/worker-lock.ts';
import { deliveryOf, handOverHeaders, replayHeaders } from './delivery-headers.ts';
import { groupCommit } from './group-commit.ts';
import { createLanes, type LaneLimits } from './lanes.ts';
import { listenFor, tellNews } from './news.ts';
import { type Done, pump } from './pump.ts';
import { sqliteRecords } from './sqlite-records.ts';
import { removeExpired } from './sqlite-retention.ts';
import { asInboxError, contentOf, createTables, insertInput, insertOutput } from './sqlite-tables.ts';
import { createWindow, type WaitingItem } from './sqlite-window.ts';
import { inputKind, type TopicNames } from './topics.ts';

export interface SqliteInboxOptions {
  /** The process's one connection to the file. Stays open when the inbox is closed. */
  readonly database: SqlDatabase;
  /** The data folder, for the worker's lock. */
  readonly folder: string;
  readonly topics: TopicNames;
  readonly limits: LaneLimits;
}

/** The inbox of the embedded profile: topics are tables, and a settle is one database transaction. */
export async function openSqliteInbox(options: SqliteInboxOptions): Promise<Inbox> {
  const { database, folder, topics, limits } = options;
  await createTables(database).catch(rethrow);
  const inputs = [...topics.inbox, topics.retry, topics.replay];
  const publish = publisher(database);
  const settle = settler(database, topics);

  return {
    run: async (handle, { untilIdle }, signal) => {
      const lock = holdWorkerLock(folder);
      const news = listenFor(database, 'inputs');
      const source = {
        refill: createWindow(database, inputs),
        load: (item: WaitingItem) => load(database, topics, item),
        commit: (delivery: Delivery, verdict: Done) => settle({ delivery, verdict }),
      };
      try {
        await removeExpired(database, topics, signal);
        await pump({ lanes: createLanes(limits), source, handle, news, untilIdle }, signal);
      } catch (error) {
        rethrow(error);
      } finally {
        news.stop();
        lock.release();
      }
    },
    publish: async (record, signal) => {
      signal.throwIfAborted();
      const kind = inputKind(topics, record.topic);
      if (kind === undefined || kind === 'retry') {
        throw new CallsealError('USAGE', `${record.topic} is no topic that events are published into`);
      }
      return await publish(record).catch(rethrow);
    },
    replay: async ({ origin, replay, key, headers, value }, signal) => {
      signal.throwIfAborted();
      const record = { topic: topics.replay, key, headers: replayHeaders(headers, origin, replay), value };
      return await publish(record).catch(rethrow);
    },
    backlog: async (signal) => {
      signal.throwIfAborted();
      return await backlog(database, inputs).catch(rethrow);
    },
    records: (since, signal, only) => sqliteRecords(database, topics, since, signal, only),
    removeExpired: async (signal) => {
      signal.throwIfAborted();
      return await removeExpired(database, topics, signal).catch(rethrow);
    },
    close: async () => undefined,
  };
}

/** Most records that share one transaction. */
const GROUP = { items: 256 };

function publisher(database: SqlDatabase): (record: InboxRecord) => Promise<Place> {
  return groupCommit(async (records) => {
    const places = await database.transaction(undefined, (sql) =>
      inOrder(records, async (record) => ({
        topic: record.topic,
        partition: 0,
        offset: await insertInput(sql, record),
      })),
    );
    tellNews(database, 'inputs');
    return places;
  }, GROUP);
}

function settler(database: SqlDatabase, topics: TopicNames): (settled: Settled) => Promise<void> {
  return groupCommit(async (batch) => {
    const written = await database.transaction(undefined, async (sql) => {
      const done = await inOrder(batch, (settled) => writeDone(sql, topics, settled));
      fault('in-settle');
      return done;
    });
    fault('after-settle');
    tellNews(database, 'outputs');
    if (batch.some(({ verdict }) => verdict.do === 'hand-over')) tellNews(database, 'inputs');
    return written;
  }, GROUP);
}

interface Settled {
  readonly delivery: Delivery;
  readonly verdict: Done;
}

/** One delivery's outputs or hand-over, and its done-mark, inside the caller's transaction. */
async function writeDone(sql: Sql, topics: TopicNames, { delivery, verdict }: Settled): Promise<void> {
  const { place } = delivery;
  if (verdict.do === 'settle') {
    for (const output of verdict.outputs) await insertOutput(sql, topics, output);
  } else {
    await insertInput(sql, {
      topic: topics.retry,
      key: delivery.key,
      headers: handOverHeaders(delivery, verdict),
      value: delivery.value,
      dueAt: verdict.dueAt.getTime(),
    });
  }
  await sql.query('delete from waiting_records where topic = $1 and record_offset = $2', [
    place.topic,
    place.offset,
  ]);
}

async function load(database: SqlDatabase, topics: TopicNames, item: WaitingItem): Promise<Delivery> {
  const { topic, offset } = item;
  const [row] = await database.query(
    'select headers, value, published_at from input_records where topic = $1 and record_offset = $2',
    [topic, offset],
  );
  const kind = inputKind(topics, topic);
  if (!row || kind === undefined) {
    throw new CallsealError('REGISTRY_DAMAGED', `the record ${topic}/0/${offset} waits and is not there`);
  }
  const place = { topic, partition: 0, offset };
  return deliveryOf({ place, key: item.key, ...contentOf(row), at: Number(row['published_at']) }, kind);
}

async function backlog(database: SqlDatabase, inputs: readonly string[]): Promise<Backlog> {
  const [row] = await database.query(
    `select count(*) as waiting, coalesce(sum(due_at is null or due_at <= callseal_now()), 0) as due,
       min(published_at) as oldest
     from waiting_records where topic in (select value from json_each($1))`,
    [JSON.stringify(inputs)],
  );
  const oldest = row?.['oldest'];
  return {
    waiting: Number(row?.['waiting']),
    due: Number(row?.['due']),
    oldestAt: typeof oldest === 'number' ? new Date(oldest).toISOString() : undefined,
  };
}

async function inOrder<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await act(item));
  return results;
}

function rethrow(error: unknown): never {
  throw asInboxError(error);
}
