import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTracker } from '../../../src/adapters/inbox/kafka-tracker.ts';

const SEED = 20261124;

describe('the tracker', () => {
  test('commits what a list of offsets and a set of done ones say, in any order of settling', () => {
    const input = fc.record({
      kinds: fc.array(fc.constantFrom('record', 'marker'), { minLength: 1, maxLength: 40 }),
      order: fc.array(fc.nat(), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(input, ({ kinds, order }) => {
        const tracker = createTracker({ floor: 0, done: [] });
        const open = new Set<number>();
        kinds.forEach((kind, offset) => {
          if (kind === 'record' && tracker.add(offset, 1)) open.add(offset);
          else tracker.advance(offset + 1);
        });
        for (const pick of order) {
          const offset = [...open][pick % Math.max(1, open.size)];
          if (offset === undefined) break;
          const before = tracker.snapshotWith([offset]);
          open.delete(offset);
          const floor = Math.min(kinds.length, ...open);
          expect(before.floor).toBe(floor);
          const records = kinds.flatMap((kind, at) => (kind === 'record' ? at : []));
          expect(before.done).toEqual(records.filter((at) => at > floor && !open.has(at)));
          tracker.settle([offset]);
          expect(tracker.span).toBe(kinds.length - floor);
          expect(tracker.bytes).toBe(open.size);
        }
      }),
      { seed: SEED },
    );
  });

  test('hands a record out once, however often it is fetched', () => {
    const tracker = createTracker({ floor: 5, done: [] });
    expect([5, 6, 5, 6, 7].map((offset) => tracker.add(offset, 1))).toEqual([true, true, false, false, true]);
  });

  test('does not hand out what lies below the floor or is done above it', () => {
    const tracker = createTracker({ floor: 5, done: [6, 7] });
    expect([3, 4, 5, 6, 7, 8].map((offset) => tracker.add(offset, 1))).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
    expect(tracker.snapshotWith([5])).toEqual({ floor: 8, done: [] });
  });

  test('keeps what is done beyond what was fetched in every commit', () => {
    const tracker = createTracker({ floor: 5, done: [9] });
    tracker.add(5, 1);
    expect(tracker.snapshotWith([])).toEqual({ floor: 5, done: [9] });
    expect(tracker.snapshotWith([5])).toEqual({ floor: 6, done: [9] });
  });

  test('adopts what another owner committed meanwhile: those records are not open any more', () => {
    const tracker = createTracker({ floor: 0, done: [] });
    for (let offset = 0; offset < 6; offset++) tracker.add(offset, 1);
    const isDone = tracker.adopt({ floor: 2, done: [4] });
    expect([0, 1, 2, 3, 4, 5].map(isDone)).toEqual([true, true, false, false, true, false]);
    expect([0, 1, 2, 3, 4, 5].map((offset) => tracker.isOpen(offset))).toEqual([
      false,
      false,
      true,
      true,
      false,
      true,
    ]);
    expect(tracker.snapshotWith([2, 3])).toEqual({ floor: 5, done: [] });
  });

  test('says of a committed record that it is done also where only markers lie between it and the floor', () => {
    const tracker = createTracker({ floor: 0, done: [] });
    tracker.advance(1);
    tracker.add(1, 1);
    // Another owner had not fetched the marker at 0 yet when it committed 1.
    expect(tracker.adopt({ floor: 0, done: [1] })(1)).toBe(true);
  });
});
