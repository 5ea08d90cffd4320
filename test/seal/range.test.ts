import { describe, expect, test } from 'vitest';
import {
  type ByteRange,
  type ExpectedRangeObject,
  openRange,
  type ReadSealed,
} from '../../src/seal/range.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openAll } from '../../src/seal/streams.ts';
import { collect, IDENTITY } from './identities.ts';
import { counting } from './known-answer.ts';
import { inChunks, sealAll, streamOf } from './sealing.ts';

const F = 65_536;
const REFUSED = { code: 'NOT_AUTHENTIC' };

function sealedObject(plainBytes: number, frameLength: number) {
  const plain = counting(5, plainBytes);
  const sealer = createSealer({ ...IDENTITY, frameLength });
  const sealed = sealAll(sealer, [plain]);
  const { headerBytes } = sealer.facts();
  return { plain, sealed, headerBytes, row: { ...IDENTITY, sealedBytes: sealed.length, plainBytes } };
}

/** A store that gives `chunkBytes` at a time and remembers what it was asked for. */
function store(sealed: Buffer, chunkBytes = 50) {
  const asked: [number, number][] = [];
  const read: ReadSealed = (from, toExclusive) => {
    asked.push([from, toExclusive]);
    return streamOf(inChunks(sealed.subarray(from, toExclusive), chunkBytes));
  };
  return { asked, read };
}

async function rangeOf(read: ReadSealed, row: ExpectedRangeObject, range: ByteRange) {
  const pieces: Buffer[] = [];
  const opening = openRange(read, row, range);
  for (;;) {
    const step = await opening.next();
    if (step.done === true) return { plain: Buffer.concat(pieces), ...step.value };
    pieces.push(step.value);
  }
}

describe('a range', { timeout: 60_000 }, () => {
  for (const [plainBytes, frameLength] of [
    [0, 16],
    [5, 16],
    [32, 16],
    [37, 16],
    [6, 1],
  ] as const) {
    test(`is the slice of the sequential opening: all ranges of ${plainBytes} bytes in frames of ${frameLength}`, async () => {
      const { sealed, row } = sealedObject(plainBytes, frameLength);
      const sequential = await collect(openAll(streamOf([sealed]), row));
      for (let from = 0; from <= plainBytes; from += 1) {
        for (let toExclusive = from; toExclusive <= plainBytes; toExclusive += 1) {
          const { plain } = await rangeOf(store(sealed).read, row, { from, toExclusive });
          expect(plain.equals(sequential.subarray(from, toExclusive))).toBe(true);
        }
      }
    });
  }

  for (const [from, toExclusive] of [
    [0, 1],
    [0, 3 * F + 17],
    [F - 1, F],
    [F - 1, F + 1],
    [F, 2 * F],
    [63_487, 63_489],
    [2 * F + 100, 3 * F + 1],
    [3 * F, 3 * F + 17],
    [3 * F + 16, 3 * F + 17],
  ] as const) {
    test(`is the slice in frames of 64 KiB: ${from} to ${toExclusive}`, async () => {
      const { sealed, row, plain } = sealedObject(3 * F + 17, F);
      for (const chunkBytes of [1000, 65_536, 1_000_000]) {
        const opened = await rangeOf(store(sealed, chunkBytes).read, row, { from, toExclusive });
        expect(opened.plain.equals(plain.subarray(from, toExclusive))).toBe(true);
      }
    });
  }

  test('fetches the header once and whole frames, no byte more, and says how many', async () => {
    const { sealed, row, headerBytes } = sealedObject(100, 16);
    const { asked, read } = store(sealed);
    const { fetchedBytes } = await rangeOf(read, row, { from: 20, toExclusive: 40 });
    expect(asked).toEqual([
      [0, headerBytes],
      [headerBytes + 48, headerBytes + 3 * 48],
    ]);
    expect(fetchedBytes).toBe(headerBytes + 2 * 48);
  });

  test('that is empty opens the header only', async () => {
    const { sealed, row, headerBytes } = sealedObject(100, 16);
    const { asked, read } = store(sealed);
    const opened = await rangeOf(read, row, { from: 50, toExclusive: 50 });
    expect([opened.plain.length, opened.fetchedBytes, asked.length]).toEqual([0, headerBytes, 1]);
  });

  for (const range of [
    { from: -1, toExclusive: 5 },
    { from: 5, toExclusive: 4 },
    { from: 0, toExclusive: 101 },
    { from: 101, toExclusive: 101 },
    { from: 0.5, toExclusive: 5 },
    { from: 0, toExclusive: Number.NaN },
  ]) {
    test(`outside the plaintext is a wrong argument and fetches nothing: ${range.from} to ${range.toExclusive}`, async () => {
      const { sealed, row } = sealedObject(100, 16);
      const { asked, read } = store(sealed);
      await expect(rangeOf(read, row, range)).rejects.toMatchObject({ code: 'RANGE_OUTSIDE' });
      expect(asked).toEqual([]);
    });
  }

  test('refuses a row whose lengths do not belong together', async () => {
    const { sealed, row } = sealedObject(100, 16);
    const { asked, read } = store(sealed);
    for (const wrong of [
      { plainBytes: 101 },
      { plainBytes: 99 },
      { sealedBytes: sealed.length + 48 },
      { sealedBytes: 20 },
    ]) {
      await expect(rangeOf(read, { ...row, ...wrong }, { from: 0, toExclusive: 5 })).rejects.toMatchObject(
        REFUSED,
      );
    }
    expect(asked.every(([from]) => from === 0)).toBe(true); // never got past the header
  });

  test('refuses a store that gives fewer or more bytes than asked for', async () => {
    const { sealed, row } = sealedObject(100, 16);
    for (const change of [-1, 1]) {
      for (const wrongCall of [0, 1]) {
        let call = 0;
        const read: ReadSealed = (from, to) =>
          streamOf([sealed.subarray(from, to + (call++ === wrongCall ? change : 0))]);
        await expect(rangeOf(read, row, { from: 0, toExclusive: 20 })).rejects.toMatchObject(REFUSED);
      }
    }
  });

  test('refuses frames from another place', async () => {
    const { sealed, row } = sealedObject(100, 16);
    const read: ReadSealed = (from, to) =>
      streamOf([from === 0 ? sealed.subarray(0, to) : sealed.subarray(from + 48, to + 48)]);
    await expect(rangeOf(read, row, { from: 0, toExclusive: 10 })).rejects.toMatchObject(REFUSED);
  });

  test('refuses damage inside its frames, and does not see damage outside', async () => {
    const { sealed, row, plain, headerBytes } = sealedObject(100, 16);
    const damaged = Buffer.from(sealed);
    damaged[headerBytes + 20] = (damaged[headerBytes + 20] ?? 0) ^ 1;
    const { read } = store(damaged);
    await expect(rangeOf(read, row, { from: 0, toExclusive: 1 })).rejects.toMatchObject(REFUSED);
    const outside = await rangeOf(read, row, { from: 16, toExclusive: 100 });
    expect(outside.plain.equals(plain.subarray(16))).toBe(true);
  });

  test('passes on what the store throws', async () => {
    const { row } = sealedObject(100, 16);
    const read: ReadSealed = () => failing();
    await expect(rangeOf(read, row, { from: 0, toExclusive: 1 })).rejects.toThrow('the store is away');
  });
});

// oxlint-disable-next-line require-yield -- it fails before its first byte
async function* failing(): AsyncGenerator<Uint8Array> {
  await Promise.reject(new Error('the store is away'));
}
