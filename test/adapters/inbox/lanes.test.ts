import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLanes, type LaneItem, type Lanes, tenantOf } from '../../../src/adapters/inbox/lanes.ts';

const SEED = 20261124;
const ROOMY = { calls: 100, bytes: 1_000_000 };
const item = (id: number, key: string | undefined, bytes = 1): LaneItem => ({ id, key, bytes });

function lanesOf(items: readonly LaneItem[], limits = ROOMY): Lanes<LaneItem> {
  const lanes = createLanes(limits);
  for (const each of items) lanes.add(each);
  return lanes;
}

function takeAll(lanes: Lanes<LaneItem>): LaneItem[] {
  const taken: LaneItem[] = [];
  for (let next = lanes.take(); next; next = lanes.take()) taken.push(next);
  return taken;
}

const idsOf = (items: readonly LaneItem[]): number[] => items.map(({ id }) => id);

describe('taking', () => {
  test('gives one record of a key at a time, the oldest first', () => {
    const lanes = lanesOf([item(1, 't/a'), item(2, 't/a'), item(3, 't/b')]);
    const [first, other] = takeAll(lanes);
    expect(idsOf([first!, other!])).toEqual([1, 3]);
    lanes.finish(first!);
    expect(idsOf(takeAll(lanes))).toEqual([2]);
  });

  test('passes over a record that is known, and takes it in again once it was finished', () => {
    const lanes = lanesOf([item(1, 't/a'), item(1, 't/a')]);
    lanes.finish(lanes.take()!);
    expect(lanes.take()).toBeUndefined();
    lanes.add(item(1, 't/a'));
    expect(lanes.take()).toEqual(item(1, 't/a'));
  });

  test('keeps no order between records without a key', () => {
    expect(idsOf(takeAll(lanesOf([item(1, undefined), item(2, undefined)])))).toEqual([1, 2]);
  });

  test('does not take the key of a keyless record for a key that looks like it', () => {
    expect(takeAll(lanesOf([item(1, undefined), item(2, '#1')]))).toHaveLength(2);
  });

  test('gives tenants their turn, and a tenant that comes late the next one', () => {
    const lanes = lanesOf([1, 2, 3, 4].map((id) => item(id, `big/${id}`)));
    const first = lanes.take()!;
    lanes.add(item(9, 'small/1'));
    lanes.finish(first);
    expect(idsOf(takeAll(lanes))).toEqual([2, 9, 3, 4]);
  });

  test('stops at the limit of records in hand', () => {
    const lanes = lanesOf(
      [1, 2, 3].map((id) => item(id, `t/${id}`)),
      { calls: 2, bytes: 100 },
    );
    const [first] = takeAll(lanes);
    expect(lanes.take()).toBeUndefined();
    lanes.finish(first!);
    expect(lanes.take()).toEqual(item(3, 't/3'));
  });

  test('lets no smaller body overtake one that does not fit yet', () => {
    const lanes = lanesOf([item(1, 't/1', 60), item(2, 't/2', 60), item(3, 't/3', 1)], {
      calls: 9,
      bytes: 100,
    });
    const [first, ...more] = takeAll(lanes);
    expect(more).toEqual([]);
    lanes.finish(first!);
    expect(idsOf(takeAll(lanes))).toEqual([2, 3]);
  });

  test('gives a body over the limit alone', () => {
    const lanes = lanesOf([item(1, 't/1', 500), item(2, 't/2', 1)], { calls: 9, bytes: 100 });
    expect(idsOf(takeAll(lanes))).toEqual([1]);
  });
});

describe('holding', () => {
  test('keeps the key back and frees the place in hand', () => {
    const lanes = lanesOf([item(1, 't/a'), item(2, 't/a'), item(3, 't/b')], { calls: 1, bytes: 100 });
    lanes.hold(lanes.take()!);
    expect(idsOf(takeAll(lanes))).toEqual([3]);
    expect(lanes.idle()).toBe(false);
  });

  test('a released record is the next of its tenant', () => {
    const lanes = lanesOf([item(1, 't/a'), item(2, 't/b'), item(3, 't/c')]);
    const held = lanes.take()!;
    lanes.hold(held);
    lanes.release(held);
    expect(idsOf(takeAll(lanes))).toEqual([1, 2, 3]);
  });

  test('counts every record behind a held or stopped one as blocked', () => {
    const lanes = lanesOf([item(1, 't/a'), item(2, 't/a'), item(3, 't/b')]);
    const [first, second] = takeAll(lanes);
    lanes.hold(first!);
    lanes.leave(second!);
    lanes.add(item(4, 't/a'));
    lanes.add(item(5, 't/b'));
    expect(lanes.countOf('t')).toEqual({ known: 5, blocked: 5 });
    lanes.release(first!);
    expect(lanes.countOf('t')).toEqual({ known: 5, blocked: 2 });
    expect(lanes.countOf('unknown')).toEqual({ known: 0, blocked: 0 });
  });
});

describe('leaving', () => {
  test('stops the key for good: what comes behind it is not taken either', () => {
    const lanes = lanesOf([item(1, 't/a')]);
    lanes.leave(lanes.take()!);
    lanes.add(item(2, 't/a'));
    expect(lanes.take()).toBeUndefined();
    expect(lanes.idle()).toBe(true);
  });
});

