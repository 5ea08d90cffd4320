import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shareOut } from '../../../src/adapters/inbox/kafka-sharing.ts';

const SEED = 20261124;
const partitions = fc.uniqueArray(
  fc.nat({ max: 60 }).map((n) => `${'tuv'[n % 3]}/${n}`),
  { maxLength: 40 },
);
const members = fc
  .array(fc.array(fc.nat({ max: 70 }).map((n) => `${'tuv'[n % 3]}/${n}`)), { minLength: 1, maxLength: 6 })
  .map((owned) => owned.map((names, i) => ({ member: `m${i}`, owned: [...new Set(names)] })));

describe('sharing partitions out', () => {
  test('gives every partition to one member, and of each topic numbers that differ by one at most', () => {
    fc.assert(
      fc.property(partitions, members, (names, group) => {
        const shares = [...shareOut(names, group).values()];
        expect(shares.flat().toSorted()).toEqual(names.toSorted());
        for (const topic of 'tuv') {
          const sizes = shares.map((mine) => mine.filter((name) => name.startsWith(topic)).length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        }
      }),
      { seed: SEED },
    );
  });

  test('moves nothing when nothing has changed', () => {
    fc.assert(
      fc.property(partitions, members, (names, group) => {
        const first = shareOut(names, group);
        const again = shareOut(
          names,
          [...first].map(([member, owned]) => ({ member, owned })),
        );
        for (const [member, mine] of first) expect(again.get(member)?.toSorted()).toEqual(mine.toSorted());
      }),
      { seed: SEED },
    );
  });

  test('evens out over topics too: who has fewer of the others gets what is left of one', () => {
    const names = ['t/0', 'u/0', 'v/0', 'w/0'];
    const shares = shareOut(names, [
      { member: 'a', owned: [] },
      { member: 'b', owned: [] },
    ]);
    expect([...shares.values()].map(({ length }) => length)).toEqual([2, 2]);
  });

  test('a member that comes takes its share, and nothing else moves', () => {
    const names = ['t/0', 't/1', 't/2', 't/3', 't/4', 't/5'];
    const shares = shareOut(names, [
      { member: 'a', owned: ['t/0', 't/1', 't/2'] },
      { member: 'b', owned: ['t/3', 't/4', 't/5'] },
      { member: 'c', owned: [] },
    ]);
    expect(['t/0', 't/1', 't/2']).toEqual(expect.arrayContaining(shares.get('a')!));
    expect(['t/3', 't/4', 't/5']).toEqual(expect.arrayContaining(shares.get('b')!));
    expect(shares.get('c')).toHaveLength(2);
  });
});
