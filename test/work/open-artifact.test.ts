import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import { DEFAULT_FRAME_LENGTH as F } from '../../src/seal/sizes.ts';
import { openAll } from '../../src/seal/streams.ts';
import { type OpenRequest, openArtifact } from '../../src/work/open-artifact.ts';
import { failing } from './failing.ts';
import { artifact, callEvent } from './given.ts';
import { brief, collect, expectIntentsClosed, filesUnder, SIGNAL, settled } from './seen.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

const BYTES = randomBytes(2 * F + 100);
const REASON = 'Complaint of Ada Example, see letter';
const TARGET = { tenant: 't-1', call: 'c-1', artifact: 'audio', reason: REASON };

/** A world with one sealed call: `audio` of more than two frames. */
async function sealedWorld(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld(options);
  world.put('audio', BYTES);
  const artifacts = [artifact('audio', 'audio', 'audio'), artifact('summary', 'summary', 'audio')];
  settled(await world.handle(world.delivery(callEvent({ artifacts }))));
  return world;
}

async function open(world: World, request: Partial<OpenRequest> = {}): Promise<Buffer> {
  const { plaintext } = await openArtifact(world, { ...TARGET, ...request }, SIGNAL);
  return await collect(plaintext);
}

async function pathOf(world: World): Promise<string> {
  const [audio] = (await world.receipt()).artifacts;
  return join(world.data, 'objects', audio?.object ?? '');
}

test('an artifact opens to the bytes that were at the source', async () => {
  const world = await sealedWorld();
  expect((await open(world)).equals(BYTES)).toBe(true);
});

describe('a range', () => {
  const borders = [0, 1, F - 1, F, F + 1, 2 * F, BYTES.length - 1, BYTES.length];
  test('equals the slice of the whole, for every pair of borders of frames', async () => {
    const world = await sealedWorld();
    for (const from of borders) {
      for (const toExclusive of borders.filter((to) => to >= from)) {
        const opened = await open(world, { range: { from, toExclusive } });
        const same = opened.equals(BYTES.subarray(from, toExclusive));
        expect({ from, toExclusive, same }).toEqual({ from, toExclusive, same: true });
      }
    }
  });

  test('behind the end is refused before any key is used', async () => {
    const world = await sealedWorld();
    const before = await world.facts();
    for (const range of [
      { from: 0, toExclusive: BYTES.length + 1 },
      { from: 2, toExclusive: 1 },
    ]) {
      await expect(open(world, { range })).rejects.toMatchObject({ code: 'RANGE_OUTSIDE' });
    }
    expect(await world.facts()).toEqual(before);
  });

  test('reads no more of the object than the frames it stands in', async () => {
    let read = 0;
    const world = await sealedWorld({
      objects: (real) => ({
        ...real,
        read: async function* (...args) {
          for await (const chunk of real.read(...args)) {
            read += chunk.length;
            yield chunk;
          }
        },
      }),
    });
    read = 0;
    await open(world, { range: { from: F + 5, toExclusive: F + 6 } });
    expect(read).toBeLessThan(F + 32 + 4097);
  });
});

describe('the use of the key', () => {
  test('is audited: why it was opened, what was asked for, and how it ended', async () => {
    const world = await sealedWorld();
    const sealing = (await world.facts()).length;
    await open(world);
    expect(brief((await world.facts()).slice(sealing))).toEqual([
      'key.generate intent',
      'key.generate ok',
      'artifact.open ok',
      'key.unwrap intent',
      'key.unwrap ok',
    ]);
    expectIntentsClosed(await world.facts());
  });

  test('comes after the audit rows and the reason are durable for everybody', async () => {
    let seen: { facts: AuditFact[]; reasons: number } | undefined;
    const world: World = await sealedWorld({
      keys: (real) => ({
        ...real,
        unwrap: async (row, signal) => {
          seen = {
            facts: (await world.facts()).slice(-2),
            reasons: (await world.rows('select * from sealed_reasons')).length,
          };
          return await real.unwrap(row, signal);
        },
      }),
    });
    await open(world);
    expect(brief(seen?.facts ?? [])).toEqual(['artifact.open ok', 'key.unwrap intent']);
    expect(seen?.reasons).toBe(1);
  });

  for (const method of ['addReason', 'append', 'openIntent'] as const) {
    test(`does not come where ${method} fails: no audit, no act`, async () => {
      let used = 0;
      const away = () => new CallsealError('REGISTRY_DOWN', 'made by the test');
      const world = await sealedWorld({
        keys: (real) => ({
          ...real,
          unwrap: async (row, signal) => {
            used++;
            return await real.unwrap(row, signal);
          },
        }),
        registry: (real) => failing(real, method, away, { times: 9 }),
      });
      await expect(open(world)).rejects.toMatchObject({ code: 'REGISTRY_DOWN' });
      expect(used).toBe(0);
    });
  }

  for (const [code, status] of [
    ['KMS_DOWN', 'unknown'],
    ['KMS_DENIED', 'failed'],
    ['NOT_AUTHENTIC', 'failed'],
  ] as const) {
    test(`that fails with ${code} is closed as ${status}`, async () => {
      const error = new CallsealError(code, 'made by the test');
      const world = await sealedWorld({
        keys: (real) => failing(real, 'unwrap', () => error),
      });
      await expect(open(world)).rejects.toBe(error);
      expect(brief(await world.facts()).slice(-2)).toEqual([
        'key.unwrap intent',
        `key.unwrap ${status} ${code}`,
      ]);
    });
  }
});

