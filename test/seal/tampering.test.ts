import { createSecretKey } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OpenerOptions } from '../../src/seal/opener.ts';
import { openRange } from '../../src/seal/range.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openAll } from '../../src/seal/streams.ts';
import { IDENTITY } from './identities.ts';
import { counting } from './known-answer.ts';
import { inChunks, sealAll, streamOf } from './sealing.ts';

/**
 * Whatever is done to an object, a reader of it releases bytes of the right plaintext at their places or
 * refuses, and never says "whole" of anything but the object itself.
 */
const RUNS = { seed: 20_250_103, numRuns: 300 };
const F = 16;

interface SealedObject {
  readonly plain: Buffer;
  readonly sealed: Buffer;
  readonly headerBytes: number;
}

const objects: SealedObject[] = [0, 5, F, 3 * F, 5 * F + 3].map((size, i) => {
  const plain = counting(i * 40, size);
  const sealer = createSealer({ ...IDENTITY, frameLength: F });
  const sealed = sealAll(sealer, [plain]);
  return { plain, sealed, headerBytes: sealer.facts().headerBytes };
});

const anyObject = fc.constantFrom(...objects);
const anyFeed = fc.integer({ min: 1, max: 400 });
const anyRow = fc.boolean();

async function opened(bytes: Buffer, feed: number, expected: OpenerOptions) {
  const opening = openAll(streamOf(inChunks(bytes, feed)), expected);
  const pieces: Buffer[] = [];
  try {
    for (;;) {
      const step = await opening.next();
      if (step.done === true) return { plain: Buffer.concat(pieces), end: 'whole' };
      pieces.push(step.value);
    }
  } catch (error) {
    return { plain: Buffer.concat(pieces), end: (error as { code?: string }).code ?? 'a bug' };
  }
}

const REFUSED = { end: 'NOT_AUTHENTIC', releasedOnlyRightBytes: true };

/** Opens `changed` as `object`, with T known or not. */
async function verdictOn(object: SealedObject, changed: Buffer, feed: number, withT: boolean) {
  const expected = withT ? { ...IDENTITY, sealedBytes: object.sealed.length } : IDENTITY;
  const { plain, end } = await opened(changed, feed, expected);
  return { end, releasedOnlyRightBytes: plain.equals(object.plain.subarray(0, plain.length)) };
}

/** Every frame of an object and its header, as they can be cut apart. */
function piecesOf({ sealed, headerBytes }: SealedObject): Buffer[] {
  return [sealed.subarray(0, headerBytes), ...inChunks(sealed.subarray(headerBytes), F + 32)];
}

