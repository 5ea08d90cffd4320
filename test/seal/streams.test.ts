import { describe, expect, test } from 'vitest';
import { createSealer, type SealerOptions } from '../../src/seal/sealer.ts';
import { openAll, openWhole, type SealedPart, sealInto } from '../../src/seal/streams.ts';
import { collect, IDENTITY } from './identities.ts';
import { counting } from './known-answer.ts';
import { inChunks, streamOf } from './sealing.ts';

const F = 65_536;

/** A pool that counts what is out. */
function pool(partBytes: number) {
  const state = { out: 0, taken: 0 };
  const take = async () => {
    state.out += 1;
    state.taken += 1;
    return await Promise.resolve(Buffer.alloc(partBytes));
  };
  const giveBack = () => {
    state.out -= 1;
  };
  return { state, take, giveBack };
}

async function sealedParts(chunks: Uint8Array[], partBytes: number, options: Partial<SealerOptions> = {}) {
  const { take } = pool(partBytes);
  const parts: SealedPart[] = [];
  const sealer = createSealer({ ...IDENTITY, ...options });
  for await (const part of sealInto(streamOf(chunks), sealer, take)) parts.push(part);
  return { parts, facts: sealer.facts() };
}

const joined = (parts: SealedPart[]): Buffer =>
  Buffer.concat(parts.map(({ buffer, length }) => buffer.subarray(0, length)));

describe('sealing into parts', { timeout: 60_000 }, () => {
  for (const partBytes of [1, 100, 65_568, 1_000_000]) {
    test(`fills every part but the last, and exactly one is the last: parts of ${partBytes}`, async () => {
      const plain = counting(9, partBytes === 1 ? 100 : 200_000);
      const frameLength = partBytes === 1 ? 16 : F;
      const { parts, facts } = await sealedParts(inChunks(plain, 10_000), partBytes, { frameLength });
      expect(parts.slice(0, -1).every((part) => part.length === partBytes && !part.last)).toBe(true);
      expect(parts.at(-1)).toMatchObject({ last: true });
      expect(parts.at(-1)?.length).toBeGreaterThan(0);
      const sealed = joined(parts);
      expect(sealed.length).toBe(facts.sealedBytes);
      expect((await collect(openAll(streamOf([sealed]), IDENTITY))).equals(plain)).toBe(true);
    });
  }

  test('an object that ends with a part has no empty part after it', async () => {
    const { facts } = await sealedParts([counting(0, 1000)], 5000);
    const { parts } = await sealedParts([counting(0, 1000)], facts.sealedBytes);
    expect(parts.map(({ length, last }) => [length, last])).toEqual([[facts.sealedBytes, true]]);
  });

  test('an empty source is one part', async () => {
    const { parts, facts } = await sealedParts([], 5000);
    expect(parts.map(({ last }) => last)).toEqual([true]);
    expect(facts.plainBytes).toBe(0);
  });

  test('takes no buffer before there is something to put into it', async () => {
    const { state, take } = pool(5000);
    let takenWhenAsked = -1;
    async function* source() {
      yield await Promise.resolve(Buffer.alloc(100));
      takenWhenAsked = state.taken;
    }
    for await (const part of sealInto(source(), createSealer(IDENTITY), take)) expect(part.last).toBe(true);
    expect(takenWhenAsked).toBe(0);
  });

  test('waits for a buffer before it asks its source for more', async () => {
    let given = 0;
    async function* source() {
      for (; given < 10; given += 1) yield await Promise.resolve(Buffer.alloc(F));
    }
    const waiting = Promise.withResolvers<Buffer>();
    const sealing = sealInto(source(), createSealer(IDENTITY), async () => await waiting.promise);
    const first = sealing.next();
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(given).toBe(0); // the first chunk was given, the second never asked for
    waiting.resolve(Buffer.alloc(F));
    expect((await first).done).toBe(false);
    await sealing.return();
  });

  test('gives back the buffer that it has when the source fails, and passes the error on', async () => {
    const { state, take, giveBack } = pool(5 * F);
    async function* source() {
      yield await Promise.resolve(Buffer.alloc(2 * F));
      throw new Error('the source is away');
    }
    const sealer = createSealer(IDENTITY);
    await expect(sealInto(source(), sealer, take, giveBack).next()).rejects.toThrow('the source is away');
    expect(state).toEqual({ out: 0, taken: 1 });
    expect(() => sealer.push(Buffer.alloc(1))).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  test('keeps no buffer when its consumer leaves early: what was yielded is the consumer’s', async () => {
    const { state, take, giveBack } = pool(1000);
    const sealing = sealInto(streamOf([Buffer.alloc(3 * F)]), createSealer(IDENTITY), take, giveBack);
    await sealing.next();
    await sealing.return();
    expect(state.out).toBe(1);
  });

  test('refuses a source that is shorter or longer than declared', async () => {
    for (const declaredBytes of [99, 101]) {
      const sealing = sealedParts([Buffer.alloc(100)], 5000, { declaredBytes });
      await expect(sealing).rejects.toMatchObject({ code: 'LENGTH_DIFFERS' });
    }
  });

  test('lets others run while a source never waits', async () => {
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await sealedParts(inChunks(Buffer.alloc(16 * 1024 * 1024), F), 1_000_000);
    done = true;
    expect(turns).toBeGreaterThan(8);
  });
});

describe('opening a stream', () => {
  test('returns the facts only when the object is whole', async () => {
    const { parts } = await sealedParts([counting(0, 1000)], 5000);
    const sealed = joined(parts);
    const facts = await openWhole(streamOf([sealed]), IDENTITY);
    expect(facts).toMatchObject({ plainBytes: 1000, sealedBytes: sealed.length });
    const cut = openWhole(streamOf([sealed.subarray(0, -1)]), IDENTITY);
    await expect(cut).rejects.toMatchObject({ code: 'NOT_AUTHENTIC' });
  });

  test('lets others run while a source never waits, opening one big chunk too', async () => {
    const { parts } = await sealedParts([Buffer.alloc(16 * 1024 * 1024)], 17 * 1024 * 1024);
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await openWhole(streamOf([joined(parts)]), IDENTITY);
    done = true;
    expect(turns).toBeGreaterThan(8);
  });

  test('closes its source when its consumer leaves early', async () => {
    const { parts } = await sealedParts([counting(0, 3 * F)], 10 * F);
    let closed = false;
    async function* source() {
      try {
        yield await Promise.resolve(joined(parts));
      } finally {
        closed = true;
      }
    }
    for await (const plain of openAll(source(), IDENTITY)) {
      expect(plain.length).toBeGreaterThan(0);
      break;
    }
    expect(closed).toBe(true);
  });

  test('passes on what its source throws', async () => {
    // oxlint-disable-next-line require-yield -- it fails before its first byte
    async function* source(): AsyncGenerator<Uint8Array> {
      await Promise.reject(new Error('the store is away'));
    }
    await expect(openWhole(source(), IDENTITY)).rejects.toThrow('the store is away');
  });
});
