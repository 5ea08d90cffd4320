import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { partPool } from '../../src/work/part-pool.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const never = new AbortController().signal;

test('a buffer has the smallest size class that holds what is asked for', async () => {
  const pool = partPool(64 * MiB);
  const sizes = [1, 64 * KiB, 64 * KiB + 1, MiB, MiB + 1, 8 * MiB];
  const buffers = await Promise.all(sizes.map(async (size) => await pool.take(size, never)));
  expect(buffers.map(({ length }) => length)).toEqual([64 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB, 8 * MiB]);
});

test('a buffer that came back is given out again', async () => {
  const pool = partPool(MiB);
  const first = await pool.take(MiB, never);
  pool.giveBack(first);
  expect(await pool.take(MiB, never)).toBe(first);
});

test('beyond the budget one waits until a buffer comes back, in order of asking', async () => {
  const pool = partPool(2 * MiB);
  const [a, b] = [await pool.take(MiB, never), await pool.take(MiB, never)];
  const order: string[] = [];
  const third = pool.take(MiB, never).then((buffer) => (order.push('third'), buffer));
  const fourth = pool.take(64 * KiB, never).then((buffer) => (order.push('fourth'), buffer));
  await new Promise(setImmediate);
  expect(order).toEqual([]);
  pool.giveBack(a);
  await third;
  pool.giveBack(b);
  await fourth;
  expect(order).toEqual(['third', 'fourth']);
});

test('a budget below one buffer lets one through at a time', async () => {
  const pool = partPool(1);
  const one = await pool.take(MiB, never);
  const two = pool.take(MiB, never);
  pool.giveBack(one);
  expect((await two).length).toBe(MiB);
});

test('who is aborted while waiting leaves the queue to the others', async () => {
  const pool = partPool(MiB);
  const one = await pool.take(MiB, never);
  const stop = new AbortController();
  const aborted = pool.take(MiB, stop.signal);
  const next = pool.take(MiB, never);
  stop.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  pool.giveBack(one);
  expect(await next).toBe(one);
});

test('whatever is asked for in whatever order, all out and free together stay within the budget', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(1, 200 * KiB, MiB, 3 * MiB, 8 * MiB), fc.boolean()), {
        maxLength: 60,
      }),
      async (steps) => {
        const budget = 16 * MiB;
        const pool = partPool(budget);
        const out: Buffer[] = [];
        const wanting: Promise<void>[] = [];
        for (const [size, giveBack] of steps) {
          wanting.push(pool.take(size, never).then((buffer) => void out.push(buffer)));
          await Promise.resolve();
          expect(pool.bytesOut).toBeLessThanOrEqual(budget);
          const oldest = giveBack ? out.shift() : undefined;
          if (oldest) pool.giveBack(oldest);
        }
        const all = Promise.all(wanting);
        for (let done = false; !done; ) {
          for (const buffer of out.splice(0)) pool.giveBack(buffer);
          done = await Promise.race([
            all.then(() => true),
            new Promise<boolean>((r) => setImmediate(() => r(false))),
          ]);
        }
        for (const buffer of out.splice(0)) pool.giveBack(buffer);
        expect(pool.bytesOut).toBe(0);
      },
    ),
    { seed: 4, numRuns: 100 },
  );
});
