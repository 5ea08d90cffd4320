import type { Consumer } from 'kafkajs';
import { isDenied } from '../../src/adapters/kafka/describe.ts';
import { clientsOf } from '../../test/adapters/kafka/test-topics.ts';
import type { Deployment } from './deployment.ts';
import { until } from './until.ts';

/** A reader downstream: Kafka's stock consumer with the reader's certificate, and no program of callseal. */
export interface Reader {
  /** Waits for the first record of the key. Transactions that are not committed are not seen. */
  first(topic: string, key: string, signal: AbortSignal): Promise<Buffer>;
  close(): Promise<void>;
}

interface ReadRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
}

export async function openReader(deployment: Deployment, signal: AbortSignal): Promise<Reader> {
  const clients = await clientsOf('reader');
  const records: ReadRecord[] = [];
  let crash: Error | undefined;
  const follow = async (): Promise<Consumer> => {
    const groupId = `${deployment.prefix}.reader`;
    const consumer = clients.consumer({ groupId, readUncommitted: false });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) crash = payload.error;
    });
    await followOutputs(consumer, deployment, (record) => records.push(record));
    return consumer;
  };
  try {
    const consumer = await onceAllowed(follow, signal);
    return {
      first: async (topic, key, stop) =>
        await until(
          `nothing about ${key} came on ${topic}`,
          () => {
            if (crash) throw crash;
            return records.find((record) => record.topic === topic && record.key === key)?.value;
          },
          stop,
        ),
      close: async () => {
        await consumer.disconnect();
        clients.stop();
      },
    };
  } catch (error) {
    clients.stop();
    throw error;
  }
}

async function followOutputs(
  consumer: Consumer,
  { topics }: Deployment,
  take: (record: ReadRecord) => void,
): Promise<void> {
  const { outcome, transcripts } = topics.outputs;
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [outcome, transcripts], fromBeginning: true });
    await consumer.run({
      // oxlint-disable-next-line require-await -- the client wants a promise
      eachMessage: async ({ topic, message: { key, value } }) =>
        take({ topic, key: key?.toString() ?? '', value: value ?? Buffer.alloc(0) }),
    });
  } catch (error) {
    await consumer.disconnect();
    throw error;
  }
}

/** A broker knows of a right a moment after it was given. */
async function onceAllowed<Result>(act: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  const tryIt = async (): Promise<Result | undefined> =>
    await act().catch((error: unknown) => {
      if (!isDenied(error)) throw error;
      return undefined;
    });
  return await until('the reader was not let in', tryIt, signal);
}
