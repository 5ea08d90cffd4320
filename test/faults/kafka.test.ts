import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
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
import { kafkaWorld } from '../integration/kafka-world.ts';
import { servicesEnv, whatIsMissing } from '../services/env.ts';

const missing = await whatIsMissing('kafka', 'postgres');
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

describe.skipIf(missing)(`Kafka: a worker that sleeps beyond its session ${missing ?? ''}`, () => {
  test('wakes as a zombie and doubles nothing; what it had in hand was answered by the other', async () => {
    const world = await kafkaWorld(2);
    onTestFinished(async () => await world.remove());
    const workers = [world.startWorker(), world.startWorker()];
    onTestFinished(() => workers.forEach(({ process }) => void process.kill('SIGKILL')));
    const calls = Array.from({ length: 80 }, (_, i) => `c-${i}`);
    await Promise.all(calls.map(async (call) => await world.publish(call)));
    const reader = await world.events('reader');
    const admin = (await world.clients('admin')).admin();
    await admin.connect();
    const members = async () => (await admin.describeGroups([world.group])).groups[0]?.members.length;
    const until = async (count: number) =>
      await vi.waitUntil(async () => (await members()) === count, { timeout: 60_000, interval: 200 });
    const sleeper = workers[0]!.process;
    const woken = async (): Promise<void> => {
      await until(1);
      sleeper.kill('SIGCONT');
    };
    let seen = 0;
    let waking: Promise<void> | undefined;
    for await (const _ of reader.read('outcome', { follow: true }, never)) {
      if (++seen === 10) {
        await until(2);
        sleeper.kill('SIGSTOP');
        waking = woken();
      }
      if (seen === calls.length) break;
    }
    await waking;
    await admin.disconnect();
    for (const worker of workers) {
      worker.process.kill('SIGTERM');
      expect({ code: await worker.ended, said: worker.said() }).toMatchObject({ code: 0 });
    }
    const outcomes = await Array.fromAsync(reader.read('outcome', { follow: false }, never));
    expect(outcomes.map(({ key }) => key).toSorted()).toEqual(calls.map((call) => `t-1/${call}`).toSorted());
    expect(await world.answers()).toBe(calls.length);
  });
});

/** A broker of its own: what is killed here would take every other suite's with it. */
const CHECKOUT = join(import.meta.dirname, '../..');
const BASE = 3000 + Number(env['CALLSEAL_SERVICES_BASE'] ?? 0);

function services(word: 'up' | 'down'): void {
  const only = word === 'up' ? ['--only', 'kafka'] : [];
  execFileSync(join(CHECKOUT, 'scripts/services'), [word, ...only, '--base', String(BASE)], {
    stdio: 'pipe',
  });
}

describe.skipIf(missing)(`Kafka: kill -9 of the broker ${missing ?? ''}`, () => {
  beforeAll(() => services('up'));
  afterAll(() => {
    services('down');
    rmSync(join(CHECKOUT, `.services/base-${BASE}`), { recursive: true, force: true });
  });

  test('while calls are settled: the worker goes on when it is back, and every output stands once', async () => {
    const COUNT = 200;
    const made = await makeTestTopics(1, { base: BASE });
    const here = await opened(made, { base: BASE });
    await publish(here, made.topics.inbox[0]!, COUNT);
    const broker = Number(readFileSync(join(servicesEnv(BASE).run, 'kafka-1.pid'), 'utf8').split(/\s/)[0]);
    const stop = new AbortController();
    let answered = 0;
    let back: Promise<void> | undefined;
    const settled = new Set<string>();
    const running = here.inbox.run(
      async (delivery) => {
        if (++answered === 50) {
          process.kill(broker, 'SIGKILL');
          back = sleep(0).then(() => services('up'));
        }
        settled.add(delivery.value.toString());
        return { do: 'settle', outputs: [answerTo(delivery)] };
      },
      { untilIdle: false },
      stop.signal,
    );
    await expect.poll(() => settled.size, { timeout: 120_000 }).toBe(COUNT);
    await back;
    await expect
      .poll(async () => (await here.inbox.backlog(never).catch(() => undefined))?.waiting, {
        timeout: 60_000,
      })
      .toBe(0);
    stop.abort();
    await running;
    await requireAll(here, COUNT);
    await made.remove();
  });
});
