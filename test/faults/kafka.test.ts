import { describe, expect, onTestFinished, test } from 'vitest';
import { openKafkaEvents } from '../../src/adapters/events/kafka.ts';
import { openKafkaInbox } from '../../src/adapters/inbox/kafka.ts';
import { API, faultProxy } from '../adapters/kafka/fault-proxy.ts';
import {
  brokersHere,
  clientsOf,
  type Elsewhere,
  makeTestTopics,
  type TestTopics,
} from '../adapters/kafka/test-topics.ts';
import { answerTo, QUICK_TIMES } from '../contract/inbox-worlds.ts';
import { whatIsMissing } from '../services/env.ts';

const missing = await whatIsMissing('kafka');
const never = new AbortController().signal;
const KEYS = 5;

async function opened({ topics, prefix }: TestTopics, elsewhere: Elsewhere = {}) {
  const clients = await clientsOf('worker', elsewhere);
  const events = openKafkaEvents({ clients, topics, prefix });
  const inbox = openKafkaInbox({
    clients,
    brokers: elsewhere.brokers ?? brokersHere(elsewhere.base),
    topics,
    group: prefix,
    prefix,
    limits: { calls: 8, bytes: 1024 * 1024 },
    window: { offsets: 4096, bytes: 1024 * 1024 },
    heldDelayMs: 1000,
    times: QUICK_TIMES,
  });
  onTestFinished(async () => {
    await inbox.close();
    await events.close();
    clients.stop();
  });
  return { inbox, events };
}

async function publish(
  { inbox }: Awaited<ReturnType<typeof opened>>,
  topic: string,
  count: number,
): Promise<void> {
  const all = Array.from({ length: count }, async (_, i) => {
    const key = `t/${i % KEYS}`;
    await inbox.publish({ topic, key, headers: {}, value: Buffer.from(String(i)) }, never);
  });
  await Promise.all(all);
}

/** What committed readers see: every number once, in order per key. */
async function requireAll({ events }: Awaited<ReturnType<typeof opened>>, count: number): Promise<void> {
  const records = await Array.fromAsync(events.read('outcome', { follow: false }, never));
  const numbers = records.map(({ value }) => Number(value.toString()));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
  for (let key = 0; key < KEYS; key++) {
    const mine = numbers.filter((number) => number % KEYS === key);
    expect(mine).toEqual(mine.toSorted((a, b) => a - b));
  }
}

describe.skipIf(missing)(`Kafka: replies that are lost ${missing ?? ''}`, () => {
  const cases = Object.keys(API).flatMap((api) =>
    (['lost', 'reply lost'] as const).map((fate): [keyof typeof API, typeof fate] => [
      api as keyof typeof API,
      fate,
    ]),
  );

  test.each(cases)('%s %s, again and again: every output once, in order per key', async (api, fate) => {
    const COUNT = 30;
    const made = await makeTestTopics();
    onTestFinished(async () => await made.remove());
    const direct = await opened(made);
    await publish(direct, made.topics.inbox[0]!, COUNT);
    const proxy = await faultProxy((key, nth) => (key === API[api] && nth % 4 === 3 ? fate : 'pass'));
    onTestFinished(async () => await proxy.close());
    const through = await opened(made, { brokers: [proxy.broker] });
    await through.inbox.run(
      async (delivery) => ({ do: 'settle', outputs: [answerTo(delivery)] }),
      { untilIdle: true },
      never,
    );
    expect(proxy.faults()).toBeGreaterThan(0);
    await requireAll(direct, COUNT);
    expect(await direct.inbox.backlog(never)).toMatchObject({ waiting: 0 });
  });
});
