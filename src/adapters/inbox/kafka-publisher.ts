import type { Producer } from 'kafkajs';
import type { Place } from '../../domain/deliveries.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { InboxRecord } from '../../ports/inbox.ts';
import type { KafkaClients } from '../kafka/client.ts';
import { inboxError } from '../kafka/describe.ts';
import { type OutRecord, sendsOf } from '../kafka/packing.ts';
import { partitionOf } from '../kafka/partitions.ts';
import { groupCommit } from './group-commit.ts';

export interface Publisher {
  publish(record: InboxRecord): Promise<Place>;
  close(): Promise<void>;
}

const GROUP = { items: 256 };

/**
 * Publishes into inbox and replay topics through an idempotent producer, which is thrown away after any error.
 *
 * @param countOf - partitions of a topic
 */
export function createPublisher(
  clients: KafkaClients,
  countOf: (topic: string) => Promise<number>,
): Publisher {
  let producer: Producer | undefined;
  let withoutKey = 0;

  const opened = async (): Promise<Producer> => {
    if (producer !== undefined) return producer;
    const fresh = clients.producer();
    await fresh.connect();
    producer = fresh;
    return fresh;
  };
  const recordOf = async ({ topic, key, headers, value }: InboxRecord): Promise<OutRecord> => {
    const count = await countOf(topic);
    const partition = key === undefined ? withoutKey++ % count : partitionOf(key, count);
    return { topic, partition, key, headers, value };
  };
  const send = async (records: readonly OutRecord[]): Promise<Place[]> => {
    const current = await opened();
    /** Offsets to give out, of every `topic/partition`, in order. */
    const ranges = new Map<string, number[]>();
    for (const topicMessages of sendsOf(records)) {
      for (const { topicName, partition, baseOffset } of await current.sendBatch({
        topicMessages,
        acks: -1,
      })) {
        const messages = topicMessages.find(({ topic }) => topic === topicName)?.messages ?? [];
        const count = messages.filter((message) => message.partition === partition).length;
        const offsets = Array.from({ length: count }, (_, i) => Number(baseOffset) + i);
        const name = `${topicName}/${partition}`;
        ranges.set(name, [...(ranges.get(name) ?? []), ...offsets]);
      }
    }
    return records.map(({ topic, partition }) => {
      const offset = ranges.get(`${topic}/${partition}`)?.shift();
      if (offset === undefined) throw new CallsealError('INBOX_DOWN', `${topic} gave a record no offset`);
      return { topic, partition, offset };
    });
  };

  return {
    publish: groupCommit(async (records: readonly InboxRecord[]) => {
      try {
        return await send(await Promise.all(records.map(recordOf)));
      } catch (error) {
        const broken = producer;
        producer = undefined;
        await broken?.disconnect().catch(() => undefined);
        throw inboxError(`publishing into ${records[0]?.topic}`, error);
      }
    }, GROUP),
    close: async () => await producer?.disconnect(),
  };
}
