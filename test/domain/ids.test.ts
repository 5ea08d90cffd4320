import { describe, expect, test } from 'vitest';
import { isId, isTicket, looksLikeNumber, newUid } from '../../src/domain/ids.ts';

describe('an id', () => {
  for (const id of ['a', 'T-42', 'a.b_c-9', '...', '.a', '..a', '-', 'x'.repeat(128)]) {
    test(`may be ${id.slice(0, 20)}`, () => expect(isId(id)).toBe(true));
  }
  for (const id of [
    '',
    '.',
    '..',
    'a/b',
    'a b',
    'ä',
    'a~index',
    'a\n',
    '\na',
    'a\0',
    '*',
    '+49',
    'x'.repeat(129),
  ]) {
    test(`may not be ${JSON.stringify(id.slice(0, 20))}`, () => expect(isId(id)).toBe(false));
  }
});

test('7 to 15 digits and nothing else look like a phone number', () => {
  for (const digits of [7, 10, 15]) expect(looksLikeNumber('1'.repeat(digits))).toBe(true);
  for (const other of ['1'.repeat(6), '1'.repeat(16), '1234567a', 'c-1234567', '']) {
    expect(looksLikeNumber(other)).toBe(false);
  }
});

test('a ticket is shorter than an id and may be dots', () => {
  expect(isTicket('OPS-7')).toBe(true);
  expect(isTicket('x'.repeat(64))).toBe(true);
  for (const bad of ['', 'x'.repeat(65), 'see letter', 'a/b']) expect(isTicket(bad)).toBe(false);
});

test('a uid is an id, and no two are the same', () => {
  const uids = Array.from({ length: 1000 }, newUid);
  expect(new Set(uids).size).toBe(1000);
  expect(uids.every(isId)).toBe(true);
});
