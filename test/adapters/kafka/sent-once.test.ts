import { Kafka, logLevel } from 'kafkajs';
import { expect, test } from 'vitest';
import { SENT_ONCE } from '../../../src/adapters/kafka/client.ts';
import { internal } from '../../../src/adapters/kafka/patch.ts';

type Retrier = (work: () => Promise<never>) => Promise<never>;

test('what a transactional producer is told about repeats is taken, and means none', async () => {
  const kafka = new Kafka({ brokers: ['localhost:1'], logLevel: logLevel.NOTHING });
  expect(() =>
    kafka.producer({ transactionalId: 't', idempotent: true, retry: { ...SENT_ONCE, retries: 0 } }),
  ).toThrow(/must allow retries/);
  kafka.producer({ transactionalId: 't', idempotent: true, retry: SENT_ONCE });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- held by the version
  const createRetry = internal('retry') as (options: object) => Retrier;
  let tries = 0;
  const tried = createRetry({ ...SENT_ONCE, initialRetryTime: 1 })(async () => {
    tries++;
    throw new Error('made by the test');
  });
  await expect(tried).rejects.toThrow('made by the test');
  expect(tries).toBe(1);
});
