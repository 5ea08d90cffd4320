import { createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { authenticate, isAuthentic, ZERO_IV } from '../../src/seal/aes-gcm.ts';
import { counting } from './known-answer.ts';

describe('a GCM tag', () => {
  const key = createSecretKey(counting(0, 32));
  const aad = Buffer.from('header');
  const tag = authenticate(key, ZERO_IV, aad);

  test('verifies what it was made of, and nothing else', () => {
    expect(isAuthentic(key, ZERO_IV, aad, tag)).toBe(true);
    expect(isAuthentic(key, ZERO_IV, Buffer.from('Header'), tag)).toBe(false);
  });

  for (const length of [4, 8, 12, 15]) {
    test(`is 16 bytes: its first ${length} are no tag`, () => {
      expect(() => isAuthentic(key, ZERO_IV, aad, tag.subarray(0, length))).toThrow(
        /authentication tag length/,
      );
    });
  }
});
