import type { Admin } from 'kafkajs';
import { fault } from '../../domain/crash-points.ts';
import type { KafkaClients } from '../kafka/client.ts';
import type { PartitionReader } from '../kafka/partition-reader.ts';
import { openTransactor } from '../kafka/transactor.ts';
import { committedOffsets, doneAbove } from './kafka-committed.ts';
import { encodeDoneMap } from './kafka-done-map.ts';
import type { Life } from './kafka-settler.ts';
import type { Snapshot } from './kafka-tracker.ts';

export interface LifeParts {
  readonly clients: KafkaClients;
  readonly admin: Admin;
  readonly reader: PartitionReader;
  readonly group: string;
  readonly prefix: string;
}

/**
 * The transactional id of a partition: whoever initialises it fences whoever had the partition before. One id for a
 * process would fence nothing: this client's transactional commits carry neither member nor generation.
 */
export function partitionId({ prefix, group }: Pick<LifeParts, 'prefix' | 'group'>, name: string): string {
  return `${prefix}.${group}.${name.replaceAll('/', '.')}`;
}

/**
 * Begins a life of `topic/partition`: initialise, and only then read what is committed. The other way round the
 * offset may be the one before a commit that has just succeeded (133 of 200 tries on three brokers).
 *
 * @throws CallsealError INBOX_DOWN - the done-map is damaged
 */
export async function openLife(parts: LifeParts, topic: string, partition: number): Promise<Life> {
  const { clients, group } = parts;
  const transactor = await openTransactor(clients, partitionId(parts, `${topic}/${partition}`));
  try {
    const committed = await readCommitted(parts, topic, partition);
    return {
      committed,
      commit: async (records, { floor, done }) => {
        const metadata = encodeDoneMap({ topic, partition, offset: floor }, done);
        const mark = { group, topic, partition, offset: floor, metadata };
        await transactor.commit({ records, mark, beforeCommit: () => fault('in-settle') });
        fault('after-settle');
      },
      close: async () => await transactor.close(),
    };
  } catch (error) {
    void transactor.close();
    throw error;
  }
}

/** @throws CallsealError INBOX_DOWN - the done-map is damaged */
export async function readCommitted(
  { admin, reader, group }: Pick<LifeParts, 'admin' | 'reader' | 'group'>,
  topic: string,
  partition: number,
): Promise<Snapshot> {
  const all = await committedOffsets({ admin, group }, topic);
  const committed = all.find((each) => each.partition === partition);
  const ends = (await reader.endsOf(topic)).get(partition);
  // Metadata that are just being loaded may lack it: taken for "no commit yet", everything would be delivered again.
  if (committed === undefined || ends === undefined) {
    throw new Error(`the cluster says nothing of ${topic}/${partition}`);
  }
  const { low } = ends;
  // A negative one says "none yet" or, after the client met an offset that retention had removed, "the first".
  const floor = Math.max(low, committed.offset);
  const done = doneAbove(topic, committed);
  return { floor, done: done.filter((each) => each >= floor) };
}
