import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublishedRecord } from '../../src/ports/events.ts';
import { whatIsMissing } from '../services/env.ts';
import { type KafkaWorld, kafkaWorld } from './kafka-world.ts';

const missing = await whatIsMissing('kafka', 'postgres');
const never = new AbortController().signal;
const CLI = join(import.meta.dirname, '../../src/cli.ts');
const CALLS = ['c-0', 'c-1', 'c-2'];

type Item = Readonly<Record<string, unknown>>;

/** Each test plants one more difference into the same deployment; those before stay. */
describe.skipIf(missing)(`callseal reconcile on Kafka and PostgreSQL ${missing ?? ''}`, () => {
  let world: KafkaWorld;
  let outcomes: readonly PublishedRecord[];

  beforeAll(async () => {
    world = await kafkaWorld(2);
    const worker = world.startWorker();
    for (const call of CALLS) await world.publish(call);
    outcomes = await read(CALLS.length);
    worker.process.kill('SIGTERM');
    if ((await worker.ended) !== 0) throw new Error(worker.said());
  });
  afterAll(async () => await world.remove());

  async function read(enough: number): Promise<PublishedRecord[]> {
    const seen: PublishedRecord[] = [];
    for await (const record of (await world.events('reader')).read('outcome', { follow: true }, never)) {
      if (seen.push(record) >= enough) break;
    }
    return seen;
  }
  async function reconciled(): Promise<{ code: unknown; items: Item[]; summary: Item }> {
    const config = join(world.folder, world.config());
    const words = ['--no-warnings', CLI, '--profile', 'local', '--config', config, 'reconcile', '--json'];
    const child = spawn(process.execPath, words, {
      cwd: world.folder,
      env: { ...process.env, CALLSEAL_SERVICES_BASE: undefined, CALLSEAL_LONG: undefined },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    const items = said
      .split('\n')
      .filter(Boolean)
      .map((line): Item => JSON.parse(line));
    return { code, items: items.slice(0, -1), summary: items.at(-1) ?? {} };
  }
  const codes = (items: readonly Item[]): string[] =>
    items.flatMap(({ code }) => (typeof code === 'string' ? [code] : [])).toSorted();

  test('finds nothing where nothing went wrong, and says what it compared', async () => {
    expect(await reconciled()).toMatchObject({
      code: 0,
      items: [],
      summary: {
        compared: { events: 3, answers: 3, outputs: 6, receipts: 3, keys: 3, objects: 3 },
        findings: 0,
      },
    });
  });

  test('names what nobody works on yet as under way', async () => {
    await world.publish('c-later');
    const { code, items } = await reconciled();
    expect({ code, items }).toMatchObject({
      code: 0,
      items: [{ kind: 'in-flight', stage: 'unanswered', tenant: 't-1', call: 'c-later' }],
    });
  });

  test('finds a second outcome, an object that is gone and an event that is done without an answer', async () => {
    const [first] = outcomes;
    await (await world.events('worker')).publish([{ ...first!, id: 'second' }], never);
    for (const path of globSync(join(world.folder, '**/t-1/*/*/transcript')).slice(0, 1)) rmSync(path);
    await skipToTheEnd();
    const { code, items, summary } = await reconciled();
    expect(codes(items)).toEqual(['EVENT_NEVER_ANSWERED', 'OBJECT_MISSING', 'OUTPUT_DOUBLED']);
    expect({ code, summary }).toMatchObject({ code: 4, summary: { findings: 3, inFlight: 0 } });
  });

  /** Somebody commits what was never worked on. */
  async function skipToTheEnd(): Promise<void> {
    const admin = (await world.clients('admin')).admin();
    await admin.connect();
    const topic = world.topics.inbox[0] ?? '';
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.setOffsets({
      groupId: world.group,
      topic,
      partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
    });
    await admin.disconnect();
  }
});
