import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import { opusContainer, scannerFor } from '../../src/media/choose.ts';
import type { OpusHead } from '../../src/media/opus.ts';
import { CUTS } from './feed.ts';
import { oggOpus, opusPages } from './make-ogg.ts';
import { PRE_SKIP, packets20ms } from './make-opus.ts';
import { clusters, webm } from './make-webm.ts';

const DECLARED: DeclaredMedia = { container: 'opus-packets', codec: 'opus', channels: ['caller', 'agent'] };

/** All that a sink is told of `bytes`, cut as `cut` says. */
function told(bytes: Buffer, declared?: DeclaredMedia, cut: () => number = () => bytes.length) {
  const heads: OpusHead[] = [];
  const packets: Buffer[] = [];
  const sums = { gap: 0, played: 0, simpleBlocks: 0 };
  const scanner = scannerFor(bytes.subarray(0, 4096), declared, {
    begin: (head) => void heads.push(head),
    gap: (samples) => void (sums.gap += samples),
    play: (some, samples) => {
      packets.push(...some);
      sums.played += samples;
    },
    simpleBlock: () => void (sums.simpleBlocks += 1),
  });
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, cut());
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    scanner.push(chunk);
    chunk.fill(0xa5); // what is kept of it would show
    at += size;
  }
  const { sampleFrames = 0 } = scanner.end();
  return { heads, packets, ...sums, sampleFrames };
}

const SENT = packets20ms(120);
const lengths = (packets: readonly Buffer[]): Buffer =>
  Buffer.concat(
    packets.flatMap((packet) => [Buffer.from([packet.length >> 8, packet.length & 255]), packet]),
  );
const FILES: readonly (readonly [string, Buffer, DeclaredMedia | undefined, number])[] = [
  ['Ogg', oggOpus({ packets: SENT }), undefined, PRE_SKIP],
  ['WebM', webm(clusters(SENT)), undefined, PRE_SKIP],
  ['length-prefixed packets', lengths(SENT), DECLARED, 0],
];

describe('a sink is told of every packet, as it was, and of what is played of it', () => {
  for (const [name, bytes, declared, preSkip] of FILES) {
    test(`${name}, whole`, () => {
      const { heads, packets, gap, played, sampleFrames } = told(bytes, declared);
      expect(heads).toHaveLength(1);
      expect(Buffer.concat(packets).equals(Buffer.concat(SENT))).toBe(true);
      expect(gap + played - preSkip).toBe(sampleFrames);
    });

    for (const [how, cut] of CUTS) {
      test(`${name}, ${how}`, () => {
        expect(told(bytes, declared, cut())).toEqual(told(bytes, declared));
      });
    }
  }
});

test('an empty packet, and one that is none, are not told of: they would decode to invented audio', () => {
  const [one = Buffer.alloc(0), two = one] = SENT;
  const { packets } = told(oggOpus({ packets: [one, Buffer.alloc(0), Buffer.from([0xff, 0]), two] }));
  expect(packets).toEqual([one, two]);
});

test('a lost page is a gap where it was', () => {
  const pages = opusPages({ packets: SENT });
  const whole = told(Buffer.concat(pages));
  const holed = told(Buffer.concat(pages.toSpliced(3, 1)));
  expect(holed.gap).toBeGreaterThan(0);
  expect(holed.gap + holed.played).toBe(whole.played);
});

test('what may carry Opus is known by its beginning, or by what the event says', () => {
  const [ogg, video, packets] = FILES.map(([, bytes]) => bytes.subarray(0, 4096));
  expect(opusContainer(ogg ?? Buffer.alloc(0), undefined)).toBe('ogg');
  expect(opusContainer(video ?? Buffer.alloc(0), undefined)).toBe('webm');
  expect(opusContainer(packets ?? Buffer.alloc(0), DECLARED)).toBe('opus-packets');
  expect(opusContainer(packets ?? Buffer.alloc(0), undefined)).toBeUndefined();
});
