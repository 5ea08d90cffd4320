import { randomUUID } from 'node:crypto';
import kafkajs, { type Admin } from 'kafkajs';
import { type TopicNames, topicNames } from '../../../src/adapters/inbox/topics.ts';
import { type KafkaClients, kafkaClients } from '../../../src/adapters/kafka/client.ts';
import { describe } from '../../../src/adapters/kafka/describe.ts';
import { settingsOf, topicRules } from '../../../src/adapters/kafka/topic-rules.ts';
import { type KafkaPrincipal, servicesEnv } from '../../services/env.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** Topics, groups and transactional ids of tests whose subject is not the rights themselves. */
export const TEST_PREFIX = 'ct-';

export function brokersHere(base?: number): readonly string[] {
  return servicesEnv(base).kafka.brokers;
}

/** Where the cluster is, when it is not the one that runs here or is not reached directly. */
export interface Elsewhere {
  readonly base?: number;
  readonly brokers?: readonly string[];
}

/** Clients of the broker that runs here, as one of its principals. */
export async function clientsOf(
  principal: KafkaPrincipal,
  { base, brokers = brokersHere(base) }: Elsewhere = {},
): Promise<KafkaClients> {
  const { kafka, tls } = servicesEnv(base);
  const { cert, key } = kafka.principals[principal];
  const files = { ca: tls.ca, cert, key, minVersion: 'TLSv1.3' } as const;
  return await kafkaClients({ brokers, tls: files, clientId: `test-${principal}` });
}

export interface TestTopics {
  readonly prefix: string;
  readonly topics: TopicNames;
  remove(): Promise<void>;
}

export function testTopicNames(prefix: string): TopicNames {
  return topicNames(prefix, [`${prefix}.calls.completed`, `${prefix}.calls.other`]);
}

/** Topics of one test, under a prefix of their own; `worker` may do everything with them. */
export async function makeTestTopics(partitions = 1, elsewhere: Elsewhere = {}): Promise<TestTopics> {
  const prefix = `${TEST_PREFIX}${randomUUID().slice(0, 13)}`;
  const topics = testTopicNames(prefix);
  const rules = topicRules(topics);
  const clients = await clientsOf('admin', elsewhere);
  const admin = clients.admin();
  await admin.connect();
  await admin.createAcls({ acl: ALLOWED });
  await admin.createTopics({
    waitForLeaders: false,
    topics: rules.map((rule) => ({
      topic: rule.name,
      numPartitions: partitions,
      replicationFactor: 1,
      configEntries: Object.entries(settingsOf(rule, 1)).map(([name, value]) => ({ name, value })),
    })),
  });
  const names = rules.map(({ name }) => name);
  await untilLed(admin, names);
  return {
    prefix,
    topics,
    remove: async () => {
      await admin.deleteTopics({ topics: names }).catch(unlessGone);
      await admin.disconnect();
      clients.stop();
    },
  };
}

/** A new topic has its leaders a little later than its name, and a busy broker takes its time. */
async function untilLed(admin: Admin, topics: string[]): Promise<void> {
  for (const from = performance.now(); performance.now() - from < 30_000; ) {
    const led = await admin.fetchTopicMetadata({ topics }).then(
      (found) =>
        found.topics.every(
          ({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0),
        ),
      () => false,
    );
    if (led) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('new topics have no leaders');
}

/** Deleted by a try whose answer was slow to come: then they are gone all the same. */
function unlessGone(error: unknown): void {
  if (describe(error).code !== UNKNOWN_TOPIC) throw error;
}

const UNKNOWN_TOPIC = 3;

const ALLOWED = [AclResourceTypes.TOPIC, AclResourceTypes.GROUP, AclResourceTypes.TRANSACTIONAL_ID].map(
  (resourceType) => ({
    resourceType,
    resourceName: TEST_PREFIX,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: 'User:worker',
    host: '*',
    operation: AclOperationTypes.ALL,
    permissionType: AclPermissionTypes.ALLOW,
  }),
);
