import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Delivery, placeText } from '../../src/domain/deliveries.ts';
import type { OutputTopic } from '../../src/domain/outputs.ts';
import type { PublishedRecord } from '../../src/ports/events.ts';
import type { Handler, InboxEntry, InboxRecord, Verdict } from '../../src/ports/inbox.ts';
import { answerTo, LIMITS, type Opened, openWorld, WORLDS, type World } from './inbox-worlds.ts';
import { runChild, startChild } from './processes.ts';

const SEED = 20261124;
const LATER = new Date('2100-01-01T00:00:00Z');
const untilIdle = { untilIdle: true };
const never = new AbortController().signal;
const settle: Handler = async (delivery) => ({ do: 'settle', outputs: [answerTo(delivery)] });

/** Every sentence of `src/ports/inbox.ts`, for any adapter. */
export function inboxContract(kind: string): void {
  let world: World;
  let opened: Opened;

  beforeEach(async () => {
    world = await WORLDS[kind]!.make();
    opened = await openWorld(kind, world.location);
  });
  afterEach(async () => {
    await opened.close();
    await world.dispose();
  });

  const reopen = async (limits = LIMITS): Promise<void> => {
    await opened.close();
    opened = await openWorld(kind, world.location, limits);
  };
  const record = (key: string | undefined, value: string, more: Partial<InboxRecord> = {}): InboxRecord => ({
    topic: world.topics.inbox[0]!,
    key,
    headers: {},
    value: Buffer.from(value),
    ...more,
  });
  const publish = async (...records: InboxRecord[]) => {
    const places = [];
    for (const each of records) places.push(await opened.inbox.publish(each, never));
    return places;
  };
  const run = async (handle: Handler): Promise<void> => await opened.inbox.run(handle, untilIdle, never);
  /** Runs until idle and returns what was delivered. */
  const delivered = async (verdict: Handler = settle): Promise<Delivery[]> => {
    const seen: Delivery[] = [];
    await run(async (delivery, signal) => {
      seen.push(delivery);
      return await verdict(delivery, signal);
    });
    return seen;
  };
  const published = async (topic: OutputTopic): Promise<PublishedRecord[]> =>
    await Array.fromAsync(opened.events.read(topic, { follow: false }, never));
  const values = (records: readonly { readonly value: Buffer }[]): string[] =>
    records.map(({ value }) => value.toString());

  describe('publish', () => {
    test('returns the place of the record: offsets count from 0 per topic', async () => {
      const other = world.topics.inbox[1]!;
      const places = await publish(
        record('t/a', '0'),
        record('t/b', '1'),
        record('t/a', '2', { topic: other }),
      );
      expect(places.map(placeText)).toEqual([
        `${world.topics.inbox[0]}/0/0`,
        `${world.topics.inbox[0]}/0/1`,
        `${other}/0/0`,
      ]);
    });

    test('is durable when it resolves: what another process acknowledged before kill -9 is delivered', async () => {
      const child = startChild(world, ['publish', world.topics.inbox[0]!, 'w', '100000']);
      for (let i = 0; i < 20; i++) await child.line();
      child.kill();
      const { lines } = await child.ended;
      const seen = values(await delivered());
      expect(seen.slice(0, lines.length)).toEqual(lines);
      expect(seen.length).toBeLessThanOrEqual(lines.length + 1);
    });

    test('two processes at once lose nothing, give no offset twice and keep each writer in order', async () => {
      const topic = world.topics.inbox[0]!;
      const writers = ['a', 'b'].map((writer) => runChild(world, ['publish', topic, writer, '150']));
      await Promise.all(writers);
      const seen = await delivered();
      const offsets = seen.map(({ place }) => place.offset).toSorted((a, b) => a - b);
      expect(offsets).toEqual(Array.from({ length: 300 }, (_, i) => i));
      for (const writer of ['a', 'b']) {
        const mine = values(seen.filter(({ key }) => key === `tenant/${writer}`));
        expect(mine).toEqual(Array.from({ length: 150 }, (_, i) => String(i)));
      }
    });

    test.each(['retry', 'unknown'])(
      'refuses the topic that only the worker writes, or no topic: %s',
      async (which) => {
        const topic = which === 'retry' ? world.topics.retry : 'callseal.nothing';
        await expect(publish(record('t/a', 'x', { topic }))).rejects.toMatchObject({ code: 'USAGE' });
      },
    );

    test('does nothing once its signal is aborted', async () => {
      const aborted = opened.inbox.publish(record('t/a', 'x'), AbortSignal.abort());
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 0 });
    });
  });

  describe('a delivery', () => {
    test('of an inbox topic is its own origin and arrival, with replay 0 and the bytes as published', async () => {
      const bytes = Buffer.from([0, 255, 10, 13, 0]);
      const [place] = await publish(record('t/a', '', { headers: { ce_id: 'é-1' }, value: bytes }));
      expect(await delivered()).toEqual([
        {
          origin: place,
          arrival: place,
          place,
          replay: 0,
          key: 't/a',
          headers: { ce_id: 'é-1' },
          value: bytes,
          counted: 0,
          firstFailedAt: undefined,
          originAt: expect.stringMatching(/^\d{4}-.*Z$/),
        },
      ]);
    });

    test('of an inbox topic is not believed what its headers say of origin, replay and tries', async () => {
      const forged = {
        'callseal-origin': `${world.topics.inbox[0]}/0/77`,
        'callseal-arrival': `${world.topics.inbox[0]}/0/77`,
        'callseal-replay': '5',
        'callseal-attempts': '9',
        'callseal-first-failed-at': '2020-01-01T00:00:00.000Z',
        'callseal-due-at': LATER.toISOString(),
      };
      const [place] = await publish(record('t/a', 'x', { headers: { ...forged, ce_id: '1' } }));
      expect(await delivered()).toMatchObject([
        {
          origin: place,
          arrival: place,
          replay: 0,
          counted: 0,
          firstFailedAt: undefined,
          headers: { ce_id: '1' },
        },
      ]);
    });

    test('may have no key; such records run side by side', async () => {
      await publish(record(undefined, '1'), record(undefined, '2'));
      const both = meeting(2);
      await run(async (delivery) => {
        await both.arrive();
        expect(delivery.key).toBeUndefined();
        return { do: 'settle', outputs: [] };
      });
    });

    test('of the replay topic keeps origin and replay number; its arrival is its own place', async () => {
      const headers = {
        'callseal-origin': `${world.topics.inbox[0]}/0/3`,
        'callseal-replay': '2',
        ce_id: '1',
      };
      const topic = world.topics.replay;
      const [place] = await publish(record('t/a', 'x', { topic, headers }));
      expect(await delivered()).toMatchObject([
        {
          origin: { topic: world.topics.inbox[0], partition: 0, offset: 3 },
          replay: 2,
          arrival: place,
          place,
          headers: { ce_id: '1' },
        },
      ]);
    });

    test('a second record of the same origin and replay number is delivered with another arrival', async () => {
      const headers = { 'callseal-origin': `${world.topics.inbox[0]}/0/3`, 'callseal-replay': '1' };
      const replayed = record('t/a', 'x', { topic: world.topics.replay, headers });
      const places = await publish(replayed, replayed);
      const seen = await delivered();
      expect(seen.map(({ origin, replay }) => [origin.offset, replay])).toEqual([
        [3, 1],
        [3, 1],
      ]);
      expect(seen.map(({ arrival }) => arrival)).toEqual(places);
    });

    test('that is replayed comes under its origin and number, with the key, headers and bytes it was given', async () => {
      const origin = { topic: world.topics.inbox[0] ?? '', partition: 0, offset: 3 };
      const forged = { 'callseal-origin': 'other/0/1', 'callseal-replay': '9', ce_id: '1' };
      const given = { origin, replay: 2, key: 't/a', headers: forged, value: Buffer.from('x') };
      const place = await opened.inbox.replay(given, never);
      expect(place.topic).toBe(world.topics.replay);
      expect(await delivered()).toMatchObject([
        { ...given, headers: { ce_id: '1' }, arrival: place, place, counted: 0 },
      ]);
    });

    test('of the replay topic whose origin cannot be read is delivered as its own origin, not lost', async () => {
      const headers = { 'callseal-origin': 'nonsense', 'callseal-replay': '1' };
      const [place] = await publish(record('t/a', 'x', { topic: world.topics.replay, headers }));
      expect(await delivered()).toMatchObject([{ origin: place, replay: 0, arrival: place }]);
    });
  });

  describe('settle', () => {
    test('publishes its outputs in order, as they are, and the record never comes again', async () => {
      await publish(record('t/a', 'x'));
      const outputs = [1, 2, 3].map((n) => ({
        topic: 'outcome' as const,
        key: 't/a',
        id: `id-${n}`,
        headers: { ce_id: `id-${n}` },
        value: Buffer.from([n]),
      }));
      const sealed = { ...outputs[0]!, topic: 'transcripts' as const };
      await run(async () => ({ do: 'settle', outputs: [...outputs, sealed] }));
      expect(await published('outcome')).toMatchObject(outputs);
      expect(await published('transcripts')).toMatchObject([sealed]);
      await reopen();
      expect(await delivered()).toEqual([]);
      expect(await opened.inbox.backlog(never)).toEqual({ waiting: 0, due: 0, oldestAt: undefined });
    });

    test('without outputs marks the record done all the same', async () => {
      await publish(record('t/a', 'x'));
      await run(async () => ({ do: 'settle', outputs: [] }));
      expect(await delivered()).toEqual([]);
    });

    test('killed before the commit: no output is there, and the record comes again', async () => {
      await publish(record('t/a', '1'), record('t/b', '2'));
      const { signal } = await runChild(world, ['settle'], { CALLSEAL_CRASH_AT: 'in-settle' });
      expect(signal).toBe('SIGKILL');
      expect(await published('outcome')).toEqual([]);
      expect(values(await delivered()).toSorted()).toEqual(['1', '2']);
    });

    test('killed after the commit: the outputs are there, and the record does not come again', async () => {
      await publish(record('t/a', '1'));
      const { signal } = await runChild(world, ['settle'], { CALLSEAL_CRASH_AT: 'after-settle' });
      expect(signal).toBe('SIGKILL');
      expect(values(await published('outcome'))).toEqual(['1']);
      expect(await delivered()).toEqual([]);
    });

    test('killed with deliveries in hand: they come again, same origin, arrival, replay and bytes', async () => {
      const places = await publish(record('t/a', '1'), record('t/b', '2'));
      const { signal } = await runChild(world, ['settle'], { CALLSEAL_CRASH_AT: 'after-read:2' });
      expect(signal).toBe('SIGKILL');
      const seen = await delivered();
      expect(seen.map(({ origin }) => origin)).toEqual(places);
      expect(seen).toMatchObject([
        { arrival: places[0], replay: 0, value: Buffer.from('1') },
        { arrival: places[1], replay: 0, value: Buffer.from('2') },
      ]);
    });

    test('through any number of kills every record is answered once, in order per key', async () => {
      const records = Array.from({ length: 60 }, (_, i) => record(`t/${i % 5}`, String(i)));
      await publish(...records);
      let kills = 0;
      for (let seed = 1; (await opened.inbox.backlog(never)).waiting > 0; seed++) {
        const { signal } = await runChild(world, ['settle'], { CALLSEAL_CRASH_RANDOM: `0.05:${seed}` });
        if (signal === 'SIGKILL') kills++;
      }
      expect(kills).toBeGreaterThan(0);
      const outcomes = await published('outcome');
      expect(values(outcomes).toSorted()).toEqual(records.map(({ value }) => value.toString()).toSorted());
      for (let key = 0; key < 5; key++) {
        const numbers = values(outcomes.filter((each) => each.key === `t/${key}`)).map(Number);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }
    });
  });

  describe('hand-over', () => {
    const handOver = (dueAt: Date, counted = 1, firstFailedAt?: string): Verdict => ({
      do: 'hand-over',
      dueAt,
      counted,
      firstFailedAt,
    });

    test('says in the retry topic for what it was handed over, and when its origin was published', async () => {
      await publish(record('t/a', 'x'), record('t/b', 'y'));
      await delivered(async ({ key }) =>
        key === 't/a'
          ? { do: 'hand-over', dueAt: LATER, counted: 1, firstFailedAt: undefined, code: 'SOURCE_MISSING' }
          : { do: 'hand-over', dueAt: LATER, counted: 0, firstFailedAt: undefined, held: 'INTAKE_PAUSED' },
      );
      const all = await Array.fromAsync(opened.inbox.records(new Date(0), never));
      const retries = await Array.fromAsync(opened.inbox.records(new Date(0), never, 'retry'));
      const said = new Map(retries.map(({ delivery }) => [delivery.key, delivery]));
      const dueAt = LATER.toISOString();
      expect(said.get('t/a')?.handedOver).toEqual({ dueAt, code: 'SOURCE_MISSING', held: undefined });
      expect(said.get('t/b')?.handedOver).toEqual({ dueAt, code: undefined, held: 'INTAKE_PAUSED' });
      for (const { delivery, publishedAt } of all.slice(0, 2)) {
        expect(delivery.originAt).toBe(publishedAt.toISOString());
        expect(said.get(delivery.key)?.originAt).toBe(delivery.originAt);
      }
      expect([all.length, retries.length]).toEqual([4, 2]);
    });

    test('delivers it again with origin, arrival, replay, key, headers and bytes, and with its tries', async () => {
      const firstFailedAt = '2026-11-24T10:00:00.000Z';
      await publish(record('t/a', 'x', { headers: { ce_id: '1' } }));
      const [first, second, third, ...more] = await delivered(async (delivery) => {
        if (delivery.counted < 2) return handOver(new Date(0), delivery.counted + 1, firstFailedAt);
        return { do: 'settle', outputs: [] };
      });
      expect(more).toEqual([]);
      const handedOver = { dueAt: new Date(0).toISOString(), code: undefined, held: undefined };
      const same = { ...first!, firstFailedAt, handedOver };
      expect(second).toEqual({
        ...same,
        counted: 1,
        place: { topic: world.topics.retry, partition: 0, offset: 0 },
      });
      expect(third).toEqual({
        ...same,
        counted: 2,
        place: { topic: world.topics.retry, partition: 0, offset: WORLDS[kind]!.leavesMarkers ? 2 : 1 },
      });
    });

    test('without a counted failure carries none', async () => {
      await publish(record('t/a', 'x'));
      const seen = await delivered(async ({ place }) =>
        place.topic === world.topics.retry ? { do: 'settle', outputs: [] } : handOver(new Date(0), 0),
      );
      expect(seen[1]).toMatchObject({ counted: 0, firstFailedAt: undefined });
    });

    test('of a replayed delivery keeps the arrival of the replay record', async () => {
      const headers = { 'callseal-origin': `${world.topics.inbox[0]}/0/3`, 'callseal-replay': '2' };
      const [place] = await publish(record('t/a', 'x', { topic: world.topics.replay, headers }));
      const seen = await delivered(async ({ counted }) =>
        counted === 0 ? handOver(new Date(0)) : { do: 'settle', outputs: [] },
      );
      expect(seen).toMatchObject([
        { replay: 2, origin: { offset: 3 }, arrival: place },
        { replay: 2, origin: { offset: 3 }, arrival: place },
      ]);
    });

    test('is not delivered before it is due, not even to the next process', async () => {
      await publish(record('t/a', 'x'));
      expect(await delivered(async () => handOver(LATER))).toHaveLength(1);
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 1, due: 0 });
      await reopen();
      expect(await delivered()).toEqual([]);
    });

    test('is delivered when it comes due while the worker runs', async () => {
      await publish(record('t/a', 'x'));
      const dueAt = new Date(Date.now() + 300);
      const stop = new AbortController();
      let at = 0;
      await opened.inbox.run(
        async ({ counted }) => {
          if (counted === 0) return handOver(dueAt);
          at = Date.now();
          stop.abort();
          return { do: 'settle', outputs: [] };
        },
        { untilIdle: false },
        stop.signal,
      );
      expect(at).toBeGreaterThanOrEqual(dueAt.getTime());
    });

    test('lets the next record of its key go on', async () => {
      await publish(record('t/a', '1'), record('t/a', '2'));
      const seen = await delivered(async ({ value }) =>
        value.toString() === '1' ? handOver(LATER) : { do: 'settle', outputs: [] },
      );
      expect(values(seen)).toEqual(['1', '2']);
    });

    test.each([
      ['in-settle', 1],
      ['after-settle', 2],
    ])('killed %s: the event is waiting once, never twice and never lost', async (point, firstCounted) => {
      await publish(record('t/a', 'x'));
      const { signal } = await runChild(world, ['hand-over'], { CALLSEAL_CRASH_AT: point });
      expect(signal).toBe('SIGKILL');
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 1, due: 1 });
      const [delivery] = await delivered();
      expect(delivery).toMatchObject({
        counted: firstCounted - 1,
        origin: { offset: 0 },
        value: Buffer.from('x'),
      });
    });
  });

  describe('wait', () => {
    test('holds its key back and nobody else, and is delivered again when the pause is over', async () => {
      await publish(record('t/a', 'a1'), record('t/a', 'a2'), record('t/b', 'b1'), record('u/c', 'c1'));
      const pause = Promise.withResolvers<void>();
      let others = 0;
      const seen = await delivered(async ({ key }) => {
        if (key !== 't/a') {
          if (++others === 2) pause.resolve();
          return { do: 'settle', outputs: [] };
        }
        return others < 2 ? { do: 'wait', resumed: pause.promise } : { do: 'settle', outputs: [] };
      });
      expect(values(seen).slice(0, 3).toSorted()).toEqual(['a1', 'b1', 'c1']);
      expect(values(seen).slice(3)).toEqual(['a1', 'a2']);
      expect(seen[3]).toEqual(seen.find(({ key }) => key === 't/a'));
    });

    test('holds no job: more keys than the limit can wait while others go on', async () => {
      await reopen({ calls: 2, bytes: 1024 });
      await publish(
        ...Array.from({ length: 10 }, (_, i) => record(`t/${i}`, 'waits')),
        record('t/x', 'goes'),
      );
      const pause = Promise.withResolvers<void>();
      const seen = await delivered(async ({ key }) => {
        if (key === 't/x') pause.resolve();
        const waits = key !== 't/x' && !(await isSettled(pause.promise));
        return waits ? { do: 'wait', resumed: pause.promise } : { do: 'settle', outputs: [] };
      });
      expect(new Set(seen.map(({ key }) => key)).size).toBe(11);
    });

    test('also ends where the pause ends with an error', async () => {
      await publish(record('t/a', 'x'));
      let tries = 0;
      await run(async () =>
        ++tries === 1
          ? { do: 'wait', resumed: Promise.reject(new Error('gone')) }
          : { do: 'settle', outputs: [] },
      );
      expect(tries).toBe(2);
    });

    test('for nothing at all still lets a signal end the run', async () => {
      await publish(record('t/a', 'x'));
      const stop = new AbortController();
      setImmediate(() => stop.abort());
      const spinning: Handler = async () => ({ do: 'wait', resumed: Promise.resolve() });
      await opened.inbox.run(spinning, { untilIdle: false }, stop.signal);
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 1 });
    });
  });

  describe('leave', () => {
    test('settles nothing: the record and what follows of its key come in the next run', async () => {
      await publish(record('t/a', '1'), record('t/a', '2'), record('t/b', '3'));
      const seen = await delivered(async (delivery, signal) =>
        delivery.key === 't/a' ? { do: 'leave' } : await settle(delivery, signal),
      );
      expect(values(seen).toSorted()).toEqual(['1', '3']);
      expect(values(await delivered())).toEqual(['1', '2']);
    });
  });

  describe('order', () => {
    test('per key is kept, one at a time, under any interleaving, within the limit', async () => {
      await reopen({ calls: 4, bytes: 1024 });
      const keys = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 });
      const ticks = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 });
      await fc.assert(
        fc.asyncProperty(keys, ticks, async (keyOf, ticksOf) => {
          await publish(...keyOf.map((key, i) => record(`t/${key}`, String(i))));
          const running = new Set<string | undefined>();
          const seen = await delivered(async ({ key, value }) => {
            expect(running.has(key)).toBe(false);
            running.add(key);
            expect(running.size).toBeLessThanOrEqual(4);
            for (let t = ticksOf[Number(value) % ticksOf.length]!; t > 0; t--) await turn();
            running.delete(key);
            return { do: 'settle', outputs: [] };
          });
          for (const key of new Set(keyOf)) {
            const numbers = values(seen.filter((each) => each.key === `t/${key}`)).map(Number);
            expect(numbers).toEqual(keyOf.flatMap((k, i) => (k === key ? [i] : [])));
          }
        }),
        { seed: SEED, numRuns: 40 },
      );
    });

    test('of different keys is none: they run side by side up to the limit', async () => {
      await publish(...Array.from({ length: LIMITS.calls }, (_, i) => record(`t/${i}`, 'x')));
      const all = meeting(LIMITS.calls);
      const seen = await delivered(async () => {
        await all.arrive();
        return { do: 'settle', outputs: [] };
      });
      expect(seen).toHaveLength(LIMITS.calls);
    });

    test('bodies in hand stay within the byte limit; a larger one goes alone', async () => {
      await reopen({ calls: 16, bytes: 100 });
      await publish(...[40, 40, 40, 250, 40].map((size, i) => record(`t/${i}`, 'x'.repeat(size))));
      const inHand: number[] = [];
      const most: number[] = [];
      await run(async ({ value }) => {
        inHand.push(value.length);
        most.push(inHand.reduce((sum, bytes) => sum + bytes, 0));
        await turn();
        inHand.splice(inHand.indexOf(value.length), 1);
        return { do: 'settle', outputs: [] };
      });
      expect(most).toContain(250);
      expect(Math.max(...most.filter((bytes) => bytes !== 250))).toBe(80);
    });

    test('tenants take turns: a backlog of one does not hold up another', async () => {
      await reopen({ calls: 1, bytes: 1024 });
      await publish(
        ...Array.from({ length: 300 }, (_, i) => record(`big/${i}`, 'x')),
        record('small/1', 'y'),
      );
      const seen = await delivered(async () => ({ do: 'settle', outputs: [] }));
      expect(seen.findIndex(({ key }) => key === 'small/1')).toBeLessThan(2);
      expect(seen).toHaveLength(301);
    });
  });

  describe('run', () => {
    test('notices what is published while it is idle, every time', async () => {
      const stop = new AbortController();
      const arrivals: (() => void)[] = [];
      const running = opened.inbox.run(
        async () => {
          arrivals.shift()?.();
          return { do: 'settle', outputs: [] };
        },
        { untilIdle: false },
        stop.signal,
      );
      for (let i = 0; i < 50; i++) {
        const arrived = new Promise<void>((resolve) => arrivals.push(resolve));
        await publish(record('t/a', String(i)));
        await arrived;
      }
      stop.abort();
      await expect(running).resolves.toBeUndefined();
    });

    test('notices what another process publishes while it is idle', async () => {
      const stop = new AbortController();
      const seen: Delivery[] = [];
      const running = opened.inbox.run(
        async (delivery) => {
          if (seen.push(delivery) === 5) stop.abort();
          return { do: 'settle', outputs: [] };
        },
        { untilIdle: false },
        stop.signal,
      );
      await runChild(world, ['publish', world.topics.inbox[0]!, 'w', '5']);
      await running;
      expect(values(seen)).toEqual(['0', '1', '2', '3', '4']);
    });

    test('after the abort delivers nothing new, waits for its handlers and carries their verdicts out', async () => {
      await reopen({ calls: 1, bytes: 1024 });
      await publish(record('t/a', '1'), record('t/b', '2'));
      const stop = new AbortController();
      const seen: Delivery[] = [];
      await opened.inbox.run(
        async (delivery, signal) => {
          seen.push(delivery);
          stop.abort();
          expect(signal.aborted).toBe(true);
          await turn();
          return { do: 'settle', outputs: [answerTo(delivery)] };
        },
        { untilIdle: false },
        stop.signal,
      );
      expect(values(seen)).toEqual(['1']);
      expect(values(await published('outcome'))).toEqual(['1']);
      expect(values(await delivered())).toEqual(['2']);
    });

    test('with a signal that is aborted already delivers nothing', async () => {
      await publish(record('t/a', '1'));
      const handle: Handler = async () => expect.unreachable();
      await opened.inbox.run(handle, { untilIdle: false }, AbortSignal.abort());
    });

    test('ends with the error of a handler that rejects, after the others have answered', async () => {
      await publish(record('t/a', 'bad'), record('t/b', 'good'));
      const both = meeting(2);
      const running = run(async (delivery, signal) => {
        await both.arrive();
        if (delivery.key === 't/a') throw new Error('no verdict');
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return { do: 'settle', outputs: [answerTo(delivery)] };
      });
      await expect(running).rejects.toThrow('no verdict');
      expect(values(await published('outcome'))).toEqual(['good']);
      expect(values(await delivered())).toEqual(['bad']);
    });

    test('until idle ends at once where nothing is there', async () => {
      expect(await delivered()).toEqual([]);
    });

    test('until idle takes in what its own handlers publish', async () => {
      await publish(record('t/a', '3'));
      const seen = await delivered(async ({ value }) => {
        const left = Number(value) - 1;
        if (left > 0) await publish(record(`t/${left}`, String(left)));
        return { do: 'settle', outputs: [] };
      });
      expect(values(seen)).toEqual(['3', '2', '1']);
    });
  });

  describe('backlog', () => {
    test('counts what is not done, what of it is due, and since when it waits', async () => {
      const before = new Date().toISOString();
      await publish(record('t/a', '1'), record('t/b', '2'), record('t/c', '3'));
      const after = new Date().toISOString();
      const { oldestAt, ...counts } = await opened.inbox.backlog(never);
      expect(counts).toEqual({ waiting: 3, due: 3 });
      expect(oldestAt! >= before && oldestAt! <= after).toBe(true);
      await run(async ({ key }) =>
        key === 't/a'
          ? { do: 'hand-over', dueAt: LATER, counted: 1, firstFailedAt: undefined }
          : { do: 'settle', outputs: [] },
      );
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 1, due: 0 });
    });
  });

  describe('records', () => {
    const LONG_AGO = new Date(0);
    const entries = async (since = LONG_AGO): Promise<InboxEntry[]> =>
      await Array.fromAsync(opened.inbox.records(since, never));
    const brief = (found: readonly InboxEntry[]): string[] =>
      found.map(({ delivery: { value, place, replay }, done }) =>
        [String(value), place.topic.split('.').at(-1), replay, done ? 'done' : 'waits'].join(' '),
      );

    test('are those of all input topics as they would be delivered, whether done or not, and stay as they are', async () => {
      const other = world.topics.inbox[1]!;
      await publish(record('t/a', '1'), record('t/b', '2'));
      const handOver: Verdict = { do: 'hand-over', dueAt: LATER, counted: 1, firstFailedAt: undefined };
      const seen = await delivered(async (delivery, signal) =>
        delivery.key === 't/b' ? handOver : await settle(delivery, signal),
      );
      await publish(record('t/c', '3', { topic: other }));
      const found = await entries();
      expect(brief(found)).toEqual([
        '1 completed 0 done',
        '2 completed 0 done',
        '3 other 0 waits',
        '2 retry 0 waits',
      ]);
      expect(found.slice(0, 2).map(({ delivery }) => delivery)).toEqual(seen);
      expect(found.at(-1)!.delivery.origin).toEqual(found[1]!.delivery.origin);
      expect(brief(await entries())).toEqual(brief(found));
    });

    test('come with the time they were published at', async () => {
      const before = Date.now();
      await publish(record('t/a', '1'));
      const [entry] = await entries();
      expect(entry!.publishedAt.getTime()).toBeGreaterThanOrEqual(before);
      expect(entry!.publishedAt.getTime()).toBeLessThanOrEqual(Date.now());
    });

    test('published before the time that is asked for are left out', async () => {
      await publish(record('t/a', '1'));
      const [first] = await entries();
      const since = new Date(first!.publishedAt.getTime() + 1);
      while (Date.now() <= since.getTime()) await turn();
      await publish(record('t/a', '2'));
      expect(brief(await entries(since))).toEqual(['2 completed 0 waits']);
      expect(await entries(new Date(Date.now() + 60_000))).toEqual([]);
    });

    test('are many, each once and in order', async () => {
      await publish(...Array.from({ length: 200 }, (_, i) => record('t/a', String(i))));
      expect(values((await entries()).map(({ delivery }) => delivery))).toEqual(
        Array.from({ length: 200 }, (_, i) => String(i)),
      );
    });

    test('of an aborted signal are none', async () => {
      await publish(record('t/a', '1'));
      const aborted = Array.fromAsync(opened.inbox.records(LONG_AGO, AbortSignal.abort()));
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    });
  });

  describe('removeExpired', () => {
    test('leaves what is young, and what is not done', async () => {
      await publish(record('t/a', '1'), record('t/b', '2'));
      expect(await opened.inbox.removeExpired(never)).toBe(0);
      expect(await opened.inbox.backlog(never)).toMatchObject({ waiting: 2 });
    });

    test('does nothing once its signal is aborted', async () => {
      const aborted = opened.inbox.removeExpired(AbortSignal.abort());
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    });
  });
}

/** Resolves for all once `count` have arrived: they must be there at the same time. */
function meeting(count: number): { arrive(): Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let there = 0;
  return {
    arrive: async () => {
      if (++there === count) resolve();
      await promise;
    },
  };
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
