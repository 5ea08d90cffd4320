import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Receipt } from '../../src/domain/receipts.ts';
import { DEFAULT_FRAME_LENGTH as F } from '../../src/seal/sizes.ts';
import { type ArtifactCheck, verifyReceipt } from '../../src/work/verify-calls.ts';
import { artifact, callEvent } from './given.ts';
import { brief, expectIntentsClosed, filesUnder, SIGNAL, settled } from './seen.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

/** A sealed call of three artifacts: `audio` of two frames, `transcript`, and `voice` under the other class. */
async function sealedWorld(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld(options);
  world.put('audio', randomBytes(F + 77));
  world.put('transcript', '{"turns":[]}');
  world.put('voice', randomBytes(32));
  const event = callEvent({
    consent: { recording: 'granted', voiceprint: 'granted' },
    artifacts: [
      artifact('audio', 'audio', 'audio'),
      artifact('transcript', 'transcript', 'transcript'),
      artifact('voice', 'voiceprint', 'voice'),
    ],
  });
  settled(await world.handle(world.delivery(event)));
  return world;
}

async function verify(world: World, receipt?: Receipt): Promise<ArtifactCheck[]> {
  const checks: ArtifactCheck[] = [];
  for await (const check of verifyReceipt(world, receipt ?? (await world.receipt()), SIGNAL))
    checks.push(check);
  return checks;
}

const results = (checks: readonly ArtifactCheck[]) =>
  checks.map(({ artifact: id, result, code }) => [id, result, code].filter(Boolean).join(' '));

const SOUND = ['audio ok', 'transcript ok', 'voice ok'];

function fingerprintOf(folder: string): unknown[] {
  return filesUnder(folder).map(({ path, bytes }) => [
    path,
    createHash('sha256').update(bytes).digest('hex'),
  ]);
}

test('a sound call is ok, with one key use per class, and says so in the audit', async () => {
  const world = await sealedWorld();
  const before = (await world.facts()).length;
  expect(results(await verify(world))).toEqual(SOUND);
  expect(brief((await world.facts()).slice(before))).toEqual([
    'key.unwrap intent',
    'key.unwrap ok',
    'key.unwrap intent',
    'key.unwrap ok',
    'artifact.verify ok',
  ]);
  expectIntentsClosed(await world.facts());
});

test('verifying changes no object and no row but the audit', async () => {
  const world = await sealedWorld();
  const tables = ['calls', 'attempts', 'receipts', 'call_keys', 'answers', 'open_intents', 'sealed_reasons'];
  const rows = async () =>
    await Promise.all(tables.map(async (name) => await world.rows(`select * from ${name}`)));
  const before = { rows: await rows(), objects: fingerprintOf(join(world.data, 'objects')) };
  const sources = fingerprintOf(join(world.folder, 'sources'));
  await verify(world);
  expect({ rows: await rows(), objects: fingerprintOf(join(world.data, 'objects')) }).toEqual(before);
  expect(fingerprintOf(join(world.folder, 'sources'))).toEqual(sources);
});

