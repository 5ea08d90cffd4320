import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isQuarantined,
  isTemporary,
  mayGoOn,
  type PlannedReplay,
  planHash,
  REPLAY_CAP,
  type ReplayLimits,
  type ReplayTally,
} from '../../src/domain/replay.ts';

const LIMITS: ReplayLimits = { perSecond: undefined, bytesPerSecond: undefined, canary: 0, stopAt: 0.05 };

function tally(changes: Partial<ReplayTally>): ReplayTally {
  return { total: 0, ready: 0, leftOut: 0, claimed: 0, published: 0, answers: {}, ...changes };
}

describe('a campaign with a canary', () => {
  const limits = { ...LIMITS, canary: 20 };
  test('publishes the canary and no more', () => {
    expect(mayGoOn(tally({ ready: 100 }), limits)).toEqual({ publish: 20 });
    expect(mayGoOn(tally({ ready: 85, published: 10, claimed: 5 }), limits)).toEqual({ publish: 5 });
  });
  test('waits until each of the canary has its answer', () => {
    const waiting = { ready: 80, published: 20 };
    expect(mayGoOn(tally({ ...waiting, answers: { sealed: 19 } }), limits)).toBe('wait');
    expect(mayGoOn(tally({ ...waiting, answers: { sealed: 20 } }), limits)).toEqual({ publish: 80 });
  });
  test('stops when too many of the canary are parked again', () => {
    const answered = { ready: 80, published: 20 };
    expect(mayGoOn(tally({ ...answered, answers: { sealed: 18, parked: 2 } }), limits)).toBe('stop');
    expect(mayGoOn(tally({ ...answered, answers: { sealed: 19, parked: 1 } }), limits)).toEqual({
      publish: 80,
    });
  });
});

describe('the automatic stop', () => {
  test('says nothing of fewer than 20 answers while more are on their way', () => {
    const few = { ready: 100, published: 50, answers: { parked: 19 } };
    expect(mayGoOn(tally(few), LIMITS)).toEqual({ publish: 100 });
    expect(mayGoOn(tally({ ...few, answers: { parked: 20 } }), LIMITS)).toBe('stop');
  });
  test('takes only parked for a failure', () => {
    const answers = { superseded: 10, duplicate: 10, refused: 10 };
    expect(mayGoOn(tally({ ready: 1, published: 30, answers }), LIMITS)).toEqual({ publish: 1 });
  });
  test('never lets more go than are ready, and always some, while nothing failed', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.nat(100), (ready, published, canary) => {
        const go = mayGoOn(tally({ ready: ready + 1, published, answers: { sealed: published } }), {
          ...LIMITS,
          canary,
        });
        expect(typeof go === 'object' && go.publish >= 1 && go.publish <= ready + 1).toBe(true);
      }),
      { seed: 7 },
    );
  });
});

describe('the hash of a plan', () => {
  const plan = { uid: 'u', plannedAt: 'now', filter: { tenant: 't-1' }, patch: undefined, cap: 5 };
  const record: PlannedReplay = {
    number: 0,
    answerUid: 'a',
    origin: { topic: 'in', partition: 0, offset: 7 },
    replay: 1,
    tenant: 't-1',
    call: 'c-1',
    callUid: undefined,
    revision: 1,
    digest: 'd',
    bytes: 10,
    after: '5',
    finding: undefined,
  };
  const hash = planHash(plan, [record]);
  test('is the same for the same plan', () => {
    expect(planHash({ ...plan }, [{ ...record }])).toBe(hash);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
  const others: Record<string, string> = {
    'another patch': planHash({ ...plan, patch: '[]' }, [record]),
    'another filter': planHash({ ...plan, filter: {} }, [record]),
    'another cap': planHash({ ...plan, cap: 6 }, [record]),
    'other bytes': planHash(plan, [{ ...record, digest: 'e' }]),
    'another origin': planHash(plan, [{ ...record, origin: { ...record.origin, offset: 8 } }]),
    'one that is left out': planHash(plan, [{ ...record, finding: 'CALL_SHREDDED' }]),
    'one more record': planHash(plan, [record, { ...record, number: 1 }]),
    'no record': planHash(plan, []),
  };
  for (const [what, other] of Object.entries(others)) {
    test(`is another one for ${what}`, () => expect(other).not.toBe(hash));
  }
});

test('a finding is temporary when something outside of the event is away', () => {
  expect(
    ['SOURCE_MISSING', 'KEY_DISABLED', 'KMS_DOWN'].map((code) => isTemporary(code as 'KMS_DOWN')),
  ).toEqual([true, true, true]);
  expect(
    ['EVENT_SHAPE', 'CALL_SHREDDED', 'QUARANTINED'].map((code) => isTemporary(code as 'KMS_DOWN')),
  ).toEqual([false, false, false]);
});

test('a delivery that was replayed up to the cap is quarantined', () => {
  expect(isQuarantined({ replay: REPLAY_CAP - 1 })).toBe(false);
  expect(isQuarantined({ replay: REPLAY_CAP })).toBe(true);
});