describe('no change of an object goes unnoticed', { timeout: 60_000 }, () => {
  test('untouched it opens, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(anyObject, anyFeed, async (object, feed) => {
        const { plain, end } = await opened(object.sealed, feed, IDENTITY);
        expect([end, plain.equals(object.plain)]).toEqual(['whole', true]);
      }),
      RUNS,
    );
  });

  test('flipped bits', async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(anyObject, flips, anyFeed, anyRow, async (object, changes, feed, withT) => {
        const changed = Buffer.from(object.sealed);
        for (const [at, bits] of changes) changed[at % changed.length]! ^= bits;
        fc.pre(!changed.equals(object.sealed));
        expect(await verdictOn(object, changed, feed, withT)).toEqual(REFUSED);
      }),
      RUNS,
    );
  });

  test('every single bit, one at a time', async () => {
    const object = objects[1]!;
    for (let bit = 0; bit < object.sealed.length * 8; bit += 1) {
      const changed = Buffer.from(object.sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(await verdictOn(object, changed, changed.length, bit % 2 === 0)).toEqual(REFUSED);
    }
  });

  test('cuts, at every byte', async () => {
    for (const object of objects) {
      for (let length = 0; length < object.sealed.length; length += 1) {
        expect(
          await verdictOn(object, object.sealed.subarray(0, length), object.sealed.length, length % 2 === 0),
        ).toEqual(REFUSED);
      }
    }
  });

  test('bytes taken out or put in anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyObject,
        fc.nat(),
        fc.nat({ max: 100 }),
        fc.uint8Array({ maxLength: 100 }),
        anyRow,
        async (object, place, dropped, added, withT) => {
          const at = place % (object.sealed.length + 1);
          const changed = Buffer.concat([
            object.sealed.subarray(0, at),
            added,
            object.sealed.subarray(at + dropped),
          ]);
          fc.pre(!changed.equals(object.sealed));
          expect(await verdictOn(object, changed, 61, withT)).toEqual(REFUSED);
        },
      ),
      RUNS,
    );
  });

  test('frames reordered, repeated or dropped', async () => {
    const object = objects[4]!;
    const [header, ...frames] = piecesOf(object);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...frames), { maxLength: 9 }),
        anyRow,
        async (order, withT) => {
          const changed = Buffer.concat([header!, ...order]);
          fc.pre(!changed.equals(object.sealed));
          expect(await verdictOn(object, changed, 100, withT)).toEqual(REFUSED);
        },
      ),
      RUNS,
    );
  });

  test('pieces of two objects of one call spliced together', async () => {
    const mixed = fc.array(fc.constantFrom(0, 1), { minLength: 7, maxLength: 7 });
    const [one, two] = [objects[4]!, resealed(objects[4]!)];
    const [ones, twos] = [piecesOf(one), piecesOf(two)];
    await fc.assert(
      fc.asyncProperty(mixed, anyRow, async (choice, withT) => {
        fc.pre(new Set(choice).size === 2);
        const changed = Buffer.concat(choice.map((which, i) => (which === 0 ? ones[i]! : twos[i]!)));
        expect(await verdictOn(one, changed, 100, withT)).toEqual(REFUSED);
      }),
      { ...RUNS, numRuns: 128 },
    );
  });

  test('another key, name, namespace or context', async () => {
    const change = fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map((key) => ({ callKey: createSecretKey(key) })),
      fc
        .string({ minLength: 1 })
        .filter((t) => t.isWellFormed())
        .map((keyName) => ({ keyName })),
      fc
        .string({ minLength: 1 })
        .filter((t) => t.isWellFormed())
        .map((namespace) => ({ namespace })),
      fc
        .dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z0-9-]{1,8}$/), { maxKeys: 5 })
        .map((context) => ({ context })),
    );
    await fc.assert(
      fc.asyncProperty(anyObject, change, anyFeed, async (object, other, feed) => {
        const { plain, end } = await opened(object.sealed, feed, { ...IDENTITY, ...other });
        expect([end, plain.length]).toEqual(['NOT_AUTHENTIC', 0]);
      }),
      RUNS,
    );
  });

  test('a range read of changed bytes gives the right bytes or refuses', async () => {
    const object = objects[4]!;
    const ends = fc.tuple(fc.nat({ max: object.plain.length }), fc.nat({ max: object.plain.length }));
    await fc.assert(
      fc.asyncProperty(ends, fc.nat(), fc.integer({ min: 1, max: 255 }), async ([a, b], place, bits) => {
        const changed = Buffer.from(object.sealed);
        changed[place % changed.length]! ^= bits;
        const range = { from: Math.min(a, b), toExclusive: Math.max(a, b) };
        const got = await rangeOf(changed, object, range);
        const right = object.plain.subarray(range.from, range.toExclusive);
        expect(got.plain.equals(right.subarray(0, got.plain.length))).toBe(true);
        expect(got.refused || got.plain.length === right.length).toBe(true);
      }),
      RUNS,
    );
  });
});

function resealed({ plain }: SealedObject): SealedObject {
  const sealer = createSealer({ ...IDENTITY, frameLength: F });
  return { plain, sealed: sealAll(sealer, [plain]), headerBytes: sealer.facts().headerBytes };
}

async function rangeOf(changed: Buffer, object: SealedObject, range: { from: number; toExclusive: number }) {
  const read = (from: number, to: number) => streamOf([changed.subarray(from, to)]);
  const row = { ...IDENTITY, sealedBytes: object.sealed.length, plainBytes: object.plain.length };
  const pieces: Buffer[] = [];
  try {
    for await (const piece of openRange(read, row, range)) pieces.push(piece);
    return { plain: Buffer.concat(pieces), refused: false };
  } catch {
    return { plain: Buffer.concat(pieces), refused: true };
  }
}
