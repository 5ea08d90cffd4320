import { describe, expect, test } from 'vitest';
import { IndexBuilder, readEntries } from '../../src/media/index-entries.ts';

function built(count: number, samplesApart: number): IndexBuilder {
  const builder = new IndexBuilder(48_000);
  for (let at = 0; at < count; at += 1) builder.add(at * samplesApart - 312, 1000 + at * 100);
  return builder;
}

describe('index entries', () => {
  test('come back as they were given', () => {
    expect(readEntries(built(3, 48_000).entries())).toEqual([
      { sample: -312, offset: 1000 },
      { sample: 47_688, offset: 1100 },
      { sample: 95_688, offset: 1200 },
    ]);
  });

  test('are about a second apart, however close the places are', () => {
    const entries = readEntries(built(500, 960).entries());
    expect(entries.map(({ sample }) => Math.floor(sample / 48_000))).toEqual([
      -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });

  test('of two hours take less than 100 KB', () => {
    expect(JSON.stringify(built(7200, 48_000).entries()).length).toBeLessThan(100_000);
  });

  test('of a week take less than 100 KB too, only further apart', () => {
    const entries = built(7 * 86_400, 48_000).entries();
    expect(JSON.stringify(entries).length).toBeLessThan(100_000);
    const steps = readEntries(entries).map(({ sample }, at, all) => sample - (all[at - 1]?.sample ?? sample));
    expect(Math.max(...steps)).toBeLessThanOrEqual(2 ** 7 * 48_000);
  });
});
