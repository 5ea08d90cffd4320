import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Asked,
  type CallState,
  currentAfter,
  judge,
  RULES,
  type Wish,
} from '../../src/domain/decide.ts';

const SEED = 20261124;

const SEAL: Wish = { kind: 'seal', warnings: false };
const PARK: Wish = {
  kind: 'park',
  reason: {
    code: 'SOURCE_NOT_A_FILE',
    stage: 'seal',
    disposition: 'park',
    fingerprint: '',
    counted: 1,
    firstFailedAt: '',
  },
};
const REFUSE: Wish = { kind: 'refuse', code: 'CONSENT_DENIED' };

const FRESH: CallState = {
  shredded: false,
  shreddedClasses: [],
  current: undefined,
  deniedRevision: undefined,
  receiptEventDigest: undefined,
  attempt: 'open',
  carriedStillThere: true,
};
const asked = (changes: Partial<Asked> = {}): Asked => ({
  revision: 2,
  eventDigest: 'this',
  wish: SEAL,
  ...changes,
});

describe('the first rule that answers decides', () => {
  const current = { revision: 2, generation: 1 };
  const cases: [string, Partial<CallState>, Partial<Asked>, object][] = [
    ['an open attempt that sealed wins', {}, {}, { answer: 'sealed' }],
    [
      'with warnings it says so',
      {},
      { wish: { kind: 'seal', warnings: true } },
      { answer: 'sealed-with-warnings' },
    ],
    [
      'a shred beats everything',
      { shredded: true, current, receiptEventDigest: 'this' },
      {},
      { answer: 'refused', code: 'CALL_SHREDDED' },
    ],
    [
      'a shred beats a park',
      { shredded: true },
      { wish: PARK },
      { answer: 'refused', code: 'CALL_SHREDDED' },
    ],
    [
      'a lower revision is superseded',
      { current: { revision: 3, generation: 1 } },
      {},
      { answer: 'superseded', code: 'REVISION_LOWER' },
    ],
    [
      'a lower revision than a denied one too',
      { deniedRevision: 3 },
      {},
      { answer: 'superseded', code: 'REVISION_LOWER' },
    ],
    [
      'a lower revision is superseded even where its consent is denied',
      { current: { revision: 3, generation: 1 } },
      { wish: REFUSE },
      { answer: 'superseded', code: 'REVISION_LOWER' },
    ],
    [
      'the same event again is a duplicate',
      { current, receiptEventDigest: 'this' },
      {},
      { answer: 'duplicate', code: undefined },
    ],
    [
      'the same revision with another event is parked',
      { current, receiptEventDigest: 'that' },
      {},
      { answer: 'parked', code: 'REVISION_REUSED' },
    ],
    ['a denied consent is refused', {}, { wish: REFUSE }, { answer: 'refused', code: 'CONSENT_DENIED' }],
    [
      'what fails for ever is parked with its own code',
      { attempt: undefined },
      { wish: PARK },
      { answer: 'parked', code: 'SOURCE_NOT_A_FILE' },
    ],
    ['no attempt, no seal', { attempt: undefined }, {}, { answer: 'start-again' }],
    [
      'what was carried over and is gone starts again',
      { carriedStillThere: false },
      {},
      { answer: 'start-again' },
    ],
    ['nothing to say starts again', {}, { wish: { kind: 'none' } }, { answer: 'start-again' }],
  ];
  for (const [rule, state, changes, judgement] of cases) {
    test(`rule: ${rule}`, () => {
      expect(judge({ ...FRESH, ...state }, asked(changes))).toEqual(judgement);
    });
  }

  for (const attempt of ['won', 'lost', 'abandoned', 'unknown'] as const) {
    test(`an attempt that is ${attempt} never wins`, () => {
      expect(judge({ ...FRESH, attempt }, asked())).toEqual({ answer: 'start-again' });
    });
  }
});

const revision = fc.integer({ min: 1, max: 4 });
const anyState: fc.Arbitrary<CallState> = fc.record({
  shredded: fc.boolean(),
  shreddedClasses: fc.constant([]),
  current: fc.option(fc.record({ revision, generation: fc.constant(1) }), { nil: undefined }),
  deniedRevision: fc.option(revision, { nil: undefined }),
  receiptEventDigest: fc.constantFrom(undefined, 'this', 'that'),
  attempt: fc.constantFrom(undefined, 'open', 'won', 'lost', 'abandoned', 'unknown'),
  carriedStillThere: fc.boolean(),
});
const anyAsked: fc.Arbitrary<Asked> = fc.record({
  revision,
  eventDigest: fc.constant('this'),
  wish: fc.constantFrom<Wish>(SEAL, PARK, REFUSE, { kind: 'none' }),
});

describe('whatever the call is and whatever is asked', () => {
  const property = (holds: (state: CallState, asking: Asked) => void): void =>
    fc.assert(fc.property(anyState, anyAsked, holds), { seed: SEED, numRuns: 2_000 });

  test('a seal needs an open attempt, what it carries over, no shred and no receipt of its revision', () => {
    property((state, asking) => {
      if (!judge(state, asking).answer.startsWith('sealed')) return;
      expect(state).toMatchObject({ attempt: 'open', carriedStillThere: true, shredded: false });
      expect(state.receiptEventDigest).toBeUndefined();
      expect(asking.wish.kind).toBe('seal');
      expect(asking.revision).toBeGreaterThanOrEqual(state.current?.revision ?? 0);
      expect(asking.revision).toBeGreaterThanOrEqual(state.deniedRevision ?? 0);
    });
  });

  test('the current receipt after it is the new one, the old one, none, or gone with the call', () => {
    property((state, asking) => {
      const judgement = judge(state, asking);
      const after = currentAfter(state, judgement, { revision: asking.revision, generation: 1 });
      const sealed = judgement.answer.startsWith('sealed');
      const expected = state.shredded
        ? 'shredded'
        : sealed
          ? { revision: asking.revision, generation: 1 }
          : (state.current ?? 'none');
      expect(after).toEqual(expected);
    });
  });

  test('every rule decides something', () => {
    const deciding = new Set<string>();
    property((state, asking) => {
      const rule = RULES.find((one) => one.judge(state, asking) !== undefined);
      if (rule) deciding.add(rule.name);
    });
    expect(deciding).toEqual(new Set(RULES.map(({ name }) => name)));
  });
});
