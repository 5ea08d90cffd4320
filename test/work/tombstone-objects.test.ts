import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeOf } from '../../src/domain/errors.ts';
import type { Tombstone } from '../../src/ports/registry.ts';
import { SWEEP_TIMES, sweep } from '../../src/work/sweep.ts';
import {
  isTombstoneName,
  readTombstones,
  tombstoneName,
  writeTombstones,
} from '../../src/work/tombstone-objects.ts';
import { SIGNAL } from './seen.ts';
import { openWorld, type World } from './world.ts';

const CALL: Tombstone = { tenant: 't-1', call: 'c-1', at: '2026-11-24T10:00:00.000Z' };
const CLASS: Tombstone = {
  tenant: 't-1',
  call: 'c-1',
  keyClass: 'voiceprint',
  at: '2026-11-24T11:00:00.000Z',
};
const TENANT: Tombstone = { tenant: 't-2', at: '1999-12-31T23:59:59.999Z' };

const all = async ({ objects }: World): Promise<Tombstone[]> =>
  await Array.fromAsync(readTombstones(objects, SIGNAL));

test('what is written is read, the newest first, and writing it again changes nothing', async () => {
  const world = await openWorld();
  await writeTombstones(world.objects, [CALL, CLASS, TENANT], SIGNAL);
  await writeTombstones(world.objects, [TENANT, CLASS], SIGNAL);
  expect(await all(world)).toEqual([CLASS, CALL, TENANT]);
});

test("a tombstone's name is below no tenant's, and says nothing of the call", () => {
  const name = tombstoneName(CALL);
  expect(isTombstoneName(name)).toBe(true);
  expect(name).toMatch(/^~tombstones\/\d{16}-[0-9a-f]{64}$/);
});

test('a tombstone that was changed is refused, not skipped', async () => {
  const world = await openWorld();
  await writeTombstones(world.objects, [CALL], SIGNAL);
  writeFileSync(join(world.data, 'objects', tombstoneName(CALL)), JSON.stringify({ ...CALL, call: 'c-2' }));
  expect(await all(world).catch(codeOf)).toBe('DIGEST_DIFFERS');
});

test('the sweep knows tombstones: they are neither deleted nor reported', async () => {
  const world = await openWorld();
  await writeTombstones(world.objects, [CALL], SIGNAL);
  expect(await sweep({ ...world, times: SWEEP_TIMES }, false, SIGNAL)).toMatchObject({
    unknown: [],
    deleted: [],
  });
  expect(await all(world)).toEqual([CALL]);
});
