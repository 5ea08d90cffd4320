import { CallsealError } from '../../domain/errors.ts';
import type { Output } from '../../domain/outputs.ts';
import type { Sql, SqlDatabase, SqlRow } from '../registry/sql.ts';
import { tenantOf } from './lanes.ts';
import type { TopicNames } from './topics.ts';

/**
 * Topics in the SQLite file of the embedded profile. Each is partition 0 of itself; its offsets count from 0 without
 * gaps, whichever process writes.
 *
 *   topic_ends       the next offset of every topic
 *   input_records    records of inbox, retry and replay topics; a record is never changed
 *   waiting_records  one small row per input record that is not done; its removal is the done-mark
 *   output_records   what we published; an id stands once in a topic
 *
 * `waiting_records.seq` is the order of publishing over all topics. It is never used twice (autoincrement): a reader
 * may still know the number of a record that was just done.
 */
const TABLES = [
  `create table if not exists topic_ends (
    topic text primary key,
    next_offset integer not null
  ) without rowid`,
  `create table if not exists input_records (
    topic text not null,
    record_offset integer not null,
    key text,
    headers text not null,
    value blob not null,
    published_at integer not null,
    unique (topic, record_offset)
  )`,
  `create table if not exists waiting_records (
    seq integer primary key autoincrement,
    topic text not null,
    record_offset integer not null,
    tenant text not null,
    key text,
    bytes integer not null,
    published_at integer not null,
    due_at integer,
    unique (topic, record_offset)
  )`,
  'create index if not exists waiting_now on waiting_records (tenant, seq) where due_at is null',
  'create index if not exists waiting_later on waiting_records (tenant, due_at, seq) where due_at is not null',
  `create table if not exists output_records (
    topic text not null,
    record_offset integer not null,
    id text not null,
    key text not null,
    headers text not null,
    value blob not null,
    published_at integer not null,
    unique (topic, record_offset),
    unique (topic, id)
  )`,
];

/** Makes what is missing; several processes may do so at once. */
export async function createTables(database: SqlDatabase): Promise<void> {
  await database.transaction(undefined, async (sql) => {
    for (const table of TABLES) await sql.query(table);
  });
}

export interface NewInput {
  readonly topic: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
  /** Milliseconds by the database's clock; absent: now. */
  readonly dueAt?: number;
}

/** @returns the record's offset */
export async function insertInput(sql: Sql, record: NewInput): Promise<number> {
  const { topic, value } = record;
  const key = record.key ?? null;
  const offset = await nextOffset(sql, topic);
  await sql.query(
    `insert into input_records (topic, record_offset, key, headers, value, published_at)
     values ($1, $2, $3, $4, $5, callseal_now())`,
    [topic, offset, key, JSON.stringify(record.headers), value],
  );
  await sql.query(
    `insert into waiting_records (topic, record_offset, tenant, key, bytes, published_at, due_at)
     values ($1, $2, $3, $4, $5, callseal_now(), $6)`,
    [topic, offset, tenantOf(record.key), key, value.length, record.dueAt ?? null],
  );
  return offset;
}

/** Publishes unless the id is there already: a repeat after a crash carries the same id and says nothing new. */
export async function insertOutput(sql: Sql, topics: TopicNames, output: Output): Promise<void> {
  const topic = topics.outputs[output.topic];
  const there = await sql.query('select 1 from output_records where topic = $1 and id = $2', [
    topic,
    output.id,
  ]);
  if (there.length > 0) return;
  const offset = await nextOffset(sql, topic);
  await sql.query(
    `insert into output_records (topic, record_offset, id, key, headers, value, published_at)
     values ($1, $2, $3, $4, $5, $6, callseal_now())`,
    [topic, offset, output.id, output.key, JSON.stringify(output.headers), output.value],
  );
}

async function nextOffset(sql: Sql, topic: string): Promise<number> {
  const [row] = await sql.query(
    `insert into topic_ends (topic, next_offset) values ($1, 1)
     on conflict (topic) do update set next_offset = next_offset + 1
     returning next_offset - 1 as mine`,
    [topic],
  );
  return Number(row?.['mine']);
}

/** Headers and value of a stored record; the bytes are not copied. */
export function contentOf(row: SqlRow): { headers: Record<string, string>; value: Buffer } {
  const { headers, value } = row;
  if (typeof headers !== 'string' || !(value instanceof Uint8Array)) {
    throw new CallsealError('REGISTRY_DAMAGED', 'a stored record has no headers or no value');
  }
  const parsed: Record<string, string> = JSON.parse(headers);
  return { headers: parsed, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
}

/** To the port's callers the file is the inbox, whatever else it holds. */
export function asInboxError(error: unknown): unknown {
  if (!(error instanceof CallsealError) || error.code !== 'REGISTRY_DOWN') return error;
  return new CallsealError('INBOX_DOWN', error.message, { cause: error });
}
