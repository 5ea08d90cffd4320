import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { type TopicNames, topicNames } from '../../../src/adapters/inbox/topics.ts';
import { type KafkaClients, kafkaClients } from '../../../src/adapters/kafka/client.ts';
import { settingsOf, topicRules } from '../../../src/adapters/kafka/topic-rules.ts';
import { type KafkaPrincipal, servicesEnv } from '../../services/env.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** Topics, groups and transactional ids of tests whose subject is not the rights themselves. */
export const TEST_PREFIX = 'ct-';

export function brokersHere(): readonly string[] {
  return servicesEnv().kafka.brokers;
}

/** Clients of the broker that runs here, as one of its principals. */
export async function clientsOf(principal: KafkaPrincipal, brokers = brokersHere()): Promise<KafkaClients> {
  const { kafka, tls } = servicesEnv();
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
export async function makeTestTopics(partitions = 1): Promise<TestTopics> {
  const prefix = `${TEST_PREFIX}${randomUUID().slice(0, 13)}`;
  const topics = testTopicNames(prefix);
  const rules = topicRules(topics);
  const clients = await clientsOf('admin');
  const admin = clients.admin();
  await admin.connect();
  await admin.createAcls({ acl: ALLOWED });
  await admin.createTopics({
    waitForLeaders: true,
    topics: rules.map((rule) => ({
      topic: rule.name,
      numPartitions: partitions,
      replicationFactor: 1,
      configEntries: Object.entries(settingsOf(rule, 1)).map(([name, value]) => ({ name, value })),
    })),
  });
  return {
    prefix,
    topics,
    remove: async () => {
      await admin.deleteTopics({ topics: rules.map(({ name }) => name) });
      await admin.disconnect();
      clients.stop();
    },
  };
}

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
