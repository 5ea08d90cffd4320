import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, frameOf, KIND, numberOf } from '../../../src/adapters/decoder/framing.ts';

test('frames come out as they went in, however the pipe cuts them', () => {
  const frames = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 })));
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 64 }), (sent, size) => {
      const bytes = Buffer.concat(sent.map(([kind, body]) => frameOf(kind, body)));
      const reader = new FrameReader();
      const read: [number, Uint8Array][] = [];
      for (let at = 0; at < bytes.length; at += size) {
        for (const { kind, body } of reader.frames(bytes.subarray(at, at + size))) {
          read.push([kind, new Uint8Array(body)]);
        }
      }
      expect(read).toEqual(sent);
    }),
    { seed: 20_261_124 },
  );
});

test('text and numbers have their frames', () => {
  const reader = new FrameReader();
  const bytes = Buffer.concat([frameOf(KIND.begin, '{"ä":1}'), frameOf(KIND.taken, numberOf(65_536))]);
  const [text, number] = [...reader.frames(bytes)];
  expect(text?.body.toString()).toBe('{"ä":1}');
  expect(number?.body.readUInt32BE()).toBe(65_536);
});

test('a frame longer than any is refused before its body is waited for', () => {
  const header = Buffer.from([KIND.peaks, 0xff, 0xff, 0xff, 0xff]);
  expect(() => [...new FrameReader().frames(header)]).toThrow(RangeError);
});
