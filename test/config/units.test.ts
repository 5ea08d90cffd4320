import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteSize, bytesText, durationText, parseBytes, parseDuration } from '../../src/config/units.ts';

test('a size that is printed reads as the same size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 - 1 }), (bytes) => {
      expect(parseBytes(bytesText(bytes))).toBe(bytes);
    }),
    { seed: 1 },
  );
});

test('a duration that is printed reads as the same duration', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 9 - 1 }), (ms) => {
      expect(parseDuration(durationText(ms))).toBe(ms);
    }),
    { seed: 1 },
  );
});

test('a size is printed in the largest unit that keeps it whole', () => {
  expect([bytesText(2 ** 28), bytesText(2 ** 30), bytesText(1025), bytesText(0)]).toEqual([
    '256MiB',
    '1GiB',
    '1025B',
    '0B',
  ]);
});

for (const text of ['256', '256 MiB', '256mib', '256MB', '0.5GiB', '-1B', '1e3B', '', '9999999999999999B']) {
  test(`${JSON.stringify(text)} is no size`, () => {
    expect(parseBytes(text)).toBeUndefined();
  });
}

for (const text of ['10', '10 m', '10M', '1.5h', '1h30m', '-1s', '']) {
  test(`${JSON.stringify(text)} is no duration`, () => {
    expect(parseDuration(text)).toBeUndefined();
  });
}

test('a size outside its range is refused with the range, not moved into it', () => {
  const schema = byteSize({ min: 1024, max: 2048 });
  expect(schema.safeParse('1KiB').data).toBe(1024);
  expect(schema.safeParse('2KiB').data).toBe(2048);
  expect(schema.safeParse('3KiB').error?.issues[0]?.message).toBe('must be between 1KiB and 2KiB');
  expect(schema.safeParse('1023B').success).toBe(false);
});
