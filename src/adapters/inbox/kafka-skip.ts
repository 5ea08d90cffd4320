import { type Place, placeText } from '../../domain/deliveries.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { InboxSkip } from '../../ports/inbox-skip.ts';
import { type Connections, connect, disconnect } from '../kafka/connect.ts';
import { inboxError } from '../kafka/describe.ts';
import type { PartitionReader, PartitionRecord } from '../kafka/partition-reader.ts';
import { openLife, readCommitted } from './kafka-life.ts';
import type { KafkaRestoreOptions } from './kafka-restore.ts';
import type { Snapshot } from './kafka-tracker.ts';
import { inputKind } from './topics.ts';

/** Under the worker's certificate: it is the worker's transactions that are fenced. */
export type KafkaSkipOptions = KafkaRestoreOptions;

type Connected = KafkaSkipOptions & Connections;

/** @throws CallsealError INBOX_DOWN */
export async function openKafkaSkip(options: KafkaSkipOptions): Promise<InboxSkip> {
  const connected = { ...options, ...(await connect(options.clients, options.brokers)) };
  return {
    look: async (place, signal) => await look(connected, place, signal).catch(rethrow(place)),
    skip: async (place, signal) => {
      await look(connected, place, signal).catch(rethrow(place));
      await mark(connected, place, signal).catch(rethrow(place));
    },
    close: async () => await disconnect(connected),
  };
}

async function look(connected: Connected, place: Place, signal: AbortSignal): Promise<void> {
  const { reader, topics } = connected;
  const { topic, partition, offset } = place;
  if (inputKind(topics, topic) === undefined) {
    throw new CallsealError('USAGE', `${topic} is no topic that a worker reads`);
  }
  const ends = (await reader.endsOf(topic)).get(partition);
  if (ends === undefined) throw new CallsealError('NOT_FOUND', `${topic} has no partition ${partition}`);
  if (offset < ends.low || offset >= ends.high) {
    const there = `it has ${ends.low} up to ${ends.high - 1}`;
    throw new CallsealError('NOT_FOUND', `there is no record at ${placeText(place)}: ${there}`);
  }
  if (isDone(await readCommitted(connected, topic, partition), offset)) throw doneAlready(place);
  const record = await recordAt(reader, place, signal);
  if (record === undefined) throw new CallsealError('NOT_FOUND', `there is no record at ${placeText(place)}`);
  if (record.unreadable) return;
  throw new CallsealError('REFUSED', `the record at ${placeText(place)} can be read: a worker answers it`);
}

const WAIT_MS = 500;
const TRIES = 10;

/** @returns undefined where a marker or an aborted record has that offset */
async function recordAt(
  reader: PartitionReader,
  { topic, partition, offset }: Place,
  signal: AbortSignal,
): Promise<PartitionRecord | undefined> {
  for (let tried = 0; tried < TRIES; tried++) {
    signal.throwIfAborted();
    const fetched = await reader.fetch(topic, new Map([[partition, offset]]), WAIT_MS);
    const found = fetched.records.find((record) => record.offset === offset);
    if (found !== undefined || (fetched.next.get(partition) ?? 0) > offset) return found;
  }
  throw new CallsealError('INBOX_DOWN', `${topic}/${partition} gives nothing from ${offset} on`, {
    hint: 'a transaction of a producer is open there; run it again when it has ended',
  });
}

const COMMIT_TRIES = 5;

/**
 * A life of the partition's own, as at a new assignment. A worker that notices may begin the next one before the
 * commit: then this one is thrown away, and the next look says what came of it.
 */
async function mark(connected: Connected, place: Place, signal: AbortSignal): Promise<void> {
  const { topic, partition, offset } = place;
  for (let tried = 1; ; tried++) {
    signal.throwIfAborted();
    const life = await openLife(connected, topic, partition);
    try {
      if (isDone(life.committed, offset)) {
        // Ours, when the reply to the commit before was lost; with no commit before, somebody else's.
        if (tried > 1) return;
        throw doneAlready(place);
      }
      return await life.commit([], withDone(life.committed, offset));
    } catch (error) {
      if (error instanceof CallsealError || tried === COMMIT_TRIES) throw error;
    } finally {
      await life.close();
    }
  }
}

function isDone({ floor, done: above }: Snapshot, offset: number): boolean {
  return offset < floor || above.includes(offset);
}

/** The mark that says this offset is done as well. */
function withDone(committed: Snapshot, offset: number): Snapshot {
  const done = new Set([...committed.done, offset]);
  let { floor } = committed;
  while (done.has(floor)) floor++;
  return { floor, done: [...done].filter((each) => each > floor).toSorted((a, b) => a - b) };
}

function doneAlready(place: Place): CallsealError {
  return new CallsealError('REFUSED', `the record at ${placeText(place)} is done already`);
}

function rethrow(place: Place): (error: unknown) => never {
  return (error) => {
    const isAbort = error instanceof Error && error.name === 'AbortError';
    throw isAbort ? error : inboxError(`skipping ${placeText(place)}`, error);
  };
}
