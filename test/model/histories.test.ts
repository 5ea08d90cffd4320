import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHistory } from './history.ts';
import { openStage } from './world.ts';

/** `CALLSEAL_SEED=<n>` runs that one again; `CALLSEAL_LONG=1` runs many more. */
const ONLY = process.env['CALLSEAL_SEED'];
const LONG = process.env['CALLSEAL_LONG'] === '1';
const HISTORIES = LONG ? 100_000 : 3_000;
const ON_DISK = LONG ? 1_000 : 40;

const FIRST = ONLY === undefined ? 1 : Number(ONLY);

const EVERYTHING = [
  'sealed',
  'sealed-with-warnings',
  'parked REVISION_REUSED',
  'parked SOURCE_LENGTH_DIFFERS',
  'refused CONSENT_DENIED',
  'refused CALL_SHREDDED',
  'superseded REVISION_LOWER',
  'duplicate',
  'won',
  'lost, swept',
  'abandoned, swept',
  'unknown',
  'carried over',
];

test('no history of crashes, lost replies, zombies, shreds and restores breaks a promise', {
  timeout: LONG ? 7_200_000 : 600_000,
}, async () => {
  const stage = await openStage();
  const met = new Set<string>();
  const last = ONLY === undefined ? FIRST + HISTORIES : FIRST + 1;
  for (let seed = FIRST; seed < last; seed++) {
    for (const one of await runHistory(stage, seed)) met.add(one);
  }
  await stage.database.close();
  // A single history meets what it meets.
  const wanted = ONLY === undefined ? EVERYTHING : [];
  expect([...met]).toEqual(expect.arrayContaining(wanted));
});

test('nor on a database file', { timeout: 600_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-model-'));
  try {
    const stage = await openStage(join(folder, 'registry.db'));
    for (let seed = FIRST; seed < FIRST + (ONLY === undefined ? ON_DISK : 1); seed++) {
      expect(await runHistory(stage, seed)).not.toEqual([]);
    }
    await stage.database.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
