import { expect, test } from 'vitest';
import { closeAll } from '../../src/ops/closing.ts';

const PATIENCE_MS = 10_000;

function closable(name: string, closed: string[], close: () => Promise<void> = async () => undefined) {
  return {
    name,
    close: async () => {
      closed.push(name);
      await close();
    },
  };
}

test('what was opened last is closed first', async () => {
  const closed: string[] = [];
  await closeAll([closable('registry', closed), closable('inbox', closed)], PATIENCE_MS);
  expect(closed).toEqual(['inbox', 'registry']);
});

test('a failure stops nothing, and every one is reported with its cause', async () => {
  const closed: string[] = [];
  const fail = (text: string) => () => Promise.reject(new Error(text));
  const parts = [
    closable('a', closed, fail('one')),
    closable('b', closed),
    closable('c', closed, fail('two')),
  ];
  const error = await closeAll(parts, PATIENCE_MS).catch((caught: unknown) => caught);
  expect(closed).toEqual(['c', 'b', 'a']);
  expect(error).toBeInstanceOf(AggregateError);
  const failures = (error as AggregateError).errors as Error[];
  expect(failures.map(({ message, cause }) => [message, (cause as Error).message])).toEqual([
    ['closing c', 'two'],
    ['closing a', 'one'],
  ]);
});

test('what hangs is left behind; the rest is asked to close all the same', async () => {
  const closed: string[] = [];
  const parts = [closable('a', closed), closable('b', closed, () => Promise.withResolvers<void>().promise)];
  await expect(closeAll(parts, 1)).rejects.toMatchObject({
    errors: [{ message: 'closing b' }],
  });
  expect(closed).toEqual(['b', 'a']);
});

test('a close that throws at once is a failure like any other', async () => {
  const parts = [
    {
      name: 'a',
      close: () => {
        throw new Error('at once');
      },
    },
  ];
  await expect(closeAll(parts, PATIENCE_MS)).rejects.toBeInstanceOf(AggregateError);
});
