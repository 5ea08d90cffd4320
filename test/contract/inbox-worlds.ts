import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteEvents } from '../../src/adapters/events/sqlite.ts';
import type { LaneLimits } from '../../src/adapters/inbox/lanes.ts';
import { openSqliteInbox } from '../../src/adapters/inbox/sqlite.ts';
import { type TopicNames, topicNames } from '../../src/adapters/inbox/topics.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { type Delivery, placeText } from '../../src/domain/deliveries.ts';
import type { Output } from '../../src/domain/outputs.ts';
import type { Events } from '../../src/ports/events.ts';
import type { Inbox } from '../../src/ports/inbox.ts';

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

export const WORLDS: Readonly<Record<string, WorldKind>> = { sqlite };

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
