import { describe, expect, test, vi } from 'vitest';
import { openLife } from '../../src/adapters/inbox/kafka-life.ts';
import { openKafkaRestore } from '../../src/adapters/inbox/kafka-restore.ts';
import { partitionReader } from '../../src/adapters/kafka/partition-reader.ts';
import { brokersHere, clientsOf, makeTestTopics } from '../adapters/kafka/test-topics.ts';
import { whatIsMissing } from '../services/env.ts';
import { inboxRestoreContract } from './inbox-restore-suite.ts';

const missing = await whatIsMissing('kafka');
const { signal } = new AbortController();

// Every run joins and leaves the group.
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(missing)(`an inbox after a restore: kafka ${missing ?? ''}`, () => {
  inboxRestoreContract('kafka');

  test('a sleeper that was fenced can settle nothing, in any partition of any input', async () => {
    const made = await makeTestTopics(2);
    const { topics, prefix } = made;
    const clients = await clientsOf('worker');
    const admin = clients.admin();
    await admin.connect();
    const reader = await partitionReader(clients.cluster());
    const of = { clients, admin, reader, group: prefix, prefix };
    const sleepers = [];
    for (const topic of [...topics.inbox, topics.retry, topics.replay]) {
      for (const partition of [0, 1]) sleepers.push(await openLife(of, topic, partition));
    }
    const restore = await openKafkaRestore({
      clients,
      brokers: brokersHere(),
      topics,
      group: prefix,
      prefix,
    });
    await restore.fence(signal);
    const settled = await Promise.allSettled(
      sleepers.map(async (life) => await life.commit([], { floor: 1, done: [] })),
    );
    expect(settled.map(({ status }) => status)).toEqual(sleepers.map(() => 'rejected'));
    const committed = await admin.fetchOffsets({ groupId: prefix, topics: [...topics.inbox] });
    const offsets = committed.flatMap(({ partitions }) => partitions.map(({ offset }) => offset));
    expect(new Set(offsets)).toEqual(new Set(['-1']));
    for (const life of sleepers) await life.close();
    await restore.close();
    await reader.close();
    await admin.disconnect();
    await made.remove();
    clients.stop();
  });
});