describe('misuse', () => {
  test('is an error: only what is in hand can be finished, held or left', () => {
    const lanes = lanesOf([item(1, 't/a'), item(2, 't/a')]);
    expect(() => lanes.finish(item(1, 't/a'))).toThrow('not in hand');
    const first = lanes.take()!;
    expect(() => lanes.finish(item(2, 't/a'))).toThrow('only the head');
    expect(() => lanes.release(first)).toThrow('not held');
    lanes.hold(first);
    expect(() => lanes.leave(first)).toThrow('not in hand');
  });
});

test('the tenant is the part of the key before the slash', () => {
  expect([tenantOf('t/c'), tenantOf('t'), tenantOf('t/c/d'), tenantOf(''), tenantOf(undefined)]).toEqual([
    't',
    't',
    't',
    '',
    '',
  ]);
});

/**
 * Against a plain model: at every step of any history the limits hold, no key is in hand twice, each key comes out
 * in order, nobody is passed over while there is room, and in the end everything has come out once.
 */
test('any history keeps order, limits and fairness', () => {
  const step = fc.record({
    act: fc.constantFrom('add', 'take', 'finish', 'hold', 'release'),
    tenant: fc.integer({ min: 0, max: 2 }),
    call: fc.integer({ min: 0, max: 3 }),
    bytes: fc.integer({ min: 0, max: 60 }),
    pick: fc.nat(),
  });
  const limits = fc.record({
    calls: fc.integer({ min: 1, max: 4 }),
    bytes: fc.integer({ min: 1, max: 100 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), limits, (steps, limit) => {
      const lanes = createLanes<LaneItem>(limit);
      const inHand: LaneItem[] = [];
      const held: LaneItem[] = [];
      const waiting: LaneItem[] = [];
      const out = new Map<string, number[]>();
      let added = 0;

      const pickOf = (list: LaneItem[], pick: number): LaneItem | undefined =>
        list.splice(list.length === 0 ? 0 : pick % list.length, 1)[0];
      const readyKeys = (): Set<string | undefined> => {
        const busy = new Set([...inHand, ...held].map(({ key }) => key));
        return new Set(waiting.map(({ key }) => key).filter((key) => !busy.has(key)));
      };
      const headOf = (key: string | undefined): LaneItem => waiting.find((each) => each.key === key)!;
      const bytesInHand = (): number => inHand.reduce((sum, each) => sum + each.bytes, 0);
      /** How often each tenant with something ready was passed over by each other one since its last turn. */
      const passed = new Map<string, Map<string, number>>();
      const checkTurns = (ready: Set<string | undefined>, taken: string): void => {
        const tenants = new Set([...ready].map(tenantOf));
        for (const tenant of passed.keys()) if (!tenants.has(tenant)) passed.delete(tenant);
        passed.delete(taken);
        for (const tenant of tenants) {
          if (tenant === taken) continue;
          const by = passed.get(tenant) ?? new Map<string, number>();
          passed.set(tenant, by.set(taken, (by.get(taken) ?? 0) + 1));
          expect(by.get(taken)).toBeLessThanOrEqual(1);
        }
      };
      const take = (): void => {
        const ready = readyKeys();
        const next = lanes.take();
        const full = inHand.length >= limit.calls;
        const tooLarge = [...ready].some((key) => bytesInHand() + headOf(key).bytes > limit.bytes);
        expect(next !== undefined || ready.size === 0 || full || (inHand.length > 0 && tooLarge)).toBe(true);
        if (!next) return;
        checkTurns(ready, tenantOf(next.key));
        expect(ready.has(next.key)).toBe(true);
        expect(next).toBe(headOf(next.key));
        waiting.splice(waiting.indexOf(next), 1);
        inHand.push(next);
        expect(inHand.length).toBeLessThanOrEqual(limit.calls);
        expect(inHand.length === 1 || bytesInHand() <= limit.bytes).toBe(true);
      };
      const finish = (pick: number): void => {
        const done = pickOf(inHand, pick);
        if (!done) return;
        lanes.finish(done);
        out.set(done.key!, [...(out.get(done.key!) ?? []), done.id]);
      };
      const release = (pick: number): void => {
        const freed = pickOf(held, pick);
        if (!freed) return;
        lanes.release(freed);
        waiting.unshift(freed);
      };

      for (const { act, tenant, call, bytes, pick } of steps) {
        if (act === 'add') {
          const fresh = item(added++, `${tenant}/${call}`, bytes);
          lanes.add(fresh);
          waiting.push(fresh);
        } else if (act === 'take') take();
        else if (act === 'finish') finish(pick);
        else if (act === 'release') release(pick);
        else {
          const paused = pickOf(inHand, pick);
          if (paused) {
            lanes.hold(paused);
            held.push(paused);
          }
        }
        expect(lanes.idle()).toBe(waiting.length + inHand.length + held.length === 0);
      }
      while (held.length > 0) release(0);
      while (!lanes.idle()) {
        take();
        if (inHand.length > 0) finish(0);
      }
      const all = [...out.values()].flat();
      expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: added }, (_, i) => i));
      for (const ids of out.values()) expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    }),
    { seed: SEED, numRuns: 500 },
  );
});
