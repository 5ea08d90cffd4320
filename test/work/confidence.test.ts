import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { confidenceSentence, damagedAtMost } from '../../src/work/confidence.ts';

describe('what a sample says of all calls', () => {
  test.each([
    // The share at which so few or fewer turn up in one of twenty samples.
    [20, 0, 0.13911],
    [59, 0, 0.04951],
    [300, 0, 0.009936],
    [20, 1, 0.21611],
    [100, 5, 0.10225],
    [10, 9, 0.99488],
  ])('%i checked, %i damaged: the exact bound is %f', (checked, damaged, bound) => {
    expect(damagedAtMost(checked, damaged)).toBeCloseTo(bound, 4);
  });

  test('of nothing, or where all are damaged, is nothing', () => {
    expect(damagedAtMost(0, 0)).toBe(1);
    expect(damagedAtMost(5, 5)).toBe(1);
    expect(confidenceSentence(0, 0)).toBeUndefined();
  });

  test('is never better than what was seen, and gets worse with each damaged one', () => {
    const sample = fc.integer({ min: 2, max: 2_000 }).chain((n) => fc.tuple(fc.constant(n), fc.nat(n - 1)));
    fc.assert(
      fc.property(sample, ([checked, damaged]) => {
        expect(damagedAtMost(checked, damaged)).toBeGreaterThan(damaged / checked);
        expect(damagedAtMost(checked, damaged + 1)).toBeGreaterThan(damagedAtMost(checked, damaged));
      }),
      { seed: 20261124, numRuns: 200 },
    );
  });

  test('is said in words, rounded up', () => {
    expect(confidenceSentence(20, 0)).toBe(
      'none of 20 calls is damaged: with 95 % confidence at most 13.92 % of all calls are',
    );
    expect(confidenceSentence(20, 1)).toBe(
      '1 of 20 calls is damaged: with 95 % confidence at most 21.62 % of all calls are',
    );
  });
});
