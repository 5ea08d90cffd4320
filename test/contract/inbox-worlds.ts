import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKafkaEvents } from '../../src/adapters/events/kafka.ts';
import { openSqliteEvents } from '../../src/adapters/events/sqlite.ts';
import { openKafkaInbox } from '../../src/adapters/inbox/kafka.ts';
import type { LaneLimits } from '../../src/adapters/inbox/lanes.ts';
import { openSqliteInbox } from '../../src/adapters/inbox/sqlite.ts';
import { type TopicNames, topicNames } from '../../src/adapters/inbox/topics.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { type Delivery, placeText } from '../../src/domain/deliveries.ts';
import type { Output } from '../../src/domain/outputs.ts';
import type { Events } from '../../src/ports/events.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import { brokersHere, clientsOf, makeTestTopics, testTopicNames } from '../adapters/kafka/test-topics.ts';

/** Inbox and events of one deployment, as one process opens them. */
export interface Opened {
  readonly inbox: Inbox;
  readonly events: Events;
  close(): Promise<void>;
}

/** One deployment under test. `kind` and `location` are all that another process needs to open it too. */
export interface World {
  readonly kind: string;
  readonly location: string;
  readonly topics: TopicNames;
  dispose(): Promise<void>;
}

export interface WorldKind {
  /** Every settle leaves a marker behind its outputs, which takes an offset. */
  readonly leavesMarkers?: true;
  make(): Promise<World>;
  open(location: string, limits: LaneLimits): Promise<Opened>;
}

export const LIMITS: LaneLimits = { calls: 16, bytes: 1024 * 1024 };
const TOPICS = topicNames('callseal', ['callseal.calls.completed', 'callseal.calls.other']);

const sqlite: WorldKind = {
  make: async () => {
    const location = await mkdtemp(join(tmpdir(), 'callseal-inbox-'));
    return {
      kind: 'sqlite',
      location,
      topics: TOPICS,
      dispose: async () => await rm(location, { recursive: true, force: true }),
    };
  },
  open: async (location, limits) => {
    const database = openSqlite(join(location, 'callseal.db'));
    const inbox = await openSqliteInbox({ database, folder: location, topics: TOPICS, limits });
    const events = await openSqliteEvents({ database, topics: TOPICS });
    return {
      inbox,
      events,
      close: async () => {
        await inbox.close();
        await events.close();
        await database.close();
      },
    };
  },
};

/** Short sessions: after a `kill -9` the group waits for the end of the dead member's. */
export const QUICK_TIMES = { sessionMs: 3_000, heartbeatMs: 300, rebalanceMs: 10_000, fetchWaitMs: 50 };

/** Topics of one partition each under a prefix of their own, on the broker that runs here. */
const kafka: WorldKind = {
  leavesMarkers: true,
  make: async () => {
    const made = await makeTestTopics();
    return {
      kind: 'kafka',
      location: made.prefix,
      topics: made.topics,
      dispose: async () => await made.remove(),
    };
  },
  open: async (prefix, limits) => {
    const clients = await clientsOf('worker');
    const topics = testTopicNames(prefix);
    const inbox = openKafkaInbox({
      clients,
      brokers: brokersHere(),
      topics,
      group: prefix,
      prefix,
      limits,
      window: { offsets: 4096, bytes: 32 * 1024 * 1024 },
      heldDelayMs: 60_000,
      times: QUICK_TIMES,
    });
    const events = openKafkaEvents({ clients, topics, prefix });
    return {
      inbox,
      events,
      close: async () => {
        await inbox.close();
        await events.close();
        clients.stop();
      },
    };
  },
};

export const WORLDS: Readonly<Record<string, WorldKind>> = { sqlite, kafka };

export async function openWorld(kind: string, location: string, limits = LIMITS): Promise<Opened> {
  const world = WORLDS[kind];
  if (world === undefined) throw new TypeError(`no world of kind ${kind}`);
  return await world.open(location, limits);
}

/** What a handler of the tests publishes for a delivery: one outcome, the same for every redelivery. */
export function answerTo(delivery: Delivery): Output {
  return {
    topic: 'outcome',
    key: delivery.key ?? '',
    id: `${placeText(delivery.origin)}#${delivery.replay}`,
    headers: {},
    value: delivery.value,
  };
}
