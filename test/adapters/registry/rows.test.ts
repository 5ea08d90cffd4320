import { describe, expect, test } from 'vitest';
import {
  bytes,
  int,
  intOrNone,
  placeholders,
  text,
  textOrNone,
  word,
} from '../../../src/adapters/registry/rows.ts';

describe('a column', () => {
  test('is a whole number whether the database says number or bigint', () => {
    expect([int({ n: 7 }, 'n'), int({ n: 7n }, 'n')]).toEqual([7, 7]);
  });

  test('without a value is none, and only where none is allowed', () => {
    expect([intOrNone({ n: null }, 'n'), textOrNone({ n: null }, 'n')]).toEqual([undefined, undefined]);
    expect(() => text({ n: null }, 'n')).toThrow('registry column n does not hold text');
    expect(() => int({}, 'n')).toThrow('registry column n does not hold a whole number');
  });

  test('of another type is refused, never converted', () => {
    expect(() => int({ n: '7' }, 'n')).toThrow(TypeError);
    expect(() => bytes({ n: 'text' }, 'n')).toThrow(TypeError);
  });

  test('of a closed set of words holds one of them', () => {
    expect(word({ state: 'open' }, 'state', ['open', 'won'])).toBe('open');
    expect(() => word({ state: 'opne' }, 'state', ['open', 'won'])).toThrow('one of open, won');
  });
});

test('placeholders count through all rows, behind the parameters that are taken', () => {
  expect(placeholders(2, 3, 1)).toBe('($2, $3, $4), ($5, $6, $7)');
});
