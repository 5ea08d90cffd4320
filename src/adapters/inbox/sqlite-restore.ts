import { type Delivery, placeText } from '../../domain/deliveries.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { DeliveryRef, HandOverProgress, InboxRestore } from '../../ports/inbox-restore.ts';
import type { SqlDatabase, SqlRow } from '../registry/sql.ts';
import { holdWorkerLock, type WorkerLock, workerOf } from '../sqlite/worker-lock.ts';
import { deliveryOf, replayHeaders } from './delivery-headers.ts';
import { tellNews } from './news.ts';
import { asInboxError, contentOf, createTables, insertInput } from './sqlite-tables.ts';
import { inputKind, type TopicNames } from './topics.ts';

export interface SqliteRestoreOptions {
  readonly database: SqlDatabase;
  /** The data folder, for the worker's lock: the only worker there can be. */
  readonly folder: string;
  readonly topics: TopicNames;
}

/**
 * The embedded inbox after a restore. Where the registry is in the same file both went back together and nothing is
 * marked done that has no answer; where the registry is a server, its loss is handed over as on a cluster.
 */
export async function openSqliteRestore({
  database,
  folder,
  topics,
}: SqliteRestoreOptions): Promise<InboxRestore> {
  await createTables(database).catch(rethrow);
  let lock: WorkerLock | undefined;
  return {
    members: async (signal) => {
      signal.throwIfAborted();
      const { running, pid } = workerOf(folder);
      if (!running) return [];
      return [pid === undefined ? 'the worker of the data folder' : `process ${pid}`];
    },
    fence: async (signal) => {
      signal.throwIfAborted();
      lock ??= holdWorkerLock(folder);
    },
    handOverUnanswered: async (answered, onProgress, signal) => {
      if (lock === undefined) throw new CallsealError('BUG', 'handing over comes after fencing');
      return await handOver(database, topics, { answered, onProgress }, signal).catch(rethrow);
    },
    close: async () => lock?.release(),
  };
}

/** Records whose bodies are in memory at once: they have at most 256 KiB. */
const PAGE = 100;

async function handOver(
  database: SqlDatabase,
  topics: TopicNames,
  {
    answered,
    onProgress,
  }: {
    readonly answered: (deliveries: readonly DeliveryRef[]) => Promise<readonly boolean[]>;
    readonly onProgress: (progress: HandOverProgress) => void;
  },
  signal: AbortSignal,
): Promise<HandOverProgress> {
  const underWay = await carriedByWaiting(database, topics);
  let progress: HandOverProgress = { looked: 0, handedOver: 0 };
  for (const topic of [...topics.inbox, topics.retry, topics.replay]) {
    for await (const page of donePages(database, topics, topic, signal)) {
      const open = new Map(page.map((delivery) => [keyOf(delivery), delivery]));
      const fresh = [...open.values()].filter((delivery) => !underWay.has(keyOf(delivery)));
      const known = await answered(fresh.map(({ origin, replay }) => ({ origin, replay })));
      const lost = fresh.filter((_, i) => known[i] === false);
      await insertAll(database, topics.retry, lost);
      for (const delivery of lost) underWay.add(keyOf(delivery));
      progress = { looked: progress.looked + page.length, handedOver: progress.handedOver + lost.length };
      onProgress(progress);
    }
  }
  return progress;
}

async function insertAll(database: SqlDatabase, topic: string, lost: readonly Delivery[]): Promise<void> {
  if (lost.length === 0) return;
  await database.transaction(undefined, async (sql) => {
    for (const { origin, replay, key, headers, value } of lost) {
      await insertInput(sql, { topic, key, headers: replayHeaders(headers, origin, replay), value });
    }
  });
  tellNews(database, 'inputs');
}

async function* donePages(
  database: SqlDatabase,
  topics: TopicNames,
  topic: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Delivery[]> {
  const [end] = await database.query('select next_offset from topic_ends where topic = $1', [topic]);
  for (let after = -1; ; ) {
    signal.throwIfAborted();
    const rows = await database.query(
      `select r.record_offset, r.key, r.headers, r.value from input_records r
       left join waiting_records w on w.topic = r.topic and w.record_offset = r.record_offset
       where r.topic = $1 and r.record_offset > $2 and r.record_offset < $3 and w.seq is null
       order by r.record_offset limit ${PAGE}`,
      [topic, after, end?.['next_offset'] ?? 0],
    );
    if (rows.length === 0) return;
    const page = rows.map((row) => deliveryOfRow(topics, topic, row));
    after = page.at(-1)?.place.offset ?? after;
    yield page;
  }
}

/** Deliveries that a record of the retry or replay topic carries which is not done: it will be answered by itself. */
async function carriedByWaiting(database: SqlDatabase, topics: TopicNames): Promise<Set<string>> {
  const carried = new Set<string>();
  for (const topic of [topics.retry, topics.replay]) {
    const rows = await database.query(
      `select r.record_offset, r.key, r.headers, r.value from waiting_records w
       join input_records r on r.topic = w.topic and r.record_offset = w.record_offset where w.topic = $1`,
      [topic],
    );
    for (const row of rows) carried.add(keyOf(deliveryOfRow(topics, topic, row)));
  }
  return carried;
}

function deliveryOfRow(topics: TopicNames, topic: string, row: SqlRow): Delivery {
  const place = { topic, partition: 0, offset: Number(row['record_offset']) };
  const key = typeof row['key'] === 'string' ? row['key'] : undefined;
  return deliveryOf({ place, key, ...contentOf(row) }, inputKind(topics, topic) ?? 'inbox');
}

function keyOf({ origin, replay }: DeliveryRef): string {
  return `${placeText(origin)}#${replay}`;
}

function rethrow(error: unknown): never {
  throw asInboxError(error);
}
