import { describe, expect, test } from 'vitest';
import { createSettler, type Life, type SettlerIo } from '../../../src/adapters/inbox/kafka-settler.ts';
import { createTracker, type Snapshot } from '../../../src/adapters/inbox/kafka-tracker.ts';

const record = (bytes = 1) => ({
  topic: 'out',
  partition: 0,
  key: 'k',
  headers: {},
  value: Buffer.alloc(bytes),
});

/** A partition of ten fetched records; each life commits as `commit` says. */
function settling(commit: (life: number) => Promise<void>, more: Partial<SettlerIo> = {}) {
  let lives = 0;
  let committed: Snapshot = { floor: 0, done: [] };
  const sizes: number[] = [];
  const io: SettlerIo = {
    open: async (): Promise<Life> => {
      const life = ++lives;
      return {
        committed,
        commit: async (records, mark) => {
          sizes.push(records.length);
          await commit(life);
          committed = mark;
        },
        close: async () => undefined,
      };
    },
    stillOurs: async () => true,
    rest: async () => undefined,
    fenced: () => true,
    leaving: () => false,
    ...more,
  };
  const settler = createSettler(
    io,
    (start) => {
      const tracker = createTracker(start);
      for (let offset = 0; offset < 10; offset++) tracker.add(offset, 1);
      return tracker;
    },
    () => undefined,
  );
  return { settler, sizes, lives: () => lives, committed: () => committed };
}

describe('the settler', () => {
  test('after any error never commits with the same life again', async () => {
    const used: number[] = [];
    const { settler, lives } = settling(async (life) => {
      used.push(life);
      if (life < 3) throw new Error('refused');
    });
    await settler.start();
    expect(await settler.settle(0, [record()])).toBe(true);
    expect(used).toEqual([1, 2, 3]);
    expect(lives()).toBe(3);
  });

  test('after a refusal asks the group first: it begins no life while nobody says that the partition is ours', async () => {
    const asked = Promise.withResolvers<boolean>();
    const { settler, lives } = settling(
      async () => {
        throw new Error('fenced');
      },
      { stillOurs: async () => await asked.promise },
    );
    await settler.start();
    const settled = settler.settle(0, [record()]);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(lives()).toBe(1);
    asked.resolve(false);
    expect(await settled).toBe(false);
    expect(lives()).toBe(1);
  });

  test('those that are ready together share a transaction, up to 4 MiB; the rest follows', async () => {
    const { settler, sizes } = settling(async () => undefined);
    const MiB = 1024 * 1024;
    await settler.start();
    const all = [0, 1, 2, 3, 4, 5].map(async (offset) => await settler.settle(offset, [record(MiB)]));
    expect(await Promise.all(all)).toEqual(all.map(() => true));
    expect(sizes[0]).toBe(1);
    expect(Math.max(...sizes)).toBe(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(6);
  });

  test('takes for done what the cluster says, though the commit was never acknowledged', async () => {
    const lives: Snapshot[] = [
      { floor: 0, done: [] },
      { floor: 1, done: [] },
    ];
    let commits = 0;
    const { settler } = settling(async () => undefined, {
      open: async () => ({
        committed: lives.shift() ?? { floor: 1, done: [] },
        commit: async () => {
          commits++;
          throw new Error('the reply was lost');
        },
        close: async () => undefined,
      }),
    });
    await settler.start();
    expect(await settler.settle(0, [record()])).toBe(true);
    expect(commits).toBe(1);
  });

  test('of a lost partition settles nothing', async () => {
    const { settler, sizes } = settling(async () => undefined);
    await settler.start();
    settler.end();
    expect(await settler.settle(0, [record()])).toBe(false);
    expect(sizes).toEqual([]);
  });
});
