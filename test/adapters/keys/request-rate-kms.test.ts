import { expect, test } from 'vitest';
import { requestRate } from '../../../src/adapters/keys/request-rate.ts';

test('a second’s worth of requests goes at once, further ones at the rate', () => {
  const rate = requestRate(4);
  const delays = Array.from({ length: 7 }, () => rate.reserve(1000));
  expect(delays).toEqual([0, 0, 0, 0, 250, 500, 750]);
});

test('a rest gives back no more than a second’s worth', () => {
  const rate = requestRate(4);
  for (let i = 0; i < 4; i++) rate.reserve(0);
  const delays = Array.from({ length: 5 }, () => rate.reserve(60_000));
  expect(delays).toEqual([0, 0, 0, 0, 250]);
});

test('over any ten seconds no more than the rate goes, and a second’s worth', () => {
  const rate = requestRate(10);
  let sent = 0;
  for (let now = 0; now < 10_000; now += 7) if (now + rate.reserve(now) <= 10_000) sent++;
  expect(sent).toBeLessThanOrEqual(110);
  expect(sent).toBeGreaterThanOrEqual(100);
});

test('an aborted signal takes no place', async () => {
  const rate = requestRate(1);
  await expect(rate.take(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  expect(rate.reserve(performance.now())).toBe(0);
});
