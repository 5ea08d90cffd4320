import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compositeCrc32, decodeCrc32, encodeCrc32, joinCrc32 } from '../../../src/adapters/s3/crc32.ts';

const seed = 42;

describe('joining CRC-32s', () => {
  test('two pieces have the CRC-32 of their whole, wherever it was cut', () => {
    const bytes = fc.uint8Array({ maxLength: 3000 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(joinCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(Buffer.concat([a, b])));
      }),
      { seed, numRuns: 300 },
    );
  });

  for (const bytes of [0, 1, 2 ** 20 - 1, 2 ** 23, 2 ** 23 + 1]) {
    test(`a second piece of ${bytes} bytes`, () => {
      const [a, b] = [Buffer.from('head'), Buffer.alloc(bytes, 0xa5)];
      expect(joinCrc32(crc32(a), crc32(b), bytes)).toBe(crc32(Buffer.concat([a, b])));
    });
  }

  test('lengths beyond 32 bits count whole', () => {
    // 5 GiB of zeros after `a`, put together from pieces that can be held.
    const [a, zeros] = [crc32('a'), crc32(Buffer.alloc(2 ** 20))];
    let piecewise = a;
    for (let i = 0; i < 5 * 1024; i++) piecewise = joinCrc32(piecewise, zeros, 2 ** 20);
    let all = crc32('');
    for (let i = 0; i < 5 * 1024; i++) all = joinCrc32(all, zeros, 2 ** 20);
    expect(joinCrc32(a, all, 5 * 2 ** 30)).toBe(piecewise);
  });
});

describe('CRC-32s as S3 writes them', () => {
  test('what was written is read back', () => {
    const crcs = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(crcs, (crc) => {
        expect(decodeCrc32(encodeCrc32(crc))).toBe(crc);
      }),
      { seed },
    );
  });

  for (const text of [undefined, '', 'AAAA', 'bSKfZA==-2', 'MPWOwXH2kwA=', 'bSKfZA=']) {
    test(`${text} is none of a whole object`, () => expect(decodeCrc32(text)).toBeUndefined());
  }

  test('a composite one is over those of the parts, with their number', () => {
    // From a store: parts of 6,000,000 bytes 0x01 and of 1,000 bytes 0x02.
    const parts = [crc32(Buffer.alloc(6_000_000, 1)), crc32(Buffer.alloc(1000, 2))];
    expect(compositeCrc32(parts)).toBe('aMNRkA==-2');
  });
});
