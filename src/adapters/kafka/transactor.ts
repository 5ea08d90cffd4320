import { setTimeout as sleep } from 'node:timers/promises';
import type { TopicMessages } from 'kafkajs';
import type { KafkaClients } from './client.ts';
import { describe } from './describe.ts';
import { type OutRecord, sendsOf } from './packing.ts';

/** An offset that is committed together with the records. */
export interface OffsetMark {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The next record to read. */
  readonly offset: number;
  readonly metadata: string;
}

export interface Work {
  readonly records: readonly OutRecord[];
  readonly mark?: OffsetMark;
  /** Called when everything was sent, right before the commit. */
  readonly beforeCommit?: () => void;
}

/**
 * One life of a transactional id. Two results only: `commit` resolves, and everything is there; or it rejects, and
 * nobody knows. Then this transactor MUST NOT be used again, whatever the error was:
 *
 *   a send failed, the abort was acknowledged, the same producer goes on: the client counts its sequence numbers back,
 *   the broker takes the next batch for one it knows, reports success, and the records are nowhere.
 *
 * A new life under the same id aborts what this one left open, and fences it.
 */
export interface Transactor {
  commit(work: Work): Promise<void>;
  /** Bounded in time by the client's own limits; never rejects. */
  close(): Promise<void>;
}

/** Begins a life: whoever had the id before is fenced, and what it left open is aborted. */
export async function openTransactor(clients: KafkaClients, transactionalId: string): Promise<Transactor> {
  const producer = clients.producer(transactionalId);
  const close = async (): Promise<void> => await producer.disconnect().catch(() => undefined);
  try {
    await producer.connect();
    // The first transaction asks for the producer id, which is what fences. Nothing was sent in it.
    await (await producer.transaction()).abort();
  } catch (error) {
    void close();
    throw error;
  }
  return {
    commit: async ({ records, mark, beforeCommit }) => {
      const transaction = await producer.transaction();
      // First, because it may be asked again while the broker still writes the end of the transaction before.
      if (mark !== undefined) {
        await whileConcurrent(async () => await transaction.sendOffsets(offsetsOf(mark)));
      }
      for (const [nth, topicMessages] of sendsOf(records).entries()) {
        const send = async (): Promise<void> =>
          void (await transaction.sendBatch({ topicMessages, acks: -1 }));
        if (nth === 0 && mark === undefined && isOnePartition(topicMessages)) await whileConcurrent(send);
        else await send();
      }
      beforeCommit?.();
      await transaction.commit();
    },
    close,
  };
}

/** Then a refusal as concurrent came before anything was written: partitions are added to a transaction first. */
function isOnePartition(topicMessages: readonly TopicMessages[]): boolean {
  const places = topicMessages.flatMap(({ topic, messages }) =>
    messages.map(({ partition }) => `${topic}/${partition}`),
  );
  return new Set(places).size === 1;
}

/** `metadata` is sent though the client's type of an offset lacks it. */
function offsetsOf({ group, topic, partition, offset, metadata }: OffsetMark) {
  const partitions = [{ partition, offset: String(offset), metadata }];
  return { consumerGroupId: group, topics: [{ topic, partitions }] };
}

const TRIES = 20;
const FIRST_REST_MS = 5;
const LONGEST_REST_MS = 250;

/** The broker may still be writing the end of the transaction before this one. */
async function whileConcurrent(act: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (describe(error).type !== 'CONCURRENT_TRANSACTIONS' || tries === TRIES) throw error;
      await sleep(Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** tries));
    }
  }
}
