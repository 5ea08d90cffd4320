import { clientsOf } from '../../test/adapters/kafka/test-topics.ts';
import { putSource } from '../../test/services/edge-bucket.ts';
import type { Deployment } from './deployment.ts';
import type { SampleCall } from './sample-call.ts';

/** The telephony edge: it has its own bucket, may write its own topic, and nothing else. */
export interface Edge {
  /** Puts everything that the event points to into the bucket. @returns bytes */
  put(call: SampleCall): Promise<number>;
  /** @returns where the event stands, as `topic/partition/offset` */
  announce(call: SampleCall): Promise<string>;
  close(): Promise<void>;
}

export async function openEdge({ env, topics }: Deployment): Promise<Edge> {
  const clients = await clientsOf('edge');
  const producer = clients.producer();
  await producer.connect().catch((error: unknown) => {
    clients.stop();
    throw error;
  });
  return {
    put: async ({ sources }) => {
      await Promise.all(sources.map(async ({ name, bytes }) => await putSource(env, name, bytes)));
      return sources.reduce((sum, { bytes }) => sum + bytes.length, 0);
    },
    announce: async ({ key, event }) => {
      const topic = topics.inbox[0] ?? '';
      const headers = { 'content-type': 'application/cloudevents+json' };
      const [at] = await producer.send({ topic, acks: -1, messages: [{ key, headers, value: event }] });
      return `${topic}/${at?.partition}/${at?.baseOffset}`;
    },
    close: async () => {
      await producer.disconnect();
      clients.stop();
    },
  };
}
