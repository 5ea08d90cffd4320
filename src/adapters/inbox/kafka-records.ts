import { CallsealError } from '../../domain/errors.ts';
import type { InboxEntry } from '../../ports/inbox.ts';
import type { Ends, PartitionReader, PartitionRecord } from '../kafka/partition-reader.ts';
import { deliveryOf } from './delivery-headers.ts';
import type { BacklogParts } from './kafka-backlog.ts';
import { committedOffsets, doneAbove } from './kafka-committed.ts';
import { inputKind } from './topics.ts';

const WAIT_MS = 100;
/** For the end of a transaction that is open when a reader comes to it; one whose owner died may take 40 s. */
const OPEN_TRANSACTION_MS = 60_000;

/**
 * What the group has committed is asked for before the ends are: a hand-over that stands as done has its record in
 * the retry topic below the end that is read to, at worst in a transaction whose marker is still on its way.
 */
export async function* kafkaRecords(
  parts: BacklogParts,
  since: Date,
  signal: AbortSignal,
  only?: 'retry',
): AsyncGenerator<InboxEntry, void, undefined> {
  const { topics, reader } = parts;
  for (const topic of only ? [topics.retry] : [...topics.inbox, topics.replay, topics.retry]) {
    signal.throwIfAborted();
    const isDone = await doneIn(parts, topic);
    const ends = await reader.endsOf(topic);
    const from = await reader.offsetsSince(topic, since);
    const kind = inputKind(topics, topic) ?? 'inbox';
    for await (const record of readTo(reader, topic, from, ends, signal)) {
      const place = { topic, partition: record.partition, offset: record.offset };
      yield {
        delivery: deliveryOf({ ...record, place }, kind),
        publishedAt: new Date(record.at),
        done: isDone(record),
      };
    }
  }
}

type IsDone = (record: Pick<PartitionRecord, 'partition' | 'offset'>) => boolean;

async function doneIn(of: BacklogParts, topic: string): Promise<IsDone> {
  const marks = new Map(
    (await committedOffsets(of, topic)).map((committed) => [
      committed.partition,
      { floor: committed.offset, done: new Set(doneAbove(topic, committed)) },
    ]),
  );
  return ({ partition, offset }) => {
    const mark = marks.get(partition);
    return mark !== undefined && (offset < mark.floor || mark.done.has(offset));
  };
}

/** @throws CallsealError INBOX_DOWN - a transaction stays open: what it holds cannot be read, nor left out */
async function* readTo(
  reader: PartitionReader,
  topic: string,
  from: ReadonlyMap<number, number>,
  ends: ReadonlyMap<number, Ends>,
  signal: AbortSignal,
): AsyncGenerator<PartitionRecord, void, undefined> {
  const highOf = (partition: number): number => ends.get(partition)?.high ?? 0;
  let next = new Map(from);
  for (let movedAt = performance.now(); ; ) {
    signal.throwIfAborted();
    const unread = new Map([...next].filter(([partition, offset]) => offset < highOf(partition)));
    if (unread.size === 0) return;
    const fetched = await reader.fetch(topic, unread, WAIT_MS);
    for (const record of fetched.records) if (record.offset < highOf(record.partition)) yield record;
    const moved = [...fetched.next].some(([partition, offset]) => offset !== next.get(partition));
    next = new Map([...next, ...fetched.next]);
    if (moved) movedAt = performance.now();
    else if (performance.now() - movedAt > OPEN_TRANSACTION_MS) throw stillOpen(topic);
  }
}

function stillOpen(topic: string): CallsealError {
  return new CallsealError('INBOX_DOWN', `a transaction in ${topic} is open and does not end`, {
    hint: 'its writer may have died; the broker ends it after its timeout: try again in a minute',
  });
}
