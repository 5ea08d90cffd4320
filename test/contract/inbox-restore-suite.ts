import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKafkaRestore } from '../../src/adapters/inbox/kafka-restore.ts';
import { openSqliteRestore } from '../../src/adapters/inbox/sqlite-restore.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { type Delivery, placeText, samePlace } from '../../src/domain/deliveries.ts';
import type { Handler, Verdict } from '../../src/ports/inbox.ts';
import type { DeliveryRef, HandOverProgress, InboxRestore } from '../../src/ports/inbox-restore.ts';
import { brokersHere, clientsOf } from '../adapters/kafka/test-topics.ts';
import { LIMITS, type Opened, openWorld, WORLDS, type World } from './inbox-worlds.ts';

const never = new AbortController().signal;
const DONE: Verdict = { do: 'settle', outputs: [] };
const LATER = new Date('2100-01-01T00:00:00Z');

async function openRestore({ kind, location, topics }: World): Promise<InboxRestore> {
  if (kind === 'sqlite') {
    const database = openSqlite(`${location}/callseal.db`);
    const opened = await openSqliteRestore({ database, folder: location, topics });
    const close = async (): Promise<void> => {
      await opened.close();
      await database.close();
    };
    return { ...opened, close };
  }
  const clients = await clientsOf('worker');
  const of = { clients, brokers: brokersHere(), topics, group: location, prefix: location };
  const opened = await openKafkaRestore(of);
  const close = async (): Promise<void> => {
    await opened.close();
    clients.stop();
  };
  return { ...opened, close };
}

/** Every sentence of `src/ports/inbox-restore.ts`, for any adapter. */
export function inboxRestoreContract(kind: string): void {
  let world: World;
  let opened: Opened;

  beforeEach(async () => {
    world = await WORLDS[kind]!.make();
    opened = await openWorld(kind, world.location, LIMITS);
  });
  afterEach(async () => {
    await opened.close();
    await world.dispose();
  });

  const publish = async (name: string) =>
    await opened.inbox.publish(
      { topic: world.topics.inbox[0]!, key: `t/${name}`, headers: { own: name }, value: Buffer.from(name) },
      never,
    );
  const nameOf = ({ value }: Delivery): string => value.toString();
  /** Runs until idle; what has no verdict here is settled. */
  async function run(verdicts: Readonly<Record<string, Verdict>> = {}): Promise<Delivery[]> {
    const seen: Delivery[] = [];
    const handle: Handler = async (delivery) => {
      seen.push(delivery);
      return verdicts[nameOf(delivery)] ?? DONE;
    };
    await opened.inbox.run(handle, { untilIdle: true }, never);
    return seen;
  }
  async function withRestore<T>(use: (restore: InboxRestore) => Promise<T>): Promise<T> {
    const restore = await openRestore(world);
    try {
      return await use(restore);
    } finally {
      await restore.close();
    }
  }
  /** Hands over what these words say nothing of: `topic/partition/offset#replay`. */
  async function handOver(known: ReadonlySet<string> = new Set()): Promise<HandOverProgress> {
    const answered = async (deliveries: readonly DeliveryRef[]) =>
      deliveries.map(({ origin, replay }) => known.has(`${placeText(origin)}#${replay}`));
    return await withRestore(async (restore) => {
      await restore.fence(never);
      return await restore.handOverUnanswered(answered, () => undefined, never);
    });
  }

  describe('a record that is marked done and has no answer', () => {
    test('is delivered again, as it came, with its origin and an arrival of its own; one that has is not', async () => {
      const lost = await publish('lost');
      const known = await publish('known');
      expect(await run()).toHaveLength(2);
      expect(await handOver(new Set([`${placeText(known)}#0`]))).toEqual({ looked: 2, handedOver: 1 });
      const [again, ...rest] = await run();
      expect(rest).toEqual([]);
      expect(again).toMatchObject({
        origin: lost,
        replay: 0,
        key: 't/lost',
        headers: { own: 'lost' },
        counted: 0,
        place: { topic: world.topics.retry },
      });
      expect(nameOf(again!)).toBe('lost');
      expect(samePlace(again!.arrival, again!.place)).toBe(true);
      // The hand-over is done now and lost as well: once more, and again with a place of its own.
      expect(await handOver(new Set([`${placeText(known)}#0`]))).toEqual({ looked: 3, handedOver: 1 });
      const [third] = await run();
      expect(third).toMatchObject({ origin: lost, replay: 0 });
      expect(samePlace(third!.arrival, again!.arrival)).toBe(false);
    });

    test('is handed over once: repeating it, and what is under way in the retry topic, adds nothing', async () => {
      for (const name of ['lost', 'waits', 'later']) await publish(name);
      const waits: Verdict = { do: 'leave' };
      const later: Verdict = { do: 'hand-over', dueAt: LATER, counted: 1, firstFailedAt: undefined };
      const stop = new AbortController();
      let open = 3;
      const handle: Handler = async (delivery) => {
        if (--open === 0) setImmediate(() => stop.abort());
        return nameOf(delivery) === 'waits' ? waits : nameOf(delivery) === 'later' ? later : DONE;
      };
      await opened.inbox.run(handle, { untilIdle: false }, stop.signal);
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 2 });
      expect(await handOver()).toMatchObject({ handedOver: 1 });
      expect(await handOver()).toMatchObject({ handedOver: 0 });
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 3 });
    });
  });

  test('whoever takes deliveries is named, until it has ended', async () => {
    expect(await withRestore(async (restore) => await restore.members(never))).toEqual([]);
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    await publish('one');
    const running = opened.inbox.run(
      async () => {
        begun.resolve();
        return DONE;
      },
      { untilIdle: false },
      stop.signal,
    );
    await begun.promise;
    const [member, ...others] = await withRestore(async (restore) => await restore.members(never));
    expect(member).toMatch(
      kind === 'sqlite' ? `process ${process.pid}` : /^callseal.* at |^test-worker.* at /,
    );
    expect(others).toEqual([]);
    stop.abort();
    await running;
    expect(await withRestore(async (restore) => await restore.members(never))).toEqual([]);
  });
}
