import { expect, test } from 'vitest';
import { groupCommit } from '../../../src/adapters/inbox/group-commit.ts';

test('items that are ready together are written together, and each gets its own result', async () => {
  const batches: number[][] = [];
  const write = groupCommit<number, string>(
    async (batch) => {
      batches.push([...batch]);
      return batch.map(String);
    },
    { items: 3 },
  );
  expect(await Promise.all([1, 2, 3, 4].map(write))).toEqual(['1', '2', '3', '4']);
  expect(batches).toEqual([[1, 2, 3], [4]]);
});

test('what comes while a batch is written goes into the next one, never beside it', async () => {
  let writing = 0;
  const batches: number[][] = [];
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const write = groupCommit<number, number>(
    async (batch) => {
      expect(++writing).toBe(1);
      batches.push([...batch]);
      started.resolve();
      await gate.promise;
      writing--;
      return batch;
    },
    { items: 10 },
  );
  const first = write(1);
  await started.promise;
  const later = [write(2), write(3)];
  gate.resolve();
  await Promise.all([first, ...later]);
  expect(batches).toEqual([[1], [2, 3]]);
});

test('a batch that fails rejects its items, and the next one is written all the same', async () => {
  let tries = 0;
  const write = groupCommit<number, number>(
    async (batch) => {
      if (++tries === 1) throw new Error('disk full');
      return batch;
    },
    { items: 2 },
  );
  const results = await Promise.allSettled([1, 2, 3].map(write));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});
