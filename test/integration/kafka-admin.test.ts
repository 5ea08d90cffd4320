import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafkaInbox } from '../../src/adapters/inbox/kafka.ts';
import { type KafkaClients, kafkaClients } from '../../src/adapters/kafka/client.ts';
import { isDenied, describe as said } from '../../src/adapters/kafka/describe.ts';
import { openTransactor } from '../../src/adapters/kafka/transactor.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import { brokersHere } from '../adapters/kafka/test-topics.ts';
import { type KafkaPrincipal, servicesEnv, whatIsMissing } from '../services/env.ts';
import { type KafkaWorld, kafkaWorld } from './kafka-world.ts';

/** A young broker elects leaders and loads groups while the first tests run; a test that met that is tried once more. */
const ONCE_MORE = { retry: 1 };

const missing = await whatIsMissing('kafka', 'postgres');
const never = new AbortController().signal;
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, ResourcePatternTypes } =
  kafkajs;

describe.skipIf(missing)(`topics, rights and what is said without them ${missing ?? ''}`, ONCE_MORE, () => {
  let world: KafkaWorld;
  let admin: Admin;
  beforeAll(async () => {
    world = await kafkaWorld(2);
    admin = (await world.clients('admin')).admin();
    await admin.connect();
  });
  afterAll(async () => {
    await admin.disconnect();
    await world.remove();
  });

  const set = async (name: string, settings: Record<string, string>): Promise<void> => {
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    const resources = [{ type: ConfigResourceTypes.TOPIC, name, configEntries }];
    await admin.alterConfigs({ validateOnly: false, resources });
  };
  const wrong = async () => (await world.admin.check(never)).filter(({ status }) => status === 'bad');
  const inboxOf = async (principal: KafkaPrincipal, more: { group?: string; brokers?: string[] } = {}) => {
    const { topics, group, prefix } = world;
    const opened: Inbox = openKafkaInbox({
      clients: await world.clients(principal),
      brokers: brokersHere(),
      topics,
      group,
      prefix,
      limits: { calls: 1, bytes: 1 },
      window: { offsets: 64, bytes: 1 },
      heldDelayMs: 1,
      ...more,
    });
    return opened;
  };
  const running = async (inbox: Inbox): Promise<void> =>
    await inbox.run(async () => ({ do: 'leave' }), { untilIdle: true }, never);

  describe('topics ensure', () => {
    test('makes everything that the check looks for; on one broker the check says what that is worth', async () => {
      const findings = await world.admin.check(never);
      expect(findings.filter(({ status }) => status === 'bad')).toEqual([]);
      expect(findings).toContainEqual({
        name: world.topics.outputs.audit,
        status: 'loud',
        finding: 'the cluster has one broker: what it acknowledged is lost with a disk',
      });
    });

    test('changes nothing when it is repeated', async () => {
      expect(await world.admin.ensure({ partitions: 9 }, never)).toMatchObject({ made: [], changed: [] });
    });

    test('gives the audit topic one partition, whatever the others have', async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [world.topics.outputs.audit] });
      expect(topics[0]?.partitions).toHaveLength(1);
    });

    test('sets a setting that somebody changed, and keeps what somebody else set', async () => {
      const name = world.topics.retry;
      await set(name, { 'compression.type': 'lz4', 'retention.ms': '700000000' });
      const [finding] = await wrong();
      expect(finding?.finding).toBe(
        'compression.type is lz4, not uncompressed: one record in a codec that is not read here stops its partition',
      );
      expect(await world.admin.ensure({ partitions: 2 }, never)).toMatchObject({ changed: [name] });
      expect(await wrong()).toEqual([]);
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: ['retention.ms'] }],
      });
      expect(resources[0]?.configEntries[0]?.configValue).toBe('700000000');
    });
  });

  describe('topics check says', () => {
    test('that an event which waits longer than an inbox topic keeps it is lost', async () => {
      const [name = ''] = world.topics.inbox;
      await set(name, {
        'compression.type': 'uncompressed',
        'max.message.bytes': '1048576',
        'retention.ms': '86400000',
      });
      expect(await wrong()).toMatchObject([
        { name, finding: 'keeps 1 days, less than 7: an event that waits longer is lost' },
      ]);
      await set(name, {
        'compression.type': 'uncompressed',
        'max.message.bytes': '1048576',
        'retention.ms': '604800000',
      });
    });

    test('which right is lacking, and who has one too many where headers are believed', async () => {
      const name = world.topics.replay;
      const acl = {
        resourceType: AclResourceTypes.TOPIC,
        resourceName: name,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        host: '*',
        operation: AclOperationTypes.WRITE,
        permissionType: AclPermissionTypes.ALLOW,
      };
      await admin.createAcls({ acl: [{ ...acl, principal: 'User:intruder' }] });
      await admin.deleteAcls({ filters: [{ ...acl, principal: 'User:operator' }] });
      await expect
        .poll(async () => (await wrong()).map(({ finding }) => finding))
        .toEqual([
          `lacks: operator (operator) may write topic ${name}`,
          'User:intruder may write it, and what stands there is believed: origin, tries and tenant',
        ]);
      await admin.deleteAcls({ filters: [{ ...acl, principal: 'User:intruder' }] });
      await world.admin.ensure({ partitions: 2 }, never);
      await expect.poll(wrong).toEqual([]);
    });
  });

  describe('without a right', () => {
    test('the client hides what the broker said; describe finds it', async () => {
      const clients = await world.clients('intruder');
      const stranger = clients.admin();
      await stranger.connect();
      const [topic = ''] = world.topics.inbox;
      const denials = await Promise.all([
        refusal(stranger.fetchTopicMetadata({ topics: [topic] })),
        refusal(stranger.fetchOffsets({ groupId: world.group, topics: [] })),
        refusal(stranger.createTopics({ topics: [{ topic: `${world.prefix}.mine` }] })),
        refusal(openTransactor(clients, `${world.prefix}.${world.group}.x`)),
      ]);
      expect(denials.map(isDenied)).toEqual([true, true, true, true]);
      expect(denials.map((denial) => said(denial).type)).toEqual([
        'TOPIC_AUTHORIZATION_FAILED',
        undefined,
        'TOPIC_AUTHORIZATION_FAILED',
        'CLUSTER_AUTHORIZATION_FAILED',
      ]);
      await stranger.disconnect();
    }, 60_000);

    test('a worker is told in a sentence which topic, group or id it may not use, before it joins', async () => {
      await expect(running(await inboxOf('reader'))).rejects.toMatchObject({
        code: 'INBOX_DOWN',
        message: expect.stringContaining(world.topics.inbox[0] ?? ''),
        hint: 'callseal topics check says which right is lacking',
      });
      await expect(running(await inboxOf('worker', { group: 'somebody-elses' }))).rejects.toMatchObject({
        message: expect.stringContaining('looking at group somebody-elses: the cluster says no'),
      });
    }, 60_000);

    test('an edge may publish into its topic and into no other', async () => {
      const edge = await inboxOf('edge');
      const record = {
        topic: world.topics.inbox[0] ?? '',
        key: 't-1/c',
        headers: {},
        value: Buffer.from('{}'),
      };
      expect(await edge.publish(record, never)).toMatchObject({ topic: record.topic });
      await expect(edge.publish({ ...record, topic: world.topics.replay }, never)).rejects.toMatchObject({
        code: 'INBOX_DOWN',
        message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED'),
      });
      await edge.close();
    }, 60_000);
  });

  describe('preflight refuses', () => {
    test('an input whose broker lets compressed records through', async () => {
      const name = world.topics.retry;
      await set(name, { 'compression.type': 'producer' });
      await expect(running(await inboxOf('worker'))).rejects.toMatchObject({
        code: 'BAD_CONFIG',
        message: `compression.type of ${name} is producer: one record in a codec that is not read here stops its partition`,
      });
      await world.admin.ensure({ partitions: 2 }, never);
    }, 60_000);

    test('a broker whose certificate is not signed by the authority of the settings, at once and by its reason', async () => {
      const { kafka, tls } = servicesEnv();
      const strange = {
        ca: kafka.principals.worker.cert,
        ...kafka.principals.worker,
        minVersion: 'TLSv1.3',
      } as const;
      const clients: KafkaClients = await kafkaClients({
        brokers: brokersHere(),
        tls: strange,
        clientId: 'test',
      });
      expect(strange.ca).not.toBe(tls.ca);
      const { topics, group, prefix } = world;
      const limits = { calls: 1, bytes: 1 };
      const inbox = openKafkaInbox({
        clients,
        brokers: brokersHere(),
        topics,
        group,
        prefix,
        limits,
        window: { offsets: 64, bytes: 1 },
        heldDelayMs: 1,
      });
      await expect(running(inbox)).rejects.toMatchObject({
        code: 'INBOX_DOWN',
        message: expect.stringMatching(/no broker can be reached: localhost:\d+: [A-Z_]+/),
      });
      clients.stop();
    }, 60_000);
  });
});

async function refusal(act: Promise<unknown>): Promise<unknown> {
  return await act.then(
    () => undefined,
    (error: unknown) => error,
  );
}
