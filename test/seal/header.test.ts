import { describe, expect, test } from 'vitest';
import { readHeader } from '../../src/seal/header.ts';
import { craftHeader, craftWrappedKey, type HeaderSpec } from './craft.ts';
import { counting, KNOWN } from './known-answer.ts';

const REFUSED = expect.objectContaining({ code: 'NOT_AUTHENTIC' });
const spec: HeaderSpec = { ...KNOWN, callKey: counting(0, 32) };

/** An opener asks for a header of one length; these are what `readHeader` refuses by itself. */
describe('a header', () => {
  test('gives its fields as views of the bytes it was read from', () => {
    const header = craftHeader(spec);
    const read = readHeader(Buffer.concat([header, Buffer.alloc(100)]));
    expect(read.bytes).toEqual(header);
    expect(Buffer.concat([read.body, read.tag])).toEqual(header);
    expect(read).toMatchObject({ contentType: 2, frameLength: 16, messageId: KNOWN.messageId });
  });

  for (const [count, how] of [
    [0, 'none'],
    [2, 'a second'],
  ] as const) {
    test(`has exactly one wrapped key, not ${how}`, () => {
      const wrappedKeys = Array.from({ length: count }, () => craftWrappedKey(spec));
      expect(() => readHeader(craftHeader({ ...spec, wrappedKeys }))).toThrow(REFUSED);
    });
  }

  test('may have more of them below the profile', () => {
    const wrappedKeys = [craftWrappedKey(spec), craftWrappedKey(spec)];
    expect(readHeader(craftHeader({ ...spec, wrappedKeys }), 2).wrappedKeys.length).toBe(2);
  });

  test('is refused when cut anywhere, and reads nothing beyond its bytes', () => {
    const header = craftHeader(spec);
    for (let length = 0; length < header.length; length += 1) {
      expect(() => readHeader(header.subarray(0, length))).toThrow(REFUSED);
    }
  });

  test('is refused when a length says more than there is', () => {
    for (const at of [35, 69, 73, 101]) {
      const header = craftHeader(spec);
      header[at] = 0xff;
      expect(() => readHeader(header)).toThrow(REFUSED);
    }
  });
});
