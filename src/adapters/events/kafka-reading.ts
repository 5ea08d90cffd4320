import { CallsealError } from '../../domain/errors.ts';
import type { OutputTopic } from '../../domain/outputs.ts';
import type { PublishedRecord, ReadOptions } from '../../ports/events.ts';
import { outputHeaders } from '../kafka/output-records.ts';
import type { PartitionReader, PartitionRecord } from '../kafka/partition-reader.ts';
import { parsePosition, positionText } from './kafka-position.ts';

/** How long a fetch waits at the end of the topic, and so how late an abort may be noticed. */
const WAIT_MS = 250;
/** For the end of a transaction that is open when a reader comes to it; one whose owner died may take 40 s. */
const OPEN_TRANSACTION_MS = 5_000;
/** Whoever asks since a time compares what is there: records behind such a transaction must not seem to be missing. */
const ENDED_TRANSACTION_MS = 60_000;

export interface Reading extends ReadOptions {
  readonly topic: OutputTopic;
  readonly name: string;
}

/** Committed records, in order per partition; without `follow` until what was there at the start is read. */
export async function* readTopic(
  reader: PartitionReader,
  { topic, name, follow, after, since }: Reading,
  signal: AbortSignal,
): AsyncGenerator<PublishedRecord> {
  const ends = await reader.endsOf(name);
  const start = since === undefined ? startOf(name, after) : await reader.offsetsSince(name, since);
  let next = new Map(
    [...ends].map(([partition, { low }]) => [partition, Math.max(low, start?.get(partition) ?? 0)]),
  );
  const at = new Map(next);
  const patienceMs = since === undefined ? OPEN_TRANSACTION_MS : ENDED_TRANSACTION_MS;
  let movedAt = performance.now();
  while (!signal.aborted) {
    const unread = new Map([...next].filter(([partition, offset]) => follow || offset < endOf(partition)));
    if (unread.size === 0) return;
    if (!follow && performance.now() - movedAt > patienceMs) {
      if (since === undefined) return;
      throw new CallsealError('INBOX_DOWN', `a transaction in ${name} is open and does not end`, {
        hint: 'its writer may have died; the broker ends it after its timeout: try again in a minute',
      });
    }
    const fetched = await reader.fetch(name, unread, WAIT_MS);
    for (const record of fetched.records) {
      if (signal.aborted) break;
      at.set(record.partition, record.offset + 1);
      yield publishedOf(topic, record, positionText(at));
    }
    const moved = [...fetched.next].some(([partition, offset]) => offset !== next.get(partition));
    if (moved) movedAt = performance.now();
    next = new Map([...next, ...fetched.next]);
  }
  signal.throwIfAborted();

  function endOf(partition: number): number {
    return ends.get(partition)?.high ?? 0;
  }
}

function startOf(name: string, after: string | undefined): ReadonlyMap<number, number> | undefined {
  const start = after === undefined ? undefined : parsePosition(after);
  if (after === undefined || start !== undefined) return start;
  throw new CallsealError('USAGE', `${JSON.stringify(after)} is no position in ${name}`);
}

export function publishedOf(topic: OutputTopic, record: PartitionRecord, position: string): PublishedRecord {
  const { key, value } = record;
  return { topic, key: key ?? '', ...outputHeaders(record.headers), value, position };
}
