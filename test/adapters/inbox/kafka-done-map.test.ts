import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDoneMap, encodeDoneMap, MOST_OFFSETS } from '../../../src/adapters/inbox/kafka-done-map.ts';

const SEED = 20261124;
const floor = { topic: 'callseal.calls.completed', partition: 3, offset: 4711 };
const doneAbove = fc
  .uniqueArray(fc.integer({ min: 1, max: MOST_OFFSETS - 1 }), { maxLength: 400 })
  .map((gaps) => gaps.map((gap) => floor.offset + gap).toSorted((a, b) => a - b));

describe('the done-map', () => {
  test('comes back as it was written, whatever is done', () => {
    fc.assert(
      fc.property(doneAbove, (done) => {
        expect(decodeDoneMap(floor, encodeDoneMap(floor, done))).toEqual(done);
      }),
      { seed: SEED },
    );
  });

  test('of long runs is short', () => {
    const done = Array.from({ length: 10_000 }, (_, i) => floor.offset + 1 + i);
    const text = encodeDoneMap(floor, done);
    expect(text.length).toBeLessThan(30);
    expect(decodeDoneMap(floor, text)).toEqual(done);
  });

  test('of the widest window fits into the metadata of an offset, at its worst', () => {
    const everySecond = Array.from({ length: MOST_OFFSETS / 2 }, (_, i) => floor.offset + 1 + 2 * i);
    expect(encodeDoneMap(floor, everySecond).length).toBeLessThanOrEqual(4096);
  });

  test('of nothing is empty, and so is what nobody ever wrote', () => {
    expect(encodeDoneMap(floor, [])).toBe('');
    expect(decodeDoneMap(floor, '')).toEqual([]);
  });

  test('is refused when any of its characters is another one', () => {
    const text = encodeDoneMap(floor, [4712, 4713, 4800]);
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.constantFrom('0', 'A', '-', '.'), (at, other) => {
        fc.pre(text[at] !== other);
        const damaged = text.slice(0, at) + other + text.slice(at + 1);
        expect(() => decodeDoneMap(floor, damaged)).toThrow(/done-map/);
      }),
      { seed: SEED },
    );
  });

  test.each([
    ['of another offset', { ...floor, offset: 4712 }],
    ['of another partition', { ...floor, partition: 4 }],
    ['of another topic', { ...floor, topic: 'callseal.calls.retry' }],
  ])('%s is refused', (_, elsewhere) => {
    const text = encodeDoneMap(floor, [4720]);
    expect(() => decodeDoneMap(elsewhere, text)).toThrow(/cannot be read/);
  });

  test('of a version that is not known is refused, and never taken for empty', () => {
    expect(() => decodeDoneMap(floor, '2.b.AQ.00000000')).toThrow(/cannot be read/);
    expect(() => decodeDoneMap(floor, 'somebody else’s metadata')).toThrow(/cannot be read/);
  });
});
