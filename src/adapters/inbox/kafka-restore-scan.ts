import { setTimeout as sleep } from 'node:timers/promises';
import { CallsealError } from '../../domain/errors.ts';
import { describe } from '../kafka/describe.ts';
import type { PartitionReader, PartitionRecord } from '../kafka/partition-reader.ts';
import type { Snapshot } from './kafka-tracker.ts';

export interface Partition {
  readonly topic: string;
  readonly partition: number;
  /** What is committed of it. */
  readonly mark: Snapshot;
}

/** Records that are marked done and still there, in pages of one fetch. */
export async function* doneRecords(
  reader: PartitionReader,
  { topic, partition, mark }: Partition,
  signal: AbortSignal,
): AsyncGenerator<readonly PartitionRecord[]> {
  const above = new Set(mark.done);
  const end = Math.max(mark.floor, (mark.done.at(-1) ?? -1) + 1);
  const isDone = ({ offset }: PartitionRecord): boolean => offset < mark.floor || above.has(offset);
  for await (const page of pages(reader, { topic, partition, from: 0, end }, signal))
    yield page.filter(isDone);
}

/** Records that are not done. */
export async function* waitingRecords(
  reader: PartitionReader,
  { topic, partition, mark }: Partition,
  signal: AbortSignal,
): AsyncGenerator<readonly PartitionRecord[]> {
  const done = new Set(mark.done);
  const end = (await reader.endsOf(topic)).get(partition)?.high ?? 0;
  const isWaiting = ({ offset }: PartitionRecord): boolean => offset >= mark.floor && !done.has(offset);
  for await (const page of pages(reader, { topic, partition, from: mark.floor, end }, signal))
    yield page.filter(isWaiting);
}

/** Waits until every transaction on the topic has ended: behind an open one nobody sees what is committed. */
export async function untilStable(
  reader: PartitionReader,
  topic: string,
  signal: AbortSignal,
): Promise<void> {
  for (const [partition, { high }] of await reader.endsOf(topic)) {
    const last = { topic, partition, from: high - 1, end: high };
    for await (const _ of pages(reader, last, signal));
  }
}

interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly end: number;
}

const WAIT_MS = 500;
const REST_MS = 250;
/** For leaders that move, and for a transaction of an edge that is open: one whose owner died ends after a minute. */
const PATIENCE_MS = 90_000;

async function* pages(
  reader: PartitionReader,
  { topic, partition, from, end }: Span,
  signal: AbortSignal,
): AsyncGenerator<readonly PartitionRecord[]> {
  const low = async (): Promise<number> => (await reader.endsOf(topic)).get(partition)?.low ?? 0;
  let at = Math.max(from, await low());
  let movedAt = performance.now();
  while (at < end) {
    signal.throwIfAborted();
    try {
      const fetched = await reader.fetch(topic, new Map([[partition, at]]), WAIT_MS);
      yield fetched.records.filter(({ offset }) => offset < end);
      const next = fetched.next.get(partition) ?? at;
      if (next > at) movedAt = performance.now();
      at = next;
    } catch (error) {
      const { code, type } = describe(error);
      if (code === undefined || performance.now() - movedAt > PATIENCE_MS) throw error;
      // Retention has removed what was to be read next.
      if (type === 'OFFSET_OUT_OF_RANGE') at = Math.max(at, await low());
      await sleep(REST_MS, undefined, { signal });
    }
    if (performance.now() - movedAt <= PATIENCE_MS) continue;
    throw new CallsealError('INBOX_DOWN', `${topic}/${partition} gives nothing from ${at} on`, {
      hint: 'a transaction of a producer is open there; run it again when it has ended',
    });
  }
}
