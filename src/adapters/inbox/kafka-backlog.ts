import type { Admin } from 'kafkajs';
import type { Backlog } from '../../ports/inbox.ts';
import type { Ends, PartitionReader, PartitionRecord } from '../kafka/partition-reader.ts';
import { dueAtOf } from './delivery-headers.ts';
import { committedOffsets, doneAbove } from './kafka-committed.ts';
import type { TopicNames } from './topics.ts';

export interface BacklogParts {
  readonly admin: Admin;
  readonly reader: PartitionReader;
  readonly topics: TopicNames;
  readonly group: string;
}

interface Part {
  readonly waiting: number;
  readonly due: number;
  readonly oldestAt: number | undefined;
}

/** Records of one partition that are read to be counted; behind them offsets are counted, markers included. */
const MOST_READ = 10_000;
const WAIT_MS = 100;

/**
 * Counts what is not done. In inbox and replay topics offsets are counted: they hold no markers unless an edge uses
 * transactions. In the retry topic every settle that hands over leaves one, so its records are read.
 */
export async function kafkaBacklog(parts: BacklogParts): Promise<Backlog> {
  const { topics } = parts;
  const found: Part[] = [];
  for (const topic of [...topics.inbox, topics.retry, topics.replay])
    found.push(...(await backlogOf(parts, topic)));
  const oldest = found.flatMap(({ oldestAt }) => oldestAt ?? []);
  return {
    waiting: found.reduce((sum, { waiting }) => sum + waiting, 0),
    due: found.reduce((sum, { due }) => sum + due, 0),
    oldestAt: oldest.length === 0 ? undefined : new Date(Math.min(...oldest)).toISOString(),
  };
}

async function backlogOf(of: BacklogParts, topic: string): Promise<Part[]> {
  const { reader, topics } = of;
  const committed = await committedOffsets(of, topic);
  const parts: Part[] = [];
  for (const [partition, ends] of await reader.endsOf(topic)) {
    const mark = committed.find((each) => each.partition === partition);
    const done = mark ? doneAbove(topic, mark) : [];
    const open = { topic, partition, floor: Math.max(mark?.offset ?? -1, ends.low), done: new Set(done) };
    parts.push(
      topic === topics.retry ? await readOpen(reader, open, ends) : await countOpen(reader, open, ends),
    );
  }
  return parts;
}

interface Open {
  readonly topic: string;
  readonly partition: number;
  readonly floor: number;
  readonly done: ReadonlySet<number>;
}

async function countOpen(reader: PartitionReader, open: Open, { high }: Ends): Promise<Part> {
  const { floor, done } = open;
  const waiting = Math.max(0, high - floor - [...done].filter((offset) => offset >= floor).length);
  if (waiting === 0) return { waiting, due: 0, oldestAt: undefined };
  const { records } = await reader.fetch(open.topic, new Map([[open.partition, floor]]), WAIT_MS);
  return { waiting, due: waiting, oldestAt: records[0]?.at };
}

async function readOpen(reader: PartitionReader, open: Open, { high }: Ends): Promise<Part> {
  const { topic, partition, floor, done } = open;
  const records: PartitionRecord[] = [];
  let at = floor;
  while (at < high && records.length < MOST_READ) {
    const fetched = await reader.fetch(topic, new Map([[partition, at]]), WAIT_MS);
    records.push(...fetched.records.filter(({ offset }) => !done.has(offset)));
    const next = fetched.next.get(partition) ?? at;
    if (next === at) break; // an open transaction: its records are not there yet
    at = next;
  }
  const rest = records.length < MOST_READ ? 0 : high - at;
  const now = Date.now();
  return {
    waiting: records.length + rest,
    due: records.filter(({ headers }) => (dueAtOf(headers) ?? 0) <= now).length,
    oldestAt: records[0]?.at,
  };
}
