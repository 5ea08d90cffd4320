import type { KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { AnswerRow } from '../../src/domain/answers.ts';
import type { Delivery } from '../../src/domain/deliveries.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Output } from '../../src/domain/outputs.ts';
import { openAll } from '../../src/seal/streams.ts';
import { deadLetters } from '../../src/work/dead-letters.ts';
import { failing } from './failing.ts';
import { callEvent } from './given.ts';
import { brief, collect, expectIntentsClosed, SIGNAL, settled } from './seen.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

const DAY_MS = 86_400_000;

async function* only(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}

async function dayKey({ registry, keys }: World, name: string): Promise<KeyObject> {
  const row = await registry.deadLetterKey(name, SIGNAL);
  if (!row) throw new Error('the letter names no key of the registry');
  return (await keys.unwrap(row, SIGNAL)).callKey;
}

async function openLetter(world: World, { id, headers, value }: Output): Promise<Record<string, unknown>> {
  const keyName = headers['callseal-key-name'] ?? '';
  const callKey = await dayKey(world, keyName);
  const context = { artifact: id, kind: 'dead-letter' };
  const plain = await collect(openAll(only(value), { namespace: 'callseal', keyName, context, callKey }));
  return JSON.parse(String(plain)) as Record<string, unknown>;
}

/** What a worker makes of an event that cannot be read. */
async function parked(options: WorldOptions = {}, more: Partial<Delivery> = {}) {
  const world = await openWorld(options);
  const delivery = world.delivery(Buffer.from('{"name":"Ada Example"'), more);
  const outputs = settled(await world.handle(delivery));
  return { world, delivery, letter: outputs.find(({ topic }) => topic === 'dlq')! };
}

test("a dead letter opens with the day's key and holds key, headers and bytes as they came", async () => {
  const given = { key: 'Ada Example', headers: { ce_id: '+49 30 1234567', other: 'ü' } };
  const { world, delivery, letter } = await parked({}, given);
  expect(await openLetter(world, letter)).toEqual({
    ...given,
    value: delivery.value.toString('base64'),
  });
});

test('a record without a key has none in its letter', async () => {
  const { world, letter } = await parked({}, { key: undefined });
  expect(await openLetter(world, letter)).toMatchObject({ key: null });
  expect(letter.key).toBe(letter.id);
});

test('its headers carry ids and codes only, all of them', async () => {
  const { letter, world } = await parked({}, { key: 'Ada Example', headers: { note: 'Ada Example' } });
  const { fingerprint = '' } = world.answers[0]?.park ?? {};
  expect(letter.headers).toEqual({
    'callseal-dlq-id': letter.id,
    'callseal-key-name': expect.stringMatching(/^[0-9a-f-]{36}$/),
    'callseal-origin': 'callseal.calls.completed/0/0',
    'callseal-replay': '0',
    'callseal-stage': 'decode',
    'callseal-code': 'EVENT_NOT_JSON',
    'callseal-disposition': 'park',
    'callseal-fingerprint': fingerprint,
    'callseal-attempts': '1',
    'callseal-first-failed-at': '2026-11-24T10:00:00.000Z',
    'callseal-failed-at': '2026-11-24T10:00:00.000Z',
    'callseal-worker-version': '1.2.3',
    '__connect.errors.topic': 'callseal.calls.completed',
    '__connect.errors.partition': '0',
    '__connect.errors.offset': '0',
    '__connect.errors.exception.message': 'EVENT_NOT_JSON',
  });
  expect(letter.value.includes('Ada')).toBe(false);
});

test('the letter of a call that can be named goes to that call', async () => {
  const world = await openWorld();
  const outputs = settled(await world.handle(world.delivery(callEvent({ artifacts: [] }))));
  expect(outputs.find(({ topic }) => topic === 'dlq')?.key).toBe('t-1/c-1');
});

test('a letter that is moved to another id does not open', async () => {
  const { world, letter } = await parked();
  await expect(openLetter(world, { ...letter, id: 'other' })).rejects.toMatchObject({
    code: 'NOT_AUTHENTIC',
  });
});

test('only a parked answer has a dead letter', async () => {
  const world = await openWorld();
  const row = { uid: 'u', park: undefined } as unknown as AnswerRow;
  const letter = world.letters.seal(row, world.delivery(callEvent()), SIGNAL);
  await expect(letter).rejects.toMatchObject({ code: 'BUG' });
});

describe("the day's key", () => {
  const note = async ({ letters }: Pick<World, 'letters'>) =>
    await letters.sealNote('e-1', Buffer.from('why'), SIGNAL);

  test('is made once a day and worker, its intent durable before it and closed after it', async () => {
    const world = await openWorld();
    const names = await Promise.all([note(world), note(world), note(world)]);
    expect(new Set(names.map(({ keyName }) => keyName)).size).toBe(1);
    expect(brief(await world.facts())).toEqual(['key.generate intent', 'key.generate ok']);
    world.clock.ms += DAY_MS;
    expect((await note(world)).keyName).not.toBe(names[0]?.keyName);
    const rows = await world.rows('select worker, day, context from dead_letter_keys order by day');
    expect(rows.map((row) => ({ ...row, context: JSON.parse(String(row['context'])) as unknown }))).toEqual(
      ['2026-11-24', '2026-11-25'].map((day) => ({
        worker: 'w-1',
        day,
        context: { class: 'dead-letter', day, purpose: 'park', worker: 'w-1' },
      })),
    );
    expectIntentsClosed(await world.facts());
  });

  test('is not asked for where its intent could not be written', async () => {
    let asked = 0;
    const world = await openWorld({
      keys: (real) => ({
        ...real,
        generate: async (...args) => {
          asked++;
          return await real.generate(...args);
        },
      }),
      registry: (real) =>
        failing(real, 'openIntent', () => new CallsealError('REGISTRY_DOWN', 'made by the test')),
    });
    await expect(note(world)).rejects.toMatchObject({ code: 'REGISTRY_DOWN' });
    expect(asked).toBe(0);
    await note(world);
    expect(asked).toBe(1);
  });

  for (const [code, status] of [
    ['KMS_DOWN', 'unknown'],
    ['KMS_DENIED', 'failed'],
  ] as const) {
    test(`that fails with ${code} closes its intent as ${status}, and the next use asks again`, async () => {
      const world = await openWorld({
        keys: (real) => failing(real, 'generate', () => new CallsealError(code, 'made by the test')),
      });
      await expect(note(world)).rejects.toMatchObject({ code });
      expect(brief(await world.facts())).toEqual(['key.generate intent', `key.generate ${status} ${code}`]);
      await note(world);
      expectIntentsClosed(await world.facts());
    });
  }

  test('that we left before it came closes its intent as unknown all the same', async () => {
    const stop = new AbortController();
    const world = await openWorld({
      keys: (real) => ({
        ...real,
        generate: async () => {
          stop.abort();
          stop.signal.throwIfAborted();
          return await Promise.reject(new Error('not reached'));
        },
      }),
    });
    const sealing = world.letters.sealNote('e-1', Buffer.from('why'), stop.signal);
    await expect(sealing).rejects.toMatchObject({ name: 'AbortError' });
    expect(brief(await world.facts())).toEqual(['key.generate intent', 'key.generate unknown STOPPING']);
  });

  test('whose row could not be written is not used: nobody could open what it sealed', async () => {
    const world = await openWorld({
      registry: (real) => failing(real, 'addDeadLetterKey', () => new CallsealError('REGISTRY_DOWN', 'away')),
    });
    await expect(note(world)).rejects.toMatchObject({ code: 'REGISTRY_DOWN' });
    const { keyName } = await note(world);
    expect(await world.registry.deadLetterKey(keyName, SIGNAL)).toMatchObject({ name: keyName });
  });

  test('of another worker is another key', async () => {
    const world = await openWorld();
    const { registry, keys, auditor } = world;
    const other = deadLetters({
      registry,
      keys,
      auditor,
      kek: 'system:dead-letter',
      worker: 'w-2',
      version: '1',
      now: world.parts.now,
    });
    expect((await note(world)).keyName).not.toBe((await note({ letters: other })).keyName);
  });
});

test('a park whose dead letter cannot be sealed waits, and publishes nothing without it', async () => {
  const world = await openWorld({
    keys: (real) => failing(real, 'generate', () => new CallsealError('KMS_DOWN', 'made by the test')),
  });
  const delivery = world.delivery(Buffer.from('{'));
  expect((await world.handle(delivery)).do).toBe('wait');
  world.intake.passed(undefined, []);
  expect(settled(await world.handle(delivery)).map(({ topic }) => topic)).toEqual(['dlq']);
});
