import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerSize } from '../../src/seal/identity.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import {
  DEFAULT_FRAME_LENGTH,
  frameOffset,
  frameOfPlainOffset,
  layoutOfSealed,
  MAX_FRAME_LENGTH,
  MAX_REGULAR_FRAMES,
  plainSize,
  sealedSize,
} from '../../src/seal/sizes.ts';
import { IDENTITY } from './identities.ts';
import { sealAll } from './sealing.ts';

const seed = 20_250_101;
const frameLengths = fc.oneof(
  fc.constantFrom(1, 16, DEFAULT_FRAME_LENGTH),
  fc.integer({ min: 1, max: MAX_FRAME_LENGTH }),
);
const headers = fc.integer({ min: 166, max: 1190 });

describe('sizes', () => {
  test('plainSize undoes sealedSize', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), headers, frameLengths, (plain, header, frame) => {
        expect(plainSize(sealedSize(plain, header, frame), header, frame)).toBe(plain);
      }),
      { seed },
    );
  });

  test('sealedSize undoes plainSize where there is one, and 32 lengths in every frame have none', () => {
    const [header, frame] = [200, 16];
    const roundTrip = (sealed: number): number | string => {
      try {
        return sealedSize(plainSize(sealed, header, frame), header, frame);
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const lengths = Array.from({ length: 3 * (frame + 32) }, (_, i) => header + 40 + i);
    const impossible = lengths.filter((sealed) => roundTrip(sealed) === 'NOT_AUTHENTIC');
    expect(lengths.filter((sealed) => roundTrip(sealed) === sealed).length).toBe(3 * frame);
    expect(impossible.length).toBe(3 * 32);
  });

  test('sealedSize is what a sealer writes', () => {
    for (const frameLength of [1, 16, 1000]) {
      for (const plain of [0, 1, frameLength - 1, frameLength, frameLength + 1, 3 * frameLength + 2]) {
        const sealed = sealAll(createSealer({ ...IDENTITY, frameLength }), [Buffer.alloc(plain)]);
        expect(sealed.length).toBe(sealedSize(plain, headerSize(IDENTITY), frameLength));
      }
    }
  });

  test('an object without a final frame has no size', () => {
    for (let sealed = 0; sealed < 240; sealed += 1) {
      expect(() => plainSize(sealed, 200, 16)).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTIC' }));
    }
    expect(plainSize(240, 200, 16)).toBe(0);
  });

  test('the number of regular frames stops before the final mark', () => {
    const most = MAX_REGULAR_FRAMES * 16 + 15;
    const sealed = sealedSize(most, 200, 16);
    expect(plainSize(sealed, 200, 16)).toBe(most);
    expect(() => sealedSize(most + 1, 200, 16)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    expect(() => plainSize(sealed + 33, 200, 16)).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTIC' }));
    expect(() => layoutOfSealed(200 + 40 + (MAX_REGULAR_FRAMES + 1) * 48, 200, 16)).toThrow(
      expect.objectContaining({ code: 'NOT_AUTHENTIC' }),
    );
  });

  test('a plaintext byte is in the frame that holds it', () => {
    expect([0, 15, 16, 47].map((at) => frameOfPlainOffset(at, 16))).toEqual([1, 1, 2, 3]);
    expect([1, 2, 3].map((s) => frameOffset(s, 204, 16))).toEqual([204, 252, 300]);
  });

  for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
    test(`${bad} is no length`, () => {
      expect(() => sealedSize(bad, 200)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
      expect(() => plainSize(bad, 200)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
      expect(() => sealedSize(1, bad)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    });
  }

  for (const bad of [0, -16, 1.5, MAX_FRAME_LENGTH + 1]) {
    test(`${bad} is no frame length`, () => {
      expect(() => sealedSize(1, 200, bad)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
      expect(() => plainSize(300, 200, bad)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    });
  }
});
