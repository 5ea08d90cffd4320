import { expect, test } from 'vitest';
import { CallsealError, codeOf, dispositionOf, EXIT, exitOf } from '../../src/domain/errors.ts';
import { codesThat, DISPOSITIONS } from './dispositions.ts';

for (const code of Object.keys(DISPOSITIONS) as (keyof typeof DISPOSITIONS)[]) {
  test(`${code}: ${DISPOSITIONS[code]}`, () => {
    expect(dispositionOf(code)).toBe(DISPOSITIONS[code]);
    expect(Object.values(EXIT)).toContain(exitOf(code));
    expect(exitOf(code)).not.toBe(EXIT.ok);
  });
}

test('every code that parks a delivery ends a command as refused, but a shredded call is gone', () => {
  const others = codesThat('park').filter((code) => exitOf(code) !== EXIT.refused);
  expect(others).toEqual(['CALL_SHREDDED']);
  expect(exitOf('CALL_SHREDDED')).toBe(EXIT.gone);
});

test('the code of an abort is STOPPING, and of what nobody knows BUG', () => {
  const stop = AbortSignal.abort();
  expect(codeOf(stop.reason)).toBe('STOPPING');
  expect(codeOf(new TypeError('x'))).toBe('BUG');
  expect(codeOf('text')).toBe('BUG');
  expect(codeOf(undefined)).toBe('BUG');
  expect(codeOf(new CallsealError('KMS_DOWN', 'x'))).toBe('KMS_DOWN');
});

test('an error without a cause has no such field: around decryption there must be none', () => {
  expect(Object.hasOwn(new CallsealError('NOT_AUTHENTIC', 'x'), 'cause')).toBe(false);
  const cause = new Error('why');
  expect(new CallsealError('STORE_DOWN', 'x', { cause }).cause).toBe(cause);
});
