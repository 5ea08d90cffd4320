import { describe, expect, test } from 'vitest';
import { createMembership } from '../../../src/adapters/inbox/kafka-membership.ts';

describe('membership', () => {
  test('the first join begins everything', () => {
    expect(createMembership().join('m', ['t/0', 't/1'])).toEqual({
      kept: [],
      begun: ['t/0', 't/1'],
      ended: [],
    });
  });

  test('a rebalance that the member was told of keeps what stays, begins what comes, ends what goes', () => {
    const membership = createMembership();
    membership.join('m', ['t/0', 't/1']);
    membership.rebalancing();
    expect(membership.join('m', ['t/1', 't/2'])).toEqual({ kept: ['t/1'], begun: ['t/2'], ended: ['t/0'] });
  });

  test.each([
    ['another member id: the session had ended', 'other', true],
    ['no word of a rebalance: the process slept through one', 'm', false],
  ])('%s, so everything ends and begins again', (_, member, told) => {
    const membership = createMembership();
    membership.join('m', ['t/0']);
    if (told) membership.rebalancing();
    expect(membership.join(member, ['t/0'])).toEqual({ kept: [], begun: ['t/0'], ended: ['t/0'] });
  });

  test('one word of a rebalance is good for one join', () => {
    const membership = createMembership();
    membership.join('m', ['t/0']);
    membership.rebalancing();
    membership.join('m', ['t/0']);
    expect(membership.join('m', ['t/0']).kept).toEqual([]);
  });
});
