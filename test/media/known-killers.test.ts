import { expect, test } from 'vitest';
import type { MediaFacts } from '../../src/domain/media.ts';
import { createTap } from '../../src/media/tap.ts';
import { CUTS, factsOf } from './feed.ts';
import { oggOpus, oggPage, opusPages } from './make-ogg.ts';
import { PRE_SKIP, packets20ms } from './make-opus.ts';
import { chunk, fmt, riff, tones } from './make-pcm.ts';
import { cluster, clusters, simpleBlock, webm } from './make-webm.ts';

/** Files that are known to lose other readers their audio, their time or their process (docs/audio.md). */
const packets = packets20ms(100);
const SAMPLES = 100 * 960 - PRE_SKIP;
const frames = tones(8000, 2);
const complete = { endState: 'complete', warnings: [] } as const;

/** A comment header of 100 KB: more than one page holds. */
function bigTags(): Buffer {
  const tags = Buffer.alloc(400 * 255, 'A');
  tags.write('OpusTags', 'latin1');
  const [head] = opusPages({ packets: [] });
  const piece = (from: number, to: number): Buffer => tags.subarray(from * 255, to * 255);
  const pages = [
    oggPage({ sequence: 1, granule: -1, open: true, packets: [piece(0, 255)] }),
    oggPage({ sequence: 2, granule: 0, continued: true, packets: [piece(255, 400)] }),
    oggPage({ sequence: 3, granule: 50 * 960, packets: packets.slice(0, 50) }),
    oggPage({ sequence: 4, granule: 100 * 960, last: true, packets: packets.slice(50) }),
  ];
  return Buffer.concat([head ?? Buffer.alloc(0), ...pages]);
}

/** Two streams side by side; the first one's pages take turns with the other's. */
function multiplexed(): Buffer {
  const ours = opusPages({ serial: 1, packets });
  const theirs = opusPages({ serial: 2, packets: packets20ms(100) });
  return Buffer.concat(ours.flatMap((page, at) => [page, theirs[at] ?? Buffer.alloc(0)]));
}

/** One length of a page is wrong: the page claims more than it holds. */
function badLacing(): Buffer {
  const pages = opusPages({ packets, perPage: 10 });
  const page = pages[5];
  if (page === undefined) throw new Error('there are twelve pages');
  page.writeUInt8(255, 27 + 3);
  return Buffer.concat(pages);
}

/** The header of RF64, with sizes beyond 32 bits. */
function rf64(dataBytes: bigint, samples: Buffer): Buffer {
  const ds64 = Buffer.alloc(28);
  ds64.writeBigUInt64LE(dataBytes + 72n, 0);
  ds64.writeBigUInt64LE(dataBytes, 8);
  return riff(
    [chunk('ds64', ds64), chunk('fmt ', fmt()), chunk('data', samples, 0xffffffff)],
    0xffffffff,
    'RF64',
  );
}

const laced = [0, 1, 2, 3, 4].map((at) =>
  cluster(at * 400, [simpleBlock(0, packets.slice(at * 20, at * 20 + 20), 1)]),
);

const killers: readonly (readonly [name: string, bytes: Buffer, facts: Partial<MediaFacts>])[] = [
  ['a comment header of 100 KB', bigTags(), { ...complete, packets: 100, sampleFrames: SAMPLES }],
  [
    'a chained file',
    Buffer.concat([oggOpus({ packets }), oggOpus({ serial: 2, packets })]),
    { ...complete, links: 2, packets: 200, sampleFrames: 2 * SAMPLES },
  ],
  [
    'a multiplexed file',
    multiplexed(),
    { endState: 'complete', warnings: ['MULTIPLE_STREAMS'], streams: 2, packets: 100, sampleFrames: SAMPLES },
  ],
  [
    'one bad lacing byte',
    badLacing(),
    { endState: 'damaged', packets: 90, gaps: 1, gapMs: 200, sampleFrames: SAMPLES },
  ],
  ['laced WebM', webm(laced), { ...complete, packets: 100, sampleFrames: SAMPLES }],
  [
    'live WebM, of which nothing says its size',
    webm(clusters(packets, 'unknown'), 'unknown'),
    { ...complete, openEnded: true, packets: 100, sampleFrames: SAMPLES },
  ],
  [
    'streaming WAV of sox, sizes of about 2^31',
    riff([chunk('fmt ', fmt()), chunk('data', frames, 0x7ffff000)], 0x7ffff024),
    { ...complete, openEnded: true, sampleFrames: 8000 },
  ],
  [
    'streaming WAV of ffmpeg, sizes of 2^32 - 1',
    riff([chunk('fmt ', fmt()), chunk('data', frames, 0xffffffff)], 0xffffffff),
    { ...complete, openEnded: true, sampleFrames: 8000 },
  ],
  ['RF64', rf64(BigInt(frames.length), frames), { ...complete, container: 'rf64', sampleFrames: 8000 }],
  [
    'RF64 of 5 GB that was cut after a second',
    rf64(5_000_000_000n, frames),
    { endState: 'truncated', warnings: ['ENDS_EARLY'], sampleFrames: 8000 },
  ],
  [
    'a WAV that says 4 GB of the second that is there',
    riff([chunk('fmt ', fmt()), chunk('data', frames, 0xffff_ff00)], 0xffff_ff24),
    { openEnded: true, sampleFrames: 8000 },
  ],
  [
    'an EBML element of 4 GB in a file of 14 bytes',
    Buffer.from('1a45dfa380ec01000000fffffff7', 'hex'),
    { endState: 'unparseable' },
  ],
];

for (const [name, bytes, facts] of killers) {
  test(`${name}: nothing is lost, nothing hangs, however the file is cut`, () => {
    const found = factsOf(bytes);
    expect(found).toMatchObject({ ...facts, bytes: bytes.length });
    for (const [, cut] of CUTS) expect(factsOf(bytes, undefined, cut())).toEqual(found);
  });
}

test('a recording of more than 4 GB is counted beyond 32 bits', { timeout: 60_000 }, () => {
  const tap = createTap(undefined);
  const head = rf64(4_500_000_000n, Buffer.alloc(0));
  // A constant, so that the samples need not be made anew: what matters is where byte 2^32 lies.
  const piece = Buffer.alloc(4_500_000);
  tap.push(head);
  for (let at = 0; at < 1000; at += 1) tap.push(piece);
  expect(tap.end()).toMatchObject({
    endState: 'silent',
    sampleFrames: 1_125_000_000,
    durationMs: 140_625_000,
    audioBytes: 4_500_000_000,
    bytes: head.length + 4_500_000_000,
  });
  expect(tap.analysis()?.stats.sampleFrames).toBe(1_125_000_000);
});
