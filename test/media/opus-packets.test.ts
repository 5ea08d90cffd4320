import { describe, expect, test } from 'vitest';
import { CUTS, factsOf } from './feed.ts';
import { packet20ms, packets20ms } from './make-opus.ts';

type Write = (length: number) => Buffer;
const u16be: Write = (length) => Buffer.from([length >> 8, length & 255]);
const u16le: Write = (length) => Buffer.from([length & 255, length >> 8]);
const u32be: Write = (length) => Buffer.from([0, 0, length >> 8, length & 255]);
const u32le: Write = (length) => Buffer.from([length & 255, length >> 8, 0, 0]);

const framed = (packets: readonly Buffer[], write: Write = u16be) =>
  Buffer.concat(packets.flatMap((packet) => [write(packet.length), packet]));
const declared = {
  container: 'opus-packets',
  codec: 'opus',
  channels: ['caller', 'agent'] as ('caller' | 'agent')[],
};
const packets = packets20ms(200, 301);
const plain = framed(packets);

const complete = {
  container: 'opus-packets',
  codec: 'opus',
  channels: 2,
  sampleFrames: 192_000,
  durationMs: 4000,
  packets: 200,
  endState: 'complete',
  warnings: [],
};
const files: readonly (readonly [rule: string, bytes: Buffer, facts: object])[] = [
  ['lengths of 2 bytes, high byte first', plain, complete],
  ['lengths of 2 bytes, low byte first', framed(packets, u16le), complete],
  ['lengths of 4 bytes, high byte first', framed(packets, u32be), complete],
  ['lengths of 4 bytes, low byte first', framed(packets, u32le), complete],
  [
    'a packet may be a single byte',
    framed([...packets, packet20ms(1)]),
    { ...complete, packets: 201, sampleFrames: 192_960, durationMs: 4020 },
  ],
  [
    'a packet of no bytes is invalid',
    framed([...packets, Buffer.alloc(0)]),
    { endState: 'damaged', invalidPackets: 1, warnings: ['PACKETS_INVALID'] },
  ],
  [
    'a packet of no frames is invalid',
    framed([...packets, Buffer.from([0xfb, 0x00])]),
    { endState: 'damaged', invalidPackets: 1 },
  ],
  [
    'a cut in a packet',
    plain.subarray(0, -5),
    { endState: 'truncated', packets: 200, warnings: ['ENDS_EARLY'] },
  ],
  ['a cut in a length', plain.subarray(0, -302), { endState: 'truncated', packets: 199 }],
  [
    'a length that no packet has ends the reading',
    Buffer.concat([plain, Buffer.alloc(100, 0xff)]),
    { endState: 'damaged', packets: 200, skippedBytes: 100, warnings: ['BYTES_SKIPPED'] },
  ],
  [
    'what is no packet at all is unparseable',
    Buffer.alloc(5000),
    { endState: 'unparseable', warnings: ['FORMAT_UNKNOWN'] },
  ],
];

describe('length-prefixed Opus packets', () => {
  for (const [rule, bytes, facts] of files) {
    test(`${rule}, however the file is cut`, () => {
      const found = factsOf(bytes, declared);
      expect(found).toMatchObject({ ...facts, bytes: bytes.length });
      for (const [, cut] of CUTS) expect(factsOf(bytes, declared, cut())).toEqual(found);
    });
  }

  test('they are looked for only where the event names them', () => {
    expect(factsOf(plain)).toMatchObject({ container: 'unknown', endState: 'unparseable' });
  });
});
