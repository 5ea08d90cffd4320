import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openKafkaInbox } from '../../src/adapters/inbox/kafka.ts';
import { openKafkaSkip } from '../../src/adapters/inbox/kafka-skip.ts';
import type { KafkaClients } from '../../src/adapters/kafka/client.ts';
import { settingsOf, topicRules } from '../../src/adapters/kafka/topic-rules.ts';
import type { InboxSkip } from '../../src/ports/inbox-skip.ts';
import { brokersHere, clientsOf, makeTestTopics, type TestTopics } from '../adapters/kafka/test-topics.ts';
import { whatIsMissing } from '../services/env.ts';
import { LIMITS } from './inbox-worlds.ts';

const missing = await whatIsMissing('kafka');
const never = new AbortController().signal;
/** Compressed it is small enough for the broker; opened it is more than is read here. */
const BOMB = Buffer.alloc(17 * 1024 * 1024);
/** Behind the first record, and an aborted one with its marker. */
const BOMB_AT = 3;

// Every run joins and leaves the group.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** The records of one partition: 0 is read, 1 and 2 were aborted, 3 cannot be read, 5 is read. */
describe.skipIf(missing)(`a record that nobody can read: kafka ${missing ?? ''}`, () => {
  let made: TestTopics;
  let clients: KafkaClients;
  let skip: InboxSkip;
  const topic = (): string => made.topics.inbox[0] ?? '';
  const at = (offset: number, partition = 0) => ({ topic: topic(), partition, offset });
  const inboxOf = (onTrouble: (sentence: string) => void) =>
    openKafkaInbox({
      clients,
      brokers: brokersHere(),
      topics: made.topics,
      group: made.prefix,
      prefix: made.prefix,
      limits: LIMITS,
      window: { offsets: 64, bytes: 1_000_000 },
      heldDelayMs: 1,
      onTrouble,
    });

  beforeAll(async () => {
    made = await makeTestTopics(1);
    clients = await clientsOf('worker');
    const of = {
      clients,
      brokers: brokersHere(),
      topics: made.topics,
      group: made.prefix,
      prefix: made.prefix,
    };
    const inbox = inboxOf(() => undefined);
    const publish = async (name: string) =>
      await inbox.publish({ topic: topic(), key: `t/${name}`, headers: {}, value: Buffer.from(name) }, never);
    await publish('before');
    await compressedBy('producer');
    for (const end of ['abort', 'commit'] as const) {
      const producer = clients.producer(`${made.prefix}.edge.${end}`);
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({
        topic: topic(),
        acks: -1,
        compression: kafkajs.CompressionTypes.GZIP,
        messages: [{ partition: 0, key: 't/bomb', value: BOMB }],
      });
      await transaction[end]();
      await producer.disconnect();
    }
    await compressedBy('uncompressed');
    await publish('behind');
    await inbox.close();
    skip = await openKafkaSkip(of);
  });
  afterAll(async () => {
    await skip?.close();
    clients?.stop();
    await made?.remove();
  });

  async function compressedBy(value: string): Promise<void> {
    const admins = await clientsOf('admin');
    const admin = admins.admin();
    await admin.connect();
    const rule = topicRules(made.topics).find(({ name }) => name === topic());
    const kept = Object.entries(settingsOf(rule!, 1)).filter(([name]) => name !== 'compression.type');
    const configEntries = [...kept, ['compression.type', value] as const].map(([name, each]) => ({
      name,
      value: each,
    }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic(), configEntries }],
    });
    await admin.disconnect();
    admins.stop();
  }

  test('is alone what may be skipped', async () => {
    await expect(skip.look(at(BOMB_AT), never)).resolves.toBeUndefined();
    const refused = async (place: ReturnType<typeof at>, code: string, message: string) => {
      for (const act of ['look', 'skip'] as const) {
        await expect(skip[act](place, never)).rejects.toMatchObject({
          code,
          message: expect.stringContaining(message),
        });
      }
    };
    await refused(at(0), 'REFUSED', 'can be read');
    await refused(at(BOMB_AT - 1), 'NOT_FOUND', 'no record at');
    await refused(at(99), 'NOT_FOUND', 'no record at');
    await refused(at(0, 7), 'NOT_FOUND', 'has no partition 7');
    await refused({ ...at(0), topic: made.topics.outputs.audit }, 'USAGE', 'no topic that a worker reads');
  });

  test('stops a worker, which says what to type, and goes on behind it once that was done', async () => {
    const troubled = Promise.withResolvers<string>();
    const behind = Promise.withResolvers<void>();
    const stop = new AbortController();
    const seen: string[] = [];
    const inbox = inboxOf(troubled.resolve);
    const running = inbox.run(
      async ({ value }) => {
        seen.push(value.toString());
        if (value.toString() === 'behind') behind.resolve();
        return { do: 'settle', outputs: [] };
      },
      { untilIdle: false },
      stop.signal,
    );
    const command = `callseal inbox skip --topic ${topic()} --partition 0 --offset ${BOMB_AT} --ticket TICKET`;
    expect(await troubled.promise).toContain(command);
    await skip.skip(at(BOMB_AT), never);
    await Promise.race([behind.promise, running]);
    // Settled under a life of its own again, after it was fenced.
    while ((await inbox.backlog(never)).waiting > 0);
    stop.abort();
    await running;
    expect(seen).toEqual(['before', 'behind']);
    await expect(skip.skip(at(BOMB_AT), never)).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('done already'),
    });
    // The marks of the worker and of the skip are both there: nothing is delivered to whoever is next.
    const again: string[] = [];
    const handle = async ({ value }: { value: Buffer }) => {
      again.push(value.toString());
      return { do: 'settle', outputs: [] } as const;
    };
    await inbox.run(handle, { untilIdle: true }, never);
    expect(again).toEqual([]);
    await inbox.close();
  });
});
