import { expect, test } from 'vitest';
import { canonical } from '../../src/domain/canonical.ts';

test('keys are sorted by UTF-16, numbers are written as RFC 8785 says, nothing is spaced', () => {
  expect(canonical({ b: 1, a: [1e21, 0.1, -0], '\u20ac': 'x', '\u0080': 'y' })).toBe(
    '{"a":[1e+21,0.1,0],"b":1,"\u0080":"y","\u20ac":"x"}',
  );
});

test('what JSON cannot hold is refused, not left out', () => {
  for (const value of [undefined, Number.NaN, Infinity, () => 1, Symbol('x')]) {
    expect(() => canonical(value)).toThrow(Error);
  }
});
