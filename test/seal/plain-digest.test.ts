import { createCipheriv } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deriveDigestKey } from '../../src/seal/key-derivation.ts';
import { PlainDigest, PlainDigestCheck } from '../../src/seal/plain-digest.ts';
import { selfTest } from '../../src/seal/self-test.ts';
import { counting, KNOWN, KNOWN_ANSWER, KNOWN_PLAIN } from './known-answer.ts';
import { inChunks } from './sealing.ts';

const seed = 20_250_102;

function digestOf(pieces: readonly Uint8Array[]): Buffer {
  const digest = new PlainDigest(KNOWN.callKey, KNOWN.messageId);
  for (const piece of pieces) digest.update(piece);
  return digest.finish();
}

function matches(pieces: readonly Uint8Array[], expected: Buffer, messageId = KNOWN.messageId): boolean {
  const check = new PlainDigestCheck(KNOWN.callKey, messageId, expected);
  for (const piece of pieces) check.update(piece);
  return check.matches();
}

describe('the plaintext digest', { timeout: 60_000 }, () => {
  test('is one GCM tag over all bytes, however they are split', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 70_000 }), { maxLength: 6 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const pieces = lengths.map((length, i) => counting(i, length));
        const whole = Buffer.concat(pieces);
        const key = deriveDigestKey(KNOWN.callKey, KNOWN.messageId);
        const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12)).setAAD(whole);
        cipher.final();
        expect(digestOf(pieces)).toEqual(cipher.getAuthTag());
        expect(matches(pieces, cipher.getAuthTag())).toBe(true);
      }),
      { seed, numRuns: 60 },
    );
  });

  for (const split of [1, 15, 16, 17]) {
    test(`is the known answer in pieces of ${split}`, () => {
      const pieces = inChunks(KNOWN_PLAIN, split);
      expect(digestOf(pieces).toString('hex')).toBe(KNOWN_ANSWER.plainDigest);
      expect(matches(pieces, Buffer.from(KNOWN_ANSWER.plainDigest, 'hex'))).toBe(true);
    });
  }

  test('does not match other bytes, another order, another message or no bytes', () => {
    const digest = digestOf([KNOWN_PLAIN]);
    const [first, second] = [KNOWN_PLAIN.subarray(0, 12), KNOWN_PLAIN.subarray(12)];
    expect(matches([second, first], digest)).toBe(false);
    expect(matches([first], digest)).toBe(false);
    expect(matches([KNOWN_PLAIN, Buffer.alloc(1)], digest)).toBe(false);
    expect(matches([], digest)).toBe(false);
    expect(matches([KNOWN_PLAIN], digest, counting(1, 32))).toBe(false);
  });

  test('of a checker is never to be had', () => {
    const check = new PlainDigestCheck(KNOWN.callKey, KNOWN.messageId, Buffer.alloc(16));
    expect(Object.getOwnPropertyNames(PlainDigestCheck.prototype).toSorted()).toEqual([
      'constructor',
      'matches',
      'update',
    ]);
    expect(Object.keys(check)).toEqual([]);
  });
});

describe('the self-test', () => {
  class ForgetsPieces extends PlainDigest {
    override update(plain: Uint8Array): void {
      if (plain.length > 8) super.update(plain);
    }
  }
  class ForgetsPiecesChecking extends PlainDigestCheck {
    override update(plain: Uint8Array): void {
      if (plain.length > 8) super.update(plain);
    }
  }
  const failed = expect.objectContaining({ code: 'SELF_TEST_FAILED' });

  test('stops where the maker does not join its pieces', () => {
    expect(() => selfTest({ PlainDigest: ForgetsPieces, PlainDigestCheck })).toThrow(failed);
  });

  test('stops where the checker does not join its pieces', () => {
    expect(() => selfTest({ PlainDigest, PlainDigestCheck: ForgetsPiecesChecking })).toThrow(failed);
  });
});
