import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Output } from '../../src/domain/outputs.ts';
import type { PublishedRecord } from '../../src/ports/events.ts';
import { type Opened, openWorld, WORLDS, type World } from './inbox-worlds.ts';
import { runChild, startChild } from './processes.ts';

const never = new AbortController().signal;

/** Every sentence of `src/ports/events.ts`, for any adapter. */
export function eventsContract(kind: string): void {
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

  const output = (id: string, more: Partial<Output> = {}): Output => ({
    topic: 'audit',
    key: 'audit',
    id,
    headers: { ce_id: id },
    value: Buffer.from(id),
    ...more,
  });
  const many = (count: number, more: Partial<Output> = {}): Output[] =>
    Array.from({ length: count }, (_, i) => output(String(i), more));
  const publish = async (...outputs: Output[]) => await opened.events.publish(outputs, never);
  const read = async (after?: string): Promise<PublishedRecord[]> => {
    const options = { follow: false, ...(after === undefined ? {} : { after }) };
    return await Array.fromAsync(opened.events.read('audit', options, never));
  };
  const ids = (records: readonly Output[]): string[] => records.map(({ id }) => id);

  describe('publish', () => {
    test('keeps the given order, and every record as it is', async () => {
      const bytes = output('bytes', { value: Buffer.from([0, 255, 10]), headers: { ce_id: 'é', other: '' } });
      await publish(...many(50), bytes);
      await publish(output('last'));
      expect(await read()).toMatchObject([...many(50), bytes, output('last')]);
    });

    test('of one call may go to several topics', async () => {
      await publish(output('a'), output('b', { topic: 'dlq' }), output('c', { topic: 'transcripts' }));
      for (const [topic, id] of [
        ['audit', 'a'],
        ['dlq', 'b'],
        ['transcripts', 'c'],
      ] as const) {
        const records = await Array.fromAsync(opened.events.read(topic, { follow: false }, never));
        expect(ids(records)).toEqual([id]);
      }
    });

    test('of nothing is nothing', async () => {
      await publish();
      expect(await read()).toEqual([]);
    });

    test('again, as after a crash, leaves the same ids with the same bytes, the first ones in order', async () => {
      await publish(...many(3));
      await publish(...many(5));
      const records = await read();
      expect([...new Set(ids(records))]).toEqual(['0', '1', '2', '3', '4']);
      for (const { id, value } of records) expect(value.toString()).toBe(id);
    });

    test('is durable when it resolves: what was acknowledged before kill -9 is there', async () => {
      const child = startChild(world, ['outputs', 'w', '100000']);
      for (let i = 0; i < 20; i++) await child.line();
      child.kill();
      const { lines } = await child.ended;
      const records = await Array.fromAsync(opened.events.read('outcome', { follow: false }, never));
      expect(ids(records).slice(0, lines.length)).toEqual(lines);
      expect(records.length).toBeLessThanOrEqual(lines.length + 1);
    });

    test('from two processes at once loses nothing and keeps each in order', async () => {
      await Promise.all(['a', 'b'].map((writer) => runChild(world, ['outputs', writer, '100'])));
      const records = await Array.fromAsync(opened.events.read('outcome', { follow: false }, never));
      for (const writer of ['a', 'b']) {
        const mine = ids(records.filter(({ key }) => key === writer));
        expect(mine).toEqual(Array.from({ length: 100 }, (_, i) => `${writer}-${i}`));
      }
    });

    test('does nothing once its signal is aborted', async () => {
      const aborted = opened.events.publish(many(1), AbortSignal.abort());
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
      expect(await read()).toEqual([]);
    });
  });

  describe('read', () => {
    test('ends at the end, however many records there are', async () => {
      await publish(...many(100));
      expect(ids(await read())).toEqual(ids(many(100)));
    });

    test('after a position gives what stands behind it, and nothing behind the last', async () => {
      await publish(...many(40));
      const records = await read();
      expect(ids(await read(records[17]!.position))).toEqual(ids(many(40)).slice(18));
      expect(await read(records.at(-1)!.position)).toEqual([]);
    });

    test('since a time leaves out what was published before it', async () => {
      await publish(...many(3));
      const since = new Date(Date.now() + 1);
      while (Date.now() <= since.getTime()) await new Promise(setImmediate);
      expect(
        ids(await Array.fromAsync(opened.events.read('audit', { follow: false, since }, never))),
      ).toEqual([]);
      await publish(output('young'));
      const found = await Array.fromAsync(opened.events.read('audit', { follow: false, since }, never));
      expect(ids(found)).toEqual(['young']);
    });

    test('positions are ordered as text', async () => {
      await publish(...many(120));
      const positions = (await read()).map(({ position }) => position);
      expect(positions).toEqual(positions.toSorted());
      expect(new Set(positions).size).toBe(120);
    });

    test('with follow goes on with what this process and others publish, until the signal aborts', async () => {
      await publish(output('before'));
      const stop = new AbortController();
      const seen: string[] = [];
      const reading = (async () => {
        for await (const { id } of opened.events.read('outcome', { follow: true }, stop.signal)) {
          seen.push(id);
          if (seen.length === 1) void runChild(world, ['outputs', 'w', '3']);
          if (seen.length === 4) stop.abort();
        }
      })();
      await publish(output('mine', { topic: 'outcome' }));
      await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
      expect(seen).toEqual(['mine', 'w-0', 'w-1', 'w-2']);
    });

    test('with follow loses no wake-up', async () => {
      const stop = new AbortController();
      const reading = opened.events.read('audit', { follow: true }, stop.signal)[Symbol.asyncIterator]();
      for (const each of many(30)) {
        const next = reading.next();
        await publish(each);
        expect((await next).value).toMatchObject({ id: each.id });
      }
      stop.abort();
      await expect(reading.next()).rejects.toMatchObject({ name: 'AbortError' });
    });

    test('may be left in the middle', async () => {
      await publish(...many(40));
      let last = '';
      for await (const { id } of opened.events.read('audit', { follow: true }, never)) {
        last = id;
        if (id === '3') break;
      }
      expect(last).toBe('3');
    });

    test('sees what a settle of the inbox published', async () => {
      const topic = world.topics.inbox[0]!;
      await opened.inbox.publish({ topic, key: 't/a', headers: {}, value: Buffer.from('x') }, never);
      const outputs = [output('settled')];
      await opened.inbox.run(async () => ({ do: 'settle', outputs }), { untilIdle: true }, never);
      expect(await read()).toMatchObject(outputs);
    });
  });

  describe('last', () => {
    test('is the record that was published last, or nothing', async () => {
      expect(await opened.events.last('audit', never)).toBeUndefined();
      await publish(...many(12), output('other', { topic: 'dlq' }));
      const records = await read();
      expect(await opened.events.last('audit', never)).toEqual(records.at(-1));
    });
  });
}
