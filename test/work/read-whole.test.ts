import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { readWhole } from '../../src/work/read-whole.ts';
import { SIGNAL } from './seen.ts';

/** An object of these chunks. */
function holding(...chunks: string[]) {
  return {
    read: async function* (_name: string, range: { from: number; to: number }) {
      expect(range.from).toBe(0);
      for (const chunk of chunks) yield Buffer.from(chunk);
    },
  };
}

test('all chunks are one, in order', async () => {
  expect(String(await readWhole(holding('ab', 'c'), 'n', 3, SIGNAL))).toBe('abc');
  expect(await readWhole(holding(), 'n', 0, SIGNAL)).toHaveLength(0);
});

test('an object that was cut is missing', async () => {
  await expect(readWhole(holding('ab'), 'n', 3, SIGNAL)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
});

test('what the store says is passed on', async () => {
  const objects = {
    read: async function* (): AsyncGenerator<Buffer, void, void> {
      yield Buffer.from('a');
      throw new CallsealError('STORE_DOWN', 'made by the test');
    },
  };
  await expect(readWhole(objects, 'n', 3, SIGNAL)).rejects.toMatchObject({ code: 'STORE_DOWN' });
});
