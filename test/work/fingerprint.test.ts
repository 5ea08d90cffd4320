import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { isTicket, newUid } from '../../src/domain/ids.ts';
import { fingerprint } from '../../src/work/fingerprint.ts';

test('the same stage and code give the same fingerprint, whatever the message says', () => {
  const one = fingerprint('seal', new CallsealError('SOURCE_MISSING', 'one'));
  expect(fingerprint('seal', new CallsealError('SOURCE_MISSING', 'two'))).toBe(one);
  expect(fingerprint('plan', new CallsealError('SOURCE_MISSING', 'one'))).not.toBe(one);
  expect(fingerprint('seal', new CallsealError('SOURCE_CHANGED', 'one'))).not.toBe(one);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
});

test('two defects in two places differ, the same one in two calls does not', () => {
  const broken = (use: (text: string) => unknown, value: unknown): unknown => {
    try {
      return use(value as string);
    } catch (error) {
      return error;
    }
  };
  const here = fingerprint('seal', broken(isTicket, Symbol('first')));
  const again = fingerprint('seal', broken(isTicket, Symbol('second')));
  const there = fingerprint('seal', new TypeError(newUid()));
  expect(again).toBe(here);
  expect(there).not.toBe(here);
});
