import { expect, test } from 'vitest';
import type { Parked } from '../../src/ports/parked.ts';
import { lettersThere, takeLetters } from '../../src/work/dead-letters-opened.ts';
import { callEvent } from './given.ts';
import { brief, expectIntentsClosed, SIGNAL, settled } from './seen.ts';
import { openWorld, type World } from './world.ts';

const NAME = 'Ada Example';

/** Two parked deliveries, whose dead letters stand on their topic. */
async function parkedWorld(): Promise<{ world: World; parked: Parked[] }> {
  const world = await openWorld();
  for (const event of [Buffer.from(`{"name":"${NAME}"`), callEvent({ artifacts: [] })]) {
    const outputs = settled(await world.handle(world.delivery(event, { key: NAME })));
    await world.events.publish(outputs, SIGNAL);
  }
  const limits = { newSince: '2026-01-01T00:00:00.000Z', limit: 10 };
  return { world, parked: await world.registry.parked({}, limits, SIGNAL) };
}

const since = async (world: World, before: number) => (await world.facts()).slice(before);

test('letters are taken sealed, each audited before it is given out', async () => {
  const { world, parked } = await parkedWorld();
  const before = (await world.facts()).length;
  const seen: number[] = [];
  for await (const { record, opened } of takeLetters(world, parked, { action: 'dlq.export' }, SIGNAL)) {
    seen.push((await since(world, before)).length);
    expect([opened, record.value.includes(NAME)]).toEqual([undefined, false]);
  }
  expect(seen).toEqual([1, 2]);
  const facts = await since(world, before);
  expect(brief(facts)).toEqual(['dlq.export ok', 'dlq.export ok']);
  expect(facts.map(({ tenant, delivery }) => [tenant, delivery?.offset])).toEqual([
    [undefined, 0],
    ['t-1', 1],
  ]);
});

test('for a reason they are opened, the reason sealed and the key use audited, one unwrap for each key', async () => {
  const { world, parked } = await parkedWorld();
  const before = (await world.facts()).length;
  const taken = await Array.fromAsync(takeLetters(world, parked, { reason: 'a drill' }, SIGNAL));
  expect(taken.map(({ opened }) => opened?.key)).toEqual([NAME, NAME]);
  expect(String(taken[0]?.opened?.value)).toBe(`{"name":"${NAME}"`);
  const facts = await since(world, before);
  expect(brief(facts)).toEqual(['dlq.open ok', 'key.unwrap intent', 'key.unwrap ok', 'dlq.open ok']);
  expectIntentsClosed(facts);
  const reasons = await world.rows('select event_uid, sealed from sealed_reasons');
  expect(reasons.map((row) => row['event_uid'])).toEqual(
    facts.filter(({ action }) => action === 'dlq.open').map(({ eventUid }) => eventUid),
  );
  expect(JSON.stringify(await world.facts())).not.toContain('drill');
  expect(JSON.stringify(await world.facts())).not.toContain(NAME);
});

test('what has left the topic is left out, and nothing is said of it', async () => {
  const { world, parked } = await parkedWorld();
  const [first, second] = parked;
  const events = {
    read: async function* (...args: Parameters<World['events']['read']>) {
      for await (const record of world.events.read(...args)) {
        if (record.headers['callseal-code'] === 'NO_ARTIFACT') yield record;
      }
    },
  };
  const before = (await world.facts()).length;
  const left = await Array.fromAsync(
    takeLetters({ ...world, events }, parked, { action: 'dlq.export' }, SIGNAL),
  );
  expect(left.map(({ parked: { answer } }) => answer.code)).toEqual(['NO_ARTIFACT']);
  expect(await since(world, before)).toHaveLength(1);
  const there = await lettersThere(events, [first!, second!], SIGNAL);
  expect([...there]).toEqual(left.map(({ parked: { answer } }) => answer.uid));
});
