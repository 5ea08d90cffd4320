import { expect, test } from 'vitest';
import { EXPLANATIONS, nextSteps } from '../../../src/commands/dlq/explain.ts';
import type { Code } from '../../../src/domain/errors.ts';
import { codesThat } from '../../domain/dispositions.ts';

/** These have the disposition and never park: answers, or a delivery that goes to the back of the queue. */
const NEVER_PARK: readonly Code[] = ['CALL_SHREDDED', 'CONSENT_DENIED', 'REVISION_LOWER', 'ATTEMPT_LOST'];
const PARK = [...codesThat('park'), ...codesThat('retry'), ...codesThat('bug')].filter(
  (code) => !NEVER_PARK.includes(code),
);

test('every code that parks has a sentence, a likely cause and a next command, and no other code has', () => {
  expect(Object.keys(EXPLANATIONS).toSorted()).toEqual(PARK.toSorted());
  for (const code of PARK) {
    const { what = '', why = '' } = EXPLANATIONS[code] ?? {};
    for (const sentence of [what, why])
      expect([code, sentence]).toEqual([code, expect.stringMatching(/^[A-Z].{20,}\.$/)]);
    const steps = nextSteps(code, { uid: 'a-1', fingerprint: 'f'.repeat(64) });
    expect(steps.length).toBeGreaterThan(1);
    for (const step of steps) expect(step).toMatch(/^callseal /);
  }
});
