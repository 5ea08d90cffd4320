import { expect, test } from 'vitest';
import { runHistory } from './history.ts';
import type { Without } from './worker.ts';

const FIRST_SEED = 20_261_124;
const HISTORIES = 2000;
const STEPS = 250;

test(`${HISTORIES} drawn histories: every record is answered once, in order per key, and nothing is lost`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
    expect(await runHistory({ seed, steps: STEPS }), `seed ${seed}`).toEqual([]);
  }
}, 120_000);

test.each<[Without, RegExp]>([
  ['init before the offset is read', /twice/],
  ['one id per partition', /twice|no output/],
  ['a new life after an error', /twice|no output|nothing moves/],
])(
  'without "%s" something goes wrong',
  async (without, what) => {
    const found = async (): Promise<readonly string[]> => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
        const violations = await runHistory({ seed, steps: STEPS, without });
        if (violations.length > 0) return violations;
      }
      return [];
    };
    expect((await found()).join('; ')).toMatch(what);
  },
  120_000,
);
