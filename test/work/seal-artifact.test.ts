import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ruleOf } from '../../src/domain/artifacts.ts';
import type { EventArtifact } from '../../src/domain/call-event.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import { sealContext } from '../../src/domain/receipts.ts';
import type { Objects, Part } from '../../src/ports/objects.ts';
import type { Sources } from '../../src/ports/sources.ts';
import { DEFAULT_FRAME_LENGTH as F } from '../../src/seal/sizes.ts';
import { openAll } from '../../src/seal/streams.ts';
import { partPool } from '../../src/work/part-pool.ts';
import { type ArtifactJob, type SealingParts, sealArtifact } from '../../src/work/seal-artifact.ts';
import { verifyReceipt } from '../../src/work/verify-calls.ts';
import { artifact, callEvent } from './given.ts';
import { collect, SIGNAL, settled } from './seen.ts';
import { openWorld, POLICY, type World } from './world.ts';

const CALL_KEY = createSecretKey(randomBytes(32));
const MiB = 2 ** 20;

function jobOf(
  kind: ArtifactJob['artifact']['kind'],
  more: Omit<Partial<EventArtifact>, 'kind'> = {},
  attempt = 'a-1',
): ArtifactJob {
  return {
    tenant: {
      id: 't-1',
      policy: POLICY,
      topic: 'x',
      aliases: ['edge'],
      keks: { phi: 'a', voiceprint: 'b' },
    },
    call: 'c-1',
    callUid: 'u-1',
    revision: 1,
    attempt,
    durationMs: undefined,
    artifact: { id: 'one', kind, source: { alias: 'edge', key: 'one' }, ...more },
    callKey: CALL_KEY,
    keyName: 'k-1',
  };
}

const OBJECT = 't-1/u-1/a-1/one';

async function opened(
  { objects }: Pick<World, 'objects'>,
  job: ArtifactJob,
  sealedBytes: number,
): Promise<Buffer> {
  const context = sealContext('t-1', 'u-1', 'one', job.artifact.kind);
  const expected = { namespace: 'callseal', keyName: 'k-1', context, callKey: CALL_KEY };
  const name = `t-1/u-1/${job.attempt}/one`;
  return await collect(openAll(objects.read(name, { from: 0, to: sealedBytes }, SIGNAL), expected));
}

/** A source of `bytes`, as opened; its body says what the test likes. */
function sourceOf(bytes: number, body: () => AsyncIterable<Buffer>): Sources {
  return {
    open: async () => ({ bytes, version: 'v-1', body: body() }),
    stat: async () => ({ bytes, version: 'v-1' }),
    stored: async () => ['v-1'],
    remove: async () => ['v-1'],
    close: async () => undefined,
  };
}

function chunked(bytes: Buffer, size = 64 * 1024): () => AsyncIterable<Buffer> {
  return async function* () {
    for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
  };
}

async function partsOn(world: World, more: Partial<SealingParts> = {}): Promise<SealingParts> {
  return { ...world.parts, ...more };
}

