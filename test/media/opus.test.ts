import { describe, expect, test } from 'vitest';
import { packetSamples, readOpusHead } from '../../src/media/opus.ts';
import { opusHead } from './make-opus.ts';

/** Frame lengths in ms of the 32 configurations, as RFC 6716, table 2, lists them. */
const SILK_MS = [10, 20, 40, 60];
const HYBRID_MS = [10, 20];
const CELT_MS = [2.5, 5, 10, 20];
const FRAME_MS = [SILK_MS, SILK_MS, SILK_MS, HYBRID_MS, HYBRID_MS, CELT_MS, CELT_MS, CELT_MS, CELT_MS].flat();

describe('a packet of Opus', () => {
  test('lasts as long as its configuration and frame count say', () => {
    for (const [config, ms] of FRAME_MS.entries()) {
      const toc = config << 3;
      expect(packetSamples(Buffer.from([toc, 0]), 10)).toBe(ms * 48);
      const two = ms * 2 <= 120 ? ms * 2 * 48 : undefined;
      expect(packetSamples(Buffer.from([toc | 1, 0]), 10)).toBe(two);
      expect(packetSamples(Buffer.from([toc | 2, 0]), 10)).toBe(two);
      const six = ms * 6 <= 120 ? ms * 6 * 48 : undefined;
      expect(packetSamples(Buffer.from([toc | 3, 6]), 10)).toBe(six);
    }
  });
  test('without a byte is none', () => expect(packetSamples(Buffer.alloc(0), 0)).toBeUndefined());
  test('with a frame count of zero is none', () => {
    expect(packetSamples(Buffer.from([0xfb, 0xc0]), 10)).toBeUndefined();
  });
  test('that should count its frames but ends before is none', () => {
    expect(packetSamples(Buffer.from([0xfb, 0x01]), 1)).toBeUndefined();
  });
  test('may last 120 ms, and not 2.5 ms more', () => {
    expect(packetSamples(Buffer.from([0xe3, 48]), 100)).toBe(5760);
    expect(packetSamples(Buffer.from([0xe3, 49]), 100)).toBeUndefined();
  });
});

describe('an identification header', () => {
  test('gives channels, pre-skip and the rate before encoding', () => {
    expect(readOpusHead(opusHead())).toMatchObject({ channels: 2, preSkip: 312, inputSampleRate: 8000 });
  });
  test('may be of any minor version, and of no other major one', () => {
    expect(readOpusHead(opusHead({ version: 15 }))).toBeDefined();
    expect(readOpusHead(opusHead({ version: 16 }))).toBeUndefined();
  });
  test('has at least one channel, and at most two without a mapping', () => {
    expect(readOpusHead(opusHead({ channels: 0 }))).toBeUndefined();
    expect(readOpusHead(opusHead({ channels: 3 }))).toBeUndefined();
    expect(readOpusHead(opusHead({ channels: 8, family: 255 }))).toMatchObject({ channels: 8 });
  });
  test('that is cut is none', () => {
    for (let length = 0; length < 19; length += 1) {
      expect(readOpusHead(opusHead().subarray(0, length))).toBeUndefined();
    }
    expect(readOpusHead(opusHead({ channels: 8, family: 255 }).subarray(0, 28))).toBeUndefined();
  });
});
