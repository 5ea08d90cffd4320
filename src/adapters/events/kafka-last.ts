import type { OutputTopic } from '../../domain/outputs.ts';
import type { PublishedRecord } from '../../ports/events.ts';
import type { PartitionReader, PartitionRecord } from '../kafka/partition-reader.ts';
import { positionText } from './kafka-position.ts';
import { publishedOf } from './kafka-reading.ts';

const WAIT_MS = 100;

/** The last committed record of a topic; of several partitions the one that was published last. */
export async function lastOf(
  reader: PartitionReader,
  { topic, name }: { readonly topic: OutputTopic; readonly name: string },
): Promise<PublishedRecord | undefined> {
  const next = new Map<number, number>();
  let last: PartitionRecord | undefined;
  for (const [partition, { low, high }] of await reader.endsOf(name)) {
    const found = await lastIn(reader, name, partition, low, high);
    next.set(partition, found === undefined ? low : found.offset + 1);
    if (found !== undefined && (last === undefined || found.at > last.at)) last = found;
  }
  return last && publishedOf(topic, last, positionText(next));
}

/** Backwards from the end in steps that double: the end may be markers and aborted records only. */
async function lastIn(
  reader: PartitionReader,
  name: string,
  partition: number,
  low: number,
  high: number,
): Promise<PartitionRecord | undefined> {
  for (let back = 4, from = high; from > low; back *= 4) {
    from = Math.max(low, high - back);
    const found = await lastBetween(reader, name, partition, from, high);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function lastBetween(
  reader: PartitionReader,
  name: string,
  partition: number,
  from: number,
  high: number,
): Promise<PartitionRecord | undefined> {
  let last: PartitionRecord | undefined;
  for (let at = from; at < high; ) {
    const { records, next } = await reader.fetch(name, new Map([[partition, at]]), WAIT_MS);
    last = records.at(-1) ?? last;
    const then = next.get(partition) ?? at;
    if (then === at) break; // an open transaction: what it writes is not committed yet
    at = then;
  }
  return last;
}