async function failureOf(sealing: Promise<unknown>): Promise<unknown> {
  return await sealing.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('an artifact that is not what it was said to be leaves no object and keeps no buffer', () => {
  const bytes = randomBytes(3 * F);
  const wrong = createHash('sha256').update('other').digest('hex');
  const cases: readonly (readonly [string, string, Omit<Partial<EventArtifact>, 'kind'>, Sources])[] = [
    ['another SHA-256', 'SOURCE_DIGEST_DIFFERS', { sha256: wrong }, sourceOf(3 * F, chunked(bytes))],
    ['another length than declared', 'SOURCE_LENGTH_DIFFERS', { bytes: 7 }, sourceOf(3 * F, chunked(bytes))],
    ['longer than it was opened', 'SOURCE_CHANGED', {}, sourceOf(3 * F - 1, chunked(bytes))],
    ['shorter than it was opened', 'SOURCE_CHANGED', {}, sourceOf(3 * F + 1, chunked(bytes))],
    ['nothing where bytes were opened', 'SOURCE_CHANGED', {}, sourceOf(1, chunked(Buffer.alloc(0)))],
    ['bytes where nothing was opened', 'SOURCE_CHANGED', {}, sourceOf(0, chunked(Buffer.alloc(1)))],
    ['over the cap', 'ARTIFACT_TOO_LARGE', {}, sourceOf(ruleOf('embedding').capBytes + 1, chunked(bytes))],
  ];
  for (const [name, code, declared, sources] of cases) {
    test(`${name}: ${code}`, async () => {
      const world = await openWorld();
      const parts = await partsOn(world, { sources });
      expect(await failureOf(sealArtifact(parts, jobOf('embedding', declared), SIGNAL))).toMatchObject({
        code,
      });
      expect(await world.objectNames()).toEqual([]);
      expect(world.parts.pool.bytesOut).toBe(0);
    });
  }

  test('a wrong digest fails before the store has had the last part', async () => {
    const world = await openWorld();
    let lastSeen = false;
    const objects: Objects = {
      ...world.objects,
      create: async (_name, parts) => {
        for await (const part of parts) {
          lastSeen ||= part.last;
          part.release();
        }
        throw new Error('the parts ended without an error');
      },
    };
    const parts = await partsOn(world, { objects, sources: sourceOf(3 * F, chunked(bytes)) });
    const job = jobOf('embedding', { sha256: wrong });
    expect(await failureOf(sealArtifact(parts, job, SIGNAL))).toMatchObject({
      code: 'SOURCE_DIGEST_DIFFERS',
    });
    expect(lastSeen).toBe(false);
  });
});

test('the right SHA-256 is no obstacle and is kept for the next revision', async () => {
  const world = await openWorld();
  const sha256 = createHash('sha256').update('{}').digest('hex');
  world.put('one', '{}');
  const { sealed } = await sealArtifact(world.parts, jobOf('summary', { sha256 }), SIGNAL);
  expect(sealed.declaredSha256).toBe(sha256);
});

test('a file that changes between opening and reading is tried again and sealed as it is then', async () => {
  let changes = 1;
  const world: World = await openWorld({
    sources: (real) => ({
      ...real,
      open: async (ref, signal) => {
        const source = await real.open(ref, signal);
        if (changes-- > 0) {
          const path = join(world.folder, 'sources', ref.key);
          writeFileSync(path, '{"now":2}');
          utimesSync(path, 1, 1);
        }
        return source;
      },
    }),
  });
  world.put('c-1.json', '{"now":1}');
  settled(await world.handle(world.delivery(callEvent())));
  expect(await world.rows('select state from attempts order by rowid')).toEqual([
    { state: 'lost' },
    { state: 'won' },
  ]);
  const [sealed] = (await world.receipt()).artifacts;
  expect(sealed?.source?.version).toContain('-9-1000000000');
});

describe('a store that fails', () => {
  for (const failsAt of [1, 2, 4]) {
    test(`at part ${failsAt} gets every buffer back to the pool and closes the source`, async () => {
      const world = await openWorld();
      let closed = false;
      const body = async function* () {
        try {
          yield* chunked(randomBytes(8 * F))();
        } finally {
          closed = true;
        }
      };
      const objects: Objects = {
        ...world.objects,
        create: async (name, parts, signal) =>
          await world.objects.create(name, failingAt(failsAt, parts), signal),
      };
      const parts = await partsOn(world, { objects, partBytes: F, sources: sourceOf(8 * F, body) });
      const failure = await failureOf(sealArtifact(parts, jobOf('audio'), SIGNAL));
      expect(failure).toMatchObject({ code: 'STORE_FULL' });
      expect({ out: world.parts.pool.bytesOut, closed }).toEqual({ out: 0, closed: true });
      expect(await world.objectNames()).toEqual([]);
    });
  }

  test('to hold what it was sent is believed as little as it deserves', async () => {
    const world = await openWorld();
    const objects: Objects = {
      ...world.objects,
      create: async (name, parts, signal) => {
        const stored = await world.objects.create(name, parts, signal);
        return { ...stored, bytes: stored.bytes - 1 };
      },
    };
    const parts = await partsOn(world, { objects, sources: sourceOf(2, chunked(Buffer.from('{}'))) });
    expect(await failureOf(sealArtifact(parts, jobOf('summary'), SIGNAL))).toMatchObject({
      code: 'STORE_DOWN',
    });
  });
});

async function* failingAt(number: number, parts: AsyncIterable<Part>): AsyncGenerator<Part, void, void> {
  let seen = 0;
  for await (const part of parts) {
    if (++seen === number) {
      part.release();
      throw new CallsealError('STORE_FULL', 'made by the test');
    }
    yield part;
  }
}

describe('memory', () => {
  const large = (bytes: number, onChunk: (length: number) => void = () => undefined) =>
    async function* () {
      for (let left = bytes; left > 0; left -= F) {
        const length = Math.min(F, left);
        onChunk(length);
        yield Buffer.alloc(length, left % 251);
      }
    };

  test('a slow store holds the source back: it reads no further than the parts in the pool', async () => {
    const world = await openWorld();
    const gate = Promise.withResolvers<void>();
    let read = 0;
    // Keeps every part until the gate opens, as one that waits for its acknowledgements does.
    const objects: Objects = {
      ...world.objects,
      create: async (name, parts) => {
        let bytes = 0;
        for await (const part of parts) {
          bytes += part.bytes.length;
          void gate.promise.then(() => part.release());
        }
        return { name, bytes };
      },
    };
    const sources = sourceOf(
      8 * MiB,
      large(8 * MiB, (length) => (read += length)),
    );
    const parts = await partsOn(world, { objects, sources, pool: partPool(2 * MiB), partBytes: MiB });
    const sealing = sealArtifact(parts, jobOf('audio'), SIGNAL).then(({ sealed }) => sealed);
    await quiet(() => read);
    expect(read).toBeGreaterThanOrEqual(2 * MiB);
    // Two parts, and what the sealer holds of the chunk that did not fit any more.
    expect(read).toBeLessThanOrEqual(2 * MiB + 2 * F);
    gate.resolve();
    expect((await sealing).plainBytes).toBe(8 * MiB);
  });

  test('many large streams at once stay within the budget of the pool, and all of them end', async () => {
    const world = await openWorld();
    const pool = partPool(2 * MiB);
    let most = 0;
    const watched = {
      ...pool,
      get bytesOut() {
        return pool.bytesOut;
      },
      take: async (bytes: number, signal: AbortSignal) => {
        const buffer = await pool.take(bytes, signal);
        most = Math.max(most, pool.bytesOut);
        return buffer;
      },
    };
    const parts = await partsOn(world, {
      pool: watched,
      partBytes: 256 * 1024,
      sources: sourceOf(2 * MiB + 1, large(2 * MiB + 1)),
    });
    const sealed = await Promise.all(
      Array.from(
        { length: 12 },
        async (_, i) => (await sealArtifact(parts, jobOf('audio', {}, `a-${i}`), SIGNAL)).sealed,
      ),
    );
    expect(sealed.map(({ plainBytes }) => plainBytes)).toEqual(Array(12).fill(2 * MiB + 1));
    expect(most).toBeLessThanOrEqual(2 * MiB);
    expect(pool.bytesOut).toBe(0);
  });
});

/** Waits until `value` stands still while the event loop turns. */
async function quiet(value: () => number): Promise<void> {
  for (let same = 0, last = -1; same < 200; same = value() === last ? same + 1 : 0) {
    last = value();
    await turn();
  }
}

describe('the tap never stops a seal', () => {
  const wav = Buffer.concat([Buffer.from('RIFF\xff\xff\xff\xffWAVEfmt ', 'latin1'), Buffer.alloc(9)]);
  const bodies: readonly (readonly [string, Buffer])[] = [
    ['noise', randomBytes(3 * F + 5)],
    ['half a WAV header', wav],
    ['half an Ogg page', Buffer.from('OggS\0\x02', 'latin1')],
    ['a WebM mark and noise', Buffer.concat([Buffer.from('1a45dfa3', 'hex'), randomBytes(999)])],
    ['nothing', Buffer.alloc(0)],
  ];
  for (const [name, bytes] of bodies) {
    test(`${name} as audio is sealed bit for bit, with a warning`, async () => {
      const world = await openWorld();
      const parts = await partsOn(world, { sources: sourceOf(bytes.length, chunked(bytes)) });
      const job = jobOf('audio', { media: { container: 'wav', codec: 'pcm_s16le', sampleRate: 8000 } });
      const { sealed } = await sealArtifact(parts, job, SIGNAL);
      expect(sealed.warnings.length).toBeGreaterThan(0);
      expect((await opened(world, job, sealed.sealedBytes)).equals(bytes)).toBe(true);
    });
  }

  test('a transcript that is no JSON is sealed as it is, with a warning', async () => {
    const world = await openWorld();
    world.put('one', 'not json');
    const job = jobOf('transcript');
    const { sealed } = await sealArtifact(world.parts, job, SIGNAL);
    expect(sealed.warnings).toEqual(['SHAPE_UNKNOWN']);
    expect(String(await opened(world, job, sealed.sealedBytes))).toBe('not json');
  });

  test('an empty vector is sealed and called empty', async () => {
    const world = await openWorld();
    world.put('one', '');
    const { sealed } = await sealArtifact(world.parts, jobOf('embedding'), SIGNAL);
    expect(sealed).toMatchObject({ plainBytes: 0, warnings: ['EMPTY'] });
  });
});

describe('digests', () => {
  test('a SHA-256 of the sealed bytes is made where they travel, and nowhere else', async () => {
    const world = await openWorld();
    world.put('one', '{}');
    const { sealed: travels } = await sealArtifact(world.parts, jobOf('transcript'), SIGNAL);
    const stored = await collect(world.objects.read(OBJECT, { from: 0, to: 1e6 }, SIGNAL));
    expect(travels.sha256).toBe(createHash('sha256').update(stored).digest('hex'));
    const { sealed: stays } = await sealArtifact(world.parts, jobOf('summary', {}, 'a-2'), SIGNAL);
    expect(stays).not.toHaveProperty('sha256');
  });

  test('the policy may ask for it everywhere, and do without the keyed digest', async () => {
    const world = await openWorld();
    world.put('one', '{}');
    const job = jobOf('summary');
    const policy = { ...POLICY, digests: ['sha256'], plainDigest: false } as const;
    const { sealed } = await sealArtifact(world.parts, { ...job, tenant: { ...job.tenant, policy } }, SIGNAL);
    expect(sealed).toHaveProperty('sha256');
    expect(sealed).not.toHaveProperty('plainDigest');
  });
});

test('any mix of sizes around the borders of frames and parts verifies and opens to the same bytes', async () => {
  const ofFrames = fc.constantFrom(0, 1, F - 1, F, F + 1, 2 * F - 1, 2 * F, 2 * F + 1, 5 * F);
  // A part of 64 KiB holds the header and a frame that is cut, so its borders lie a little before the frames'.
  const ofParts = fc
    .integer({ min: 1, max: 4 })
    .chain((n) => fc.integer({ min: n * F - 600, max: n * F - 200 }));
  const mix = fc.array(fc.oneof(ofFrames, ofParts), { minLength: 1, maxLength: 4 });
  const world = await openWorld({ parts: { partBytes: F } });
  let call = 0;
  await fc.assert(
    fc.asyncProperty(mix, async (sizes) => {
      const bodies = sizes.map((bytes, i) => Buffer.alloc(bytes, i + 1));
      const name = `c-${call++}`;
      for (const [i, body] of bodies.entries()) world.put(`${name}/${i}`, body);
      const artifacts = bodies.map((_, i) => artifact(`a-${i}`, 'audio', `${name}/${i}`));
      settled(await world.handle(world.delivery(callEvent({ call: name, artifacts }))));
      const receipt = await world.receipt('t-1', name);
      for await (const { result } of verifyReceipt(world, receipt, SIGNAL)) expect(result).toBe('ok');
      const row = await world.registry.wrappedKey(receipt.artifacts[0]?.keyName ?? '', SIGNAL);
      const { callKey } = await world.keys.unwrap(row!, SIGNAL);
      for (const [i, one] of receipt.artifacts.entries()) {
        const context = sealContext('t-1', receipt.callUid, one.id, one.kind);
        const expected = { namespace: 'callseal', keyName: one.keyName, context, callKey };
        const stored = world.objects.read(one.object, { from: 0, to: one.sealedBytes + 1 }, SIGNAL);
        const { sealedBytes, plainBytes } = one;
        const plain = await collect(openAll(stored, { ...expected, sealedBytes, plainBytes }));
        expect(plain.equals(bodies[i] ?? Buffer.alloc(0))).toBe(true);
      }
    }),
    { seed: 20261124, numRuns: 25 },
  );
});