describe('every kind of damage is found, and the other artifacts are checked all the same', () => {
  const flip = (at: number) => (path: string) => {
    const bytes = readFileSync(path);
    bytes[at < 0 ? bytes.length + at : at]! ^= 0x80;
    writeFileSync(path, bytes);
  };
  const damages: readonly (readonly [string, (path: string) => void, string])[] = [
    ['a bit in the header', flip(3), 'NOT_AUTHENTIC'],
    ['a bit in the wrapped key', flip(150), 'NOT_AUTHENTIC'],
    ['a bit in a frame', flip(F), 'NOT_AUTHENTIC'],
    ['a bit in the last tag', flip(-1), 'NOT_AUTHENTIC'],
    ['a byte more', (path) => appendFileSync(path, '\0'), 'NOT_AUTHENTIC'],
    ['a byte less', (path) => truncateSync(path, readFileSync(path).length - 1), 'NOT_AUTHENTIC'],
    ['nothing left', (path) => truncateSync(path, 0), 'NOT_AUTHENTIC'],
    ['no object', (path) => rmSync(path), 'OBJECT_MISSING'],
  ];
  for (const [name, damage, code] of damages) {
    test(`${name}: ${code}`, async () => {
      const world = await sealedWorld();
      const [audio] = (await world.receipt()).artifacts;
      damage(join(world.data, 'objects', audio?.object ?? ''));
      expect(results(await verify(world))).toEqual([`audio failed ${code}`, ...SOUND.slice(1)]);
      expect(brief(await world.facts()).at(-1)).toBe(`artifact.verify failed ${code}`);
    });
  }

  for (const field of ['sealDigest', 'sha256', 'plainDigest'] as const) {
    test(`a receipt with another ${field}: DIGEST_DIFFERS`, async () => {
      const world = await sealedWorld({ policy: { digests: ['sha256'] } });
      const receipt = await world.receipt();
      const artifacts = receipt.artifacts.map((one) =>
        one.id === 'audio' ? { ...one, [field]: 'ab'.repeat((one[field]?.length ?? 0) / 2) } : one,
      );
      expect(results(await verify(world, { ...receipt, artifacts }))[0]).toBe('audio failed DIGEST_DIFFERS');
    });
  }

  for (const field of ['sealedBytes', 'plainBytes'] as const) {
    test(`a receipt with another ${field}: NOT_AUTHENTIC`, async () => {
      const world = await sealedWorld();
      const receipt = await world.receipt();
      const artifacts = receipt.artifacts.map((one) => ({ ...one, [field]: one[field] + 1 }));
      const failed = SOUND.map((line) => line.replace('ok', 'failed NOT_AUTHENTIC'));
      expect(results(await verify(world, { ...receipt, artifacts }))).toEqual(failed);
    });
  }

  test('two objects of one key, swapped: NOT_AUTHENTIC for both', async () => {
    const world = await sealedWorld();
    const receipt = await world.receipt();
    const [audio, transcript, voice] = receipt.artifacts.map((one) => ({ ...one }));
    const artifacts = [
      { ...audio!, object: transcript!.object },
      { ...transcript!, object: audio!.object },
      voice!,
    ];
    expect(results(await verify(world, { ...receipt, artifacts }))).toEqual([
      'audio failed NOT_AUTHENTIC',
      'transcript failed NOT_AUTHENTIC',
      'voice ok',
    ]);
  });

  test('a wrapped key that was changed: NOT_AUTHENTIC for all that hangs on it', async () => {
    const world = await sealedWorld({
      registry: (real) => ({
        ...real,
        wrappedKey: async (name, signal) => {
          const row = await real.wrappedKey(name, signal);
          if (row?.keyClass !== 'phi') return row;
          const wrapped = Buffer.from(row.wrapped);
          wrapped[wrapped.length - 1]! ^= 1;
          return { ...row, wrapped };
        },
      }),
    });
    expect(results(await verify(world))).toEqual([
      'audio failed NOT_AUTHENTIC',
      'transcript failed NOT_AUTHENTIC',
      'voice ok',
    ]);
  });
});

test('what was shredded is gone: nothing to prove, nothing that failed', async () => {
  const world = await sealedWorld();
  const receipt = await world.receipt();
  const fact = world.auditor.fact('call.shred');
  const scope = { tenant: 't-1', call: 'c-1', keyClass: 'voiceprint' } as const;
  await world.registry.shred(scope, { uid: fact.eventUid, fact, at: fact.time }, SIGNAL);
  expect(results(await verify(world, receipt))).toEqual([...SOUND.slice(0, 2), 'voice gone']);
});

for (const code of ['STORE_DOWN', 'STORE_DENIED'] as const) {
  test(`with ${code} nothing can be said: it is thrown, not called damage`, async () => {
    let broken = false;
    const world = await sealedWorld({
      objects: (real) => ({
        ...real,
        read: async function* (name, range, signal) {
          if (broken) throw new CallsealError(code, 'made by the test');
          yield* real.read(name, range, signal);
        },
      }),
    });
    const receipt = await world.receipt();
    broken = true;
    await expect(verify(world, receipt)).rejects.toMatchObject({ code });
    expect(await world.facts('artifact.verify')).toEqual([]);
  });
}