test('the reason stands nowhere in clear, and opens with its own key', async () => {
  const world = await sealedWorld();
  await open(world);
  const telling = filesUnder(world.folder).filter(({ bytes }) => bytes.includes('Ada Example'));
  expect(telling.map(({ path }) => path)).toEqual([]);
  const [row] = await world.rows('select event_uid, key_name, sealed from sealed_reasons');
  const keyName = String(row?.['key_name']);
  const key = await world.registry.deadLetterKey(keyName, SIGNAL);
  const { callKey } = await world.keys.unwrap(key!, SIGNAL);
  const context = { artifact: String(row?.['event_uid']), kind: 'dead-letter' };
  const note = (async function* () {
    yield Buffer.from(row?.['sealed'] as Uint8Array);
  })();
  const plain = openAll(note, { namespace: 'callseal', keyName, context, callKey });
  expect(String(await collect(plain))).toBe(REASON);
});

describe('an object that is not what the receipt names', () => {
  const flip = (at: number) => (path: string) => {
    const bytes = readFileSync(path);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    writeFileSync(path, bytes);
  };
  const damages: readonly (readonly [string, (path: string) => void, string])[] = [
    ['changed in its header', flip(40), 'NOT_AUTHENTIC'],
    ['changed in its first frame', flip(500), 'NOT_AUTHENTIC'],
    ['changed in its last byte', flip(-1), 'NOT_AUTHENTIC'],
    ['a byte longer', (path) => appendFileSync(path, 'x'), 'NOT_AUTHENTIC'],
    ['a byte shorter', (path) => truncateSync(path, readFileSync(path).length - 1), 'NOT_AUTHENTIC'],
    ['cut at a frame', (path) => truncateSync(path, 2 * (F + 32)), 'NOT_AUTHENTIC'],
    ['empty', (path) => truncateSync(path, 0), 'NOT_AUTHENTIC'],
    ['missing', (path) => rmSync(path), 'OBJECT_MISSING'],
  ];
  for (const [name, damage, code] of damages) {
    test(`${name}: ${code}, as our own error and without a cause`, async () => {
      const world = await sealedWorld();
      damage(await pathOf(world));
      const failure: unknown = await open(world).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CallsealError);
      expect(failure).toMatchObject({ code });
      expect((failure as Error).cause).toBeUndefined();
    });
  }

  test('another artifact of the same call and key is not taken for it', async () => {
    const world = await sealedWorld();
    const [audio, summary] = (await world.receipt()).artifacts;
    const at = (name = '') => join(world.data, 'objects', name);
    writeFileSync(at(audio?.object), readFileSync(at(summary?.object)));
    await expect(open(world)).rejects.toMatchObject({ code: 'NOT_AUTHENTIC' });
  });

  test('plaintext that was given out before the damage is authentic', async () => {
    const world = await sealedWorld();
    flip(-1)(await pathOf(world));
    const { plaintext } = await openArtifact(world, TARGET, SIGNAL);
    const given: Buffer[] = [];
    const opening = (async () => {
      for await (const chunk of plaintext) given.push(chunk);
    })();
    await expect(opening).rejects.toMatchObject({ code: 'NOT_AUTHENTIC' });
    const whole = Buffer.concat(given);
    expect(whole.equals(BYTES.subarray(0, whole.length))).toBe(true);
    expect(whole.length).toBeLessThan(BYTES.length);
  });
});

describe('what is not there', () => {
  test('is not found, and the artifacts that are there are named', async () => {
    const world = await sealedWorld();
    await expect(open(world, { call: 'c-9' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(open(world, { artifact: 'x' })).rejects.toThrow('audio, summary');
  });

  test('because it was shredded is gone, never "not found"', async () => {
    const world = await sealedWorld();
    const fact = world.auditor.fact('call.shred');
    const scope = { tenant: 't-1', call: 'c-1' };
    await world.registry.shred(scope, { uid: fact.eventUid, fact, at: fact.time }, SIGNAL);
    await expect(open(world)).rejects.toMatchObject({ code: 'CALL_SHREDDED' });
  });

  test('because its class was shredded is gone too', async () => {
    const world = await sealedWorld();
    const fact = world.auditor.fact('call.shred');
    const scope = { tenant: 't-1', call: 'c-1', keyClass: 'phi' } as const;
    await world.registry.shred(scope, { uid: fact.eventUid, fact, at: fact.time }, SIGNAL);
    await expect(open(world)).rejects.toMatchObject({ code: 'CALL_SHREDDED' });
  });
});

test('after its KEK was rotated the same object opens', async () => {
  const world = await sealedWorld();
  await world.keyfile.rotate('t-1:phi', SIGNAL);
  expect((await open(world)).equals(BYTES)).toBe(true);
});
