import { expect, test } from 'vitest';
import type { AnswerRow } from '../../src/domain/answers.ts';
import type { Scope } from '../../src/domain/errors.ts';
import { bugBreaker } from '../../src/work/bug-breaker.ts';

const OPTIONS = { inARow: 3, ratio: 0.5, over: 10, probeAfterMs: 300_000 };

function breaker(options = {}) {
  const pauses: unknown[] = [];
  const made = bugBreaker(
    { ...OPTIONS, ...options },
    { pause: async (scope: Scope, code, probeMs) => void pauses.push([scope, code, probeMs]) },
  );
  const note = (tenant: string | undefined, ...kinds: ('bug' | 'park' | 'fine')[]): void => {
    for (const kind of kinds) {
      const park = kind === 'fine' ? undefined : { disposition: kind };
      made.note({ tenant, park } as unknown as AnswerRow);
    }
  };
  return { note, pauses };
}

test('so many bugs in a row pause the tenant, until a probe after the time that was set', () => {
  const { note, pauses } = breaker();
  note('t-1', 'bug', 'bug');
  expect(pauses).toEqual([]);
  note('t-1', 'bug');
  expect(pauses).toEqual([[{ tenant: 't-1' }, 'BUG', 300_000]]);
});

test('anything else in between begins the row anew; an event at fault is no bug', () => {
  const { note, pauses } = breaker();
  note('t-1', 'bug', 'bug', 'fine', 'bug', 'bug', 'park', 'bug', 'park', 'park');
  expect(pauses).toEqual([]);
});

test('tenants do not count for each other, and what nobody can read counts for everybody', () => {
  const { note, pauses } = breaker();
  note('t-1', 'bug', 'bug');
  note('t-2', 'bug', 'bug');
  note(undefined, 'bug', 'bug');
  expect(pauses).toEqual([]);
  note(undefined, 'bug');
  expect(pauses).toEqual([[{}, 'BUG', 300_000]]);
});

test('a share of bugs trips over the last answers only, and not before there are that many', () => {
  const { note, pauses } = breaker({ inARow: 99 });
  note('t-1', 'bug', 'bug', 'bug', 'bug', 'fine', 'fine', 'fine', 'fine', 'fine');
  expect(pauses).toEqual([]);
  note('t-1', 'fine', 'fine', 'fine', 'fine', 'fine', 'fine');
  expect(pauses).toEqual([]);
  note('t-1', 'bug', 'bug', 'bug', 'bug');
  expect(pauses).toEqual([]);
  note('t-1', 'bug');
  expect(pauses).toHaveLength(1);
});

test('after it tripped it counts from nothing', () => {
  const { note, pauses } = breaker();
  note('t-1', 'bug', 'bug', 'bug', 'bug', 'bug');
  expect(pauses).toHaveLength(1);
  note('t-1', 'bug');
  expect(pauses).toHaveLength(2);
});
