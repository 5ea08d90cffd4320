import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { CallsealError } from '../../domain/errors.ts';
import type { KafkaClients } from '../kafka/client.ts';
import { describe, inboxError, isDenied } from '../kafka/describe.ts';
import { openTransactor } from '../kafka/transactor.ts';
import { partitionId } from './kafka-life.ts';
import type { TopicNames } from './topics.ts';

export interface PreflightParts {
  readonly clients: KafkaClients;
  readonly admin: Admin;
  readonly topics: TopicNames;
  readonly group: string;
  readonly prefix: string;
}

/**
 * Looks at everything that a worker needs of the cluster before it joins the group: the client says little of what
 * it is refused, and says it after a dozen seconds of trying.
 *
 * @returns the number of partitions of every topic
 * @throws CallsealError INBOX_DOWN, BAD_CONFIG - a sentence that names the resource
 */
export async function preflight(parts: PreflightParts): Promise<ReadonlyMap<string, number>> {
  const { admin, topics, group } = parts;
  const inputs = [...topics.inbox, topics.retry, topics.replay];
  const counts = new Map<string, number>();
  for (const topic of [...inputs, ...Object.values(topics.outputs)]) {
    counts.set(topic, await partitionsOf(admin, topic));
  }
  for (const topic of inputs) await requireUncompressed(admin, topic);
  await step(
    `looking at group ${group}`,
    async () => await patiently(async () => await admin.fetchOffsets({ groupId: group, topics: [] })),
  );
  const id = partitionId(parts, 'preflight');
  const transactor = await step(
    `taking transactional id ${id}`,
    async () => await patiently(async () => await openTransactor(parts.clients, id)),
  );
  await transactor.close();
  return counts;
}

async function step<Result>(doing: string, act: () => Promise<Result>): Promise<Result> {
  return await act().catch((error: unknown) => {
    throw inboxError(doing, error);
  });
}

const TRIES = 5;
const REST_MS = 500;

/**
 * The client repeats neither an initialisation whose connection was lost, nor a look at a group that is being loaded,
 * nor a question about settings to a broker that has just died: a worker that starts meanwhile would end.
 */
async function patiently<Result>(act: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (isDenied(error) || tries === TRIES) throw error;
      await sleep(REST_MS * tries);
    }
  }
}

const LED_TRIES = 20;
const LED_REST_MS = 250;

async function partitionsOf(admin: Admin, topic: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions.length ?? 0;
    } catch (error) {
      const { type } = describe(error);
      if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
        throw new CallsealError('INBOX_DOWN', `there is no topic ${topic}, or it may not be seen`, {
          cause: error,
          hint: 'callseal topics ensure makes it; callseal topics check says which right is lacking',
        });
      }
      if (type !== 'LEADER_NOT_AVAILABLE' || tries === LED_TRIES)
        throw inboxError(`looking at ${topic}`, error);
      await sleep(LED_REST_MS);
    }
  }
}

/** Where the settings may not be read nothing is refused: `topics check` says that the right is lacking. */
async function requireUncompressed(admin: Admin, topic: string): Promise<void> {
  const resources = [
    { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['compression.type'] },
  ];
  const asked = patiently(async () => await admin.describeConfigs({ includeSynonyms: false, resources }));
  const found = await asked.catch((error: unknown) => {
    if (isDenied(error)) return undefined;
    throw inboxError(`looking at the settings of ${topic}`, error);
  });
  const value = found?.resources[0]?.configEntries[0]?.configValue;
  if (value === undefined || value === 'uncompressed') return;
  const says = `compression.type of ${topic} is ${value}: one record in a codec that is not read here stops its partition`;
  throw new CallsealError('BAD_CONFIG', says, { hint: 'callseal topics ensure sets it to uncompressed' });
}
