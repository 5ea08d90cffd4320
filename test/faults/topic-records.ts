import { randomUUID } from 'node:crypto';
import type { EachBatchPayload } from 'kafkajs';
import { clientsOf } from '../adapters/kafka/test-topics.ts';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/** A topic is quiet when nothing more came for so long; nothing is written any more when this is asked. */
const QUIET_MS = 4_000;

/** A whole topic, by the stock consumer, as one kind of reader sees it; in order per partition. */
export async function readTopic(
  base: number,
  topic: string,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<TopicRecord[]> {
  const clients = await clientsOf('admin', { base });
  const consumer = clients.consumer({
    groupId: `judge-${randomUUID()}`,
    readUncommitted: isolation === 'read_uncommitted',
  });
  const records: TopicRecord[] = [];
  let last = performance.now();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }: EachBatchPayload) => {
      last = performance.now();
      for (const { offset, key, headers, value } of batch.messages) {
        const named = Object.entries(headers ?? {}).map(([name, of]) => [name, String(of)] as const);
        records.push({
          partition: batch.partition,
          offset: Number(offset),
          key: key?.toString() ?? '',
          headers: Object.fromEntries(named),
          value: value ?? Buffer.alloc(0),
        });
      }
    },
  });
  await joined;
  last = performance.now();
  while (performance.now() - last < QUIET_MS) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await consumer.disconnect();
  clients.stop();
  return records.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset);
}
