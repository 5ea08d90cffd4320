import { expect, test } from 'vitest';
import { paceOf } from '../../../src/work/replay/pace.ts';

const NONE = { perSecond: undefined, bytesPerSecond: undefined, canary: 0, stopAt: 1 };

test('without a limit fifty go together and nobody rests', () => {
  const pace = paceOf(NONE);
  expect(pace.fits(Array.from({ length: 80 }, () => 100))).toBe(50);
  expect(pace.restMs(50, 5_000)).toBe(0);
});

test('a second of records goes together, and is rested for', () => {
  const pace = paceOf({ ...NONE, perSecond: 10 });
  expect(pace.fits(Array.from({ length: 80 }, () => 1))).toBe(10);
  expect(pace.restMs(10, 10)).toBe(1_000);
});

test('a rate below one a second takes one, and rests the longer', () => {
  const pace = paceOf({ ...NONE, perSecond: 0.5 });
  expect(pace.fits([1, 1])).toBe(1);
  expect(pace.restMs(1, 1)).toBe(2_000);
});

test('bytes end a batch, but one record always goes; the slower limit counts', () => {
  const pace = paceOf({ ...NONE, perSecond: 100, bytesPerSecond: 1_000 });
  expect(pace.fits([600, 300, 300])).toBe(2);
  expect(pace.fits([5_000, 1])).toBe(1);
  expect(pace.restMs(1, 5_000)).toBe(5_000);
});
