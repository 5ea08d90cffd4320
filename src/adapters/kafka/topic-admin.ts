import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { CallsealError } from '../../domain/errors.ts';
import type { EnsuredTopics, Principals, TopicAdmin } from '../../ports/topic-admin.ts';
import type { TopicNames } from '../inbox/topics.ts';
import type { KafkaClients } from './client.ts';
import { describe, inboxError } from './describe.ts';
import { checkTopics } from './topic-check.ts';
import { type RightsOptions, rights, settingsOf, topicRules } from './topic-rules.ts';

export interface TopicAdminOptions {
  /** Stay open when the desk is closed. */
  readonly clients: KafkaClients;
  readonly topics: TopicNames;
  readonly prefix: string;
  readonly group: string;
  readonly principals: Principals;
}

/** @throws CallsealError INBOX_DOWN */
export async function topicAdmin(options: TopicAdminOptions): Promise<TopicAdmin> {
  const admin = options.clients.admin();
  await admin.connect().catch((error: unknown) => {
    throw inboxError('connecting to the cluster', error);
  });
  const wrapped = async <Result>(doing: string, act: () => Promise<Result>): Promise<Result> =>
    await act().catch((error: unknown) => {
      throw inboxError(doing, error);
    });
  return {
    ensure: async ({ partitions }, signal) =>
      await wrapped('making topics', async () => await ensure(admin, options, partitions, signal)),
    check: async (signal) => {
      signal.throwIfAborted();
      return await wrapped('looking at topics', async () => await checkTopics(admin, options));
    },
    close: async () => await admin.disconnect(),
  };
}

async function ensure(
  admin: Admin,
  options: TopicAdminOptions,
  partitions: number,
  signal: AbortSignal,
): Promise<EnsuredTopics> {
  const { brokers } = await admin.describeCluster();
  const replicas = Math.min(3, brokers.length);
  const inSync = replicas === 3 ? 2 : 1;
  const there = new Set(await admin.listTopics());
  const rules = topicRules(options.topics);
  const missing = rules.filter(({ name }) => !there.has(name));
  if (missing.length > 0) {
    await admin.createTopics({
      // With true it throws on three KRaft nodes although the topic was made.
      waitForLeaders: false,
      topics: missing.map((rule) => ({
        topic: rule.name,
        // The audit topic is one chain, and so one partition.
        numPartitions: rule.name === options.topics.outputs.audit ? 1 : partitions,
        replicationFactor: replicas,
        configEntries: Object.entries(settingsOf(rule, inSync)).map(([name, value]) => ({ name, value })),
      })),
    });
    await untilLed(
      admin,
      missing.map(({ name }) => name),
      signal,
    );
  }
  const changed = await correct(
    admin,
    options.topics,
    rules.filter(({ name }) => there.has(name)),
  );
  await giveRights(admin, options);
  return { made: missing.map(({ name }) => name), changed, rights: rights(options).length };
}

const POLL_MS = 100;
const LED_WITHIN_MS = 30_000;

/** A new topic has leaders a little later than it has a name. */
async function untilLed(admin: Admin, topics: string[], signal: AbortSignal): Promise<void> {
  const before = performance.now() + LED_WITHIN_MS;
  while (performance.now() < before) {
    signal.throwIfAborted();
    const led = await admin.fetchTopicMetadata({ topics }).then(
      (found) => found.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0)),
      (error: unknown) => {
        if (describe(error).type === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
        throw error;
      },
    );
    if (led) return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new CallsealError('INBOX_DOWN', `${topics.join(', ')}: made, but without a leader after 30 s`);
}

/** AlterConfigs replaces all settings of a topic: those that somebody else set are carried over. */
async function correct(
  admin: Admin,
  topics: TopicNames,
  rules: ReturnType<typeof topicRules>,
): Promise<string[]> {
  const changed: string[] = [];
  for (const rule of rules) {
    const own = await ownSettings(admin, rule.name);
    const wanted = new Map(own);
    for (const [name, value] of Object.entries(rule.settings)) wanted.set(name, value);
    const same = [...wanted].every(([name, value]) => own.get(name) === value);
    if (same) continue;
    const configEntries = [...wanted].map(([name, value]) => ({ name, value }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: rule.name, configEntries }],
    });
    changed.push(rule.name);
  }
  return changed;
}

/** Of the sources of a setting the one that is this topic's own. */
const FROM_TOPIC = '1';

async function ownSettings(admin: Admin, name: string): Promise<Map<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }],
  });
  const entries = resources[0]?.configEntries ?? [];
  return new Map(
    entries
      .filter((entry) => String(entry.configSource) === FROM_TOPIC)
      .map(({ configName, configValue }) => [configName, configValue]),
  );
}

async function giveRights(admin: Admin, options: RightsOptions): Promise<void> {
  await admin.createAcls({ acl: rights(options).map(({ entry }) => entry) });
}
