import { expect, test } from 'vitest';
import { sourcesByAlias } from '../../../src/adapters/sources/by-alias.ts';
import type { SourceRef, Sources } from '../../../src/ports/sources.ts';

const never = new AbortController().signal;
const REF: SourceRef = { tenant: 't-42', call: 'c-1', revision: 1, alias: 'edge', key: 'c-1.wav' };

function named(version: string, closed: string[] = [], end?: Error): Sources {
  return {
    open: async () => ({ bytes: 0, version, body: (async function* () {})() }),
    stat: async () => ({ bytes: 0, version }),
    stored: async () => [version],
    remove: async () => [version],
    close: async () => {
      closed.push(version);
      if (end) throw end;
    },
  };
}

test('the adapter of (tenant, alias) is asked, and no other', async () => {
  const adapters: Readonly<Record<string, Sources>> = {
    't-42/edge': named('one'),
    't-43/edge': named('two'),
  };
  const sources = sourcesByAlias({ of: (tenant, alias) => adapters[`${tenant}/${alias}`], all: [] });
  expect((await sources.stat(REF, never)).version).toBe('one');
  expect((await sources.open({ ...REF, tenant: 't-43' }, never)).version).toBe('two');
  expect(await sources.stored(REF, never)).toEqual(['one']);
  expect(await sources.remove({ ...REF, tenant: 't-43' }, 'v', never)).toEqual(['two']);
});

test('an alias that the tenant does not have is refused', async () => {
  const sources = sourcesByAlias({ of: () => undefined, all: [named('one')] });
  const refused = { code: 'ALIAS_NOT_OF_TENANT' };
  await expect(sources.open(REF, never)).rejects.toMatchObject(refused);
  await expect(sources.stat(REF, never)).rejects.toMatchObject(refused);
  await expect(sources.stored(REF, never)).rejects.toMatchObject(refused);
  await expect(sources.remove(REF, 'v', never)).rejects.toMatchObject(refused);
});

test('closing closes every adapter and loses no failure', async () => {
  const closed: string[] = [];
  const wrong = [new Error('one'), new Error('three')];
  const all = [named('one', closed, wrong[0]), named('two', closed), named('three', closed, wrong[1])];
  await expect(sourcesByAlias({ of: () => undefined, all }).close()).rejects.toMatchObject({ errors: wrong });
  expect(closed).toEqual(['one', 'two', 'three']);
});
