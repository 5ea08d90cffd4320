import { describe, expect, test } from 'vitest';
import { CUTS, factsOf } from './feed.ts';
import { oggOpus, oggPage, opusPages } from './make-ogg.ts';
import { opusHead, opusTags, PRE_SKIP, packet20ms, packets20ms } from './make-opus.ts';

const packets = packets20ms(200);
const pages = opusPages({ packets });
const whole = Buffer.concat(pages);
const frames = 200 * 960 - PRE_SKIP;
const without = (...indexes: number[]) => Buffer.concat(pages.filter((_, index) => !indexes.includes(index)));
const flipped = (index: number) => {
  const copy = Buffer.from(whole);
  const at = pages.slice(0, index).reduce((sum, page) => sum + page.length, 0);
  copy.writeUInt8(copy.readUInt8(at + 100) ^ 1, at + 100);
  return copy;
};

/** One packet that begins on a page and ends on the next. */
const acrossPages = Buffer.concat([
  ...opusPages({ packets: [] }),
  oggPage({ sequence: 2, granule: 960, packets: [packet20ms(), packet20ms(510)], open: true }),
  oggPage({ sequence: 3, granule: 1920, continued: true, last: true, packets: [Buffer.alloc(77)] }),
]);
const lostContinuation = Buffer.concat([
  ...opusPages({ packets: [] }),
  oggPage({ sequence: 2, granule: 960, packets: [packet20ms(), packet20ms(510)], open: true }),
  oggPage({ sequence: 3, granule: 1920, last: true, packets: [packet20ms()] }),
]);
/** The page with the packet's beginning is gone; what goes on is no packet. */
const lostBeginning = Buffer.concat([
  ...opusPages({ packets: [] }),
  oggPage({ sequence: 3, granule: 1920, continued: true, packets: [Buffer.alloc(77, 1), packet20ms()] }),
  oggPage({ sequence: 4, granule: 2880, last: true, packets: [packet20ms()] }),
]);
const longTags = Buffer.concat([
  oggPage({ sequence: 0, granule: 0, first: true, packets: [opusHead()] }),
  oggPage({ sequence: 1, granule: -1, packets: [opusTags(255 * 255)], open: true }),
  oggPage({ sequence: 2, granule: 0, continued: true, packets: [Buffer.alloc(20)] }),
  oggPage({ sequence: 3, granule: 960, last: true, packets: [packet20ms()] }),
]);

/** Its length says that it holds the whole rest of the file. */
const swallowing = Buffer.from(pages[3] ?? []);
swallowing.fill(255, 27, 27 + 50);

function interleaved(other: Buffer): Buffer {
  const [first = Buffer.alloc(0), ...rest] = pages;
  const side = [
    oggPage({ serial: 9, sequence: 0, granule: 0, first: true, packets: [other] }),
    oggPage({ serial: 9, sequence: 1, granule: 0, packets: [opusTags()] }),
    oggPage({ serial: 9, sequence: 2, granule: 960, last: true, packets: [packet20ms()] }),
  ];
  const [sideFirst = Buffer.alloc(0), ...sideRest] = side;
  return Buffer.concat([first, sideFirst, ...sideRest, ...rest]);
}

const complete = { container: 'ogg', codec: 'opus', endState: 'complete', warnings: [] };
const files: readonly (readonly [rule: string, bytes: Buffer, facts: object])[] = [
  [
    'a plain stream is complete; pre-skip is no audio',
    whole,
    {
      ...complete,
      sampleRate: 48_000,
      inputSampleRate: 8000,
      channels: 2,
      preSkip: 312,
      sampleFrames: frames,
      links: 1,
    },
  ],
  [
    'the last granule trims the end',
    oggOpus({ packets, endTrim: 500 }),
    { ...complete, sampleFrames: frames - 500 },
  ],
  [
    'a stream that was joined late begins at its first granule',
    oggOpus({ packets, startGranule: 96_000 }),
    { ...complete, sampleFrames: frames },
  ],
  [
    'a single page may trim more than it holds',
    oggOpus({ packets: packets20ms(1), endTrim: 900 }),
    { endState: 'empty', sampleFrames: 0 },
  ],
  ['a packet may go on over the page border', acrossPages, { ...complete, packets: 2, audioBytes: 40 + 587 }],
  ['tags may take several pages', longTags, { ...complete, packets: 1, sampleFrames: 960 - PRE_SKIP }],
  [
    'a packet of no bytes is invalid',
    oggOpus({ packets: [packet20ms(), Buffer.alloc(0)] }),
    { endState: 'damaged', invalidPackets: 1 },
  ],
  [
    'a flipped bit drops its page and leaves a gap',
    flipped(3),
    {
      endState: 'damaged',
      sampleFrames: frames,
      packets: 150,
      gaps: 1,
      gapMs: 1000,
      checksumErrors: 1,
      skippedBytes: pages[3]?.length,
      warnings: ['CHECKSUM_ERRORS', 'GAPS', 'BYTES_SKIPPED'],
    },
  ],
  [
    'a missing page is a gap',
    without(3),
    { endState: 'damaged', sampleFrames: frames, gaps: 1, gapMs: 1000, warnings: ['GAPS'] },
  ],
  [
    'a missing first page of audio is a gap',
    without(2),
    { endState: 'damaged', sampleFrames: frames, gaps: 1, gapMs: 1000 },
  ],
  [
    'a jump of the granule is a gap though no page is missing',
    Buffer.concat([
      ...pages.slice(0, 4),
      oggPage({ sequence: 4, granule: 200_000, last: true, packets: [packet20ms()] }),
    ]),
    { endState: 'damaged', gaps: 1, warnings: ['GAPS'] },
  ],
  [
    'a granule that runs backwards before the end is wrong',
    Buffer.concat([
      ...pages.slice(0, 3),
      oggPage({ sequence: 3, granule: 960, packets: [packet20ms()] }),
      ...pages.slice(4),
    ]),
    { endState: 'damaged' },
  ],
  [
    'a stream without its end mark is truncated',
    oggOpus({ packets, ended: false }),
    { endState: 'truncated', warnings: ['ENDS_EARLY'] },
  ],
  ['a stream cut between pages is truncated', without(5), { endState: 'truncated', packets: 150 }],
  [
    'a stream cut in its last page is truncated',
    whole.subarray(0, -5),
    { endState: 'truncated', packets: 150, warnings: ['ENDS_EARLY'] },
  ],
  [
    'a stream cut in its first page is truncated',
    whole.subarray(0, 40),
    { container: 'ogg', endState: 'truncated' },
  ],
  [
    'a packet whose rest is lost is invalid',
    lostContinuation,
    { endState: 'damaged', packets: 2, invalidPackets: 1 },
  ],
  [
    'the rest of a packet whose beginning is lost is no packet',
    lostBeginning,
    { endState: 'damaged', packets: 2, audioBytes: 80, gaps: 1, warnings: ['GAPS'] },
  ],
  [
    'a page whose length swallows the rest of the file is left out, the rest is found',
    Buffer.concat([...pages.slice(0, 3), swallowing, ...pages.slice(4)]),
    { endState: 'damaged', sampleFrames: frames, packets: 150, gaps: 1, gapMs: 1000 },
  ],
  [
    'junk before the first page is skipped',
    Buffer.concat([Buffer.from('ID3junkjunk'), whole]),
    { endState: 'damaged', skippedBytes: 11, sampleFrames: frames },
  ],
  [
    'bytes behind the end mark are trailing',
    Buffer.concat([whole, Buffer.alloc(4096)]),
    { endState: 'complete', trailingBytes: 4096, sampleFrames: frames, warnings: ['TRAILING_BYTES'] },
  ],
  [
    'bytes that are no page where there is no end mark are lost audio',
    Buffer.concat([oggOpus({ packets, ended: false }), Buffer.alloc(300)]),
    { endState: 'damaged', skippedBytes: 300, warnings: ['BYTES_SKIPPED', 'ENDS_EARLY'] },
  ],
  [
    'links follow each other and add up',
    Buffer.concat([whole, oggOpus({ serial: 2, packets })]),
    { ...complete, links: 2, sampleFrames: 2 * frames },
  ],
  [
    'a link may have the serial of the one before',
    Buffer.concat([whole, whole]),
    { ...complete, links: 2, sampleFrames: 2 * frames },
  ],
  [
    'of two Opus streams side by side the first is taken',
    interleaved(opusHead()),
    { endState: 'complete', streams: 2, sampleFrames: frames, warnings: ['MULTIPLE_STREAMS'] },
  ],
  [
    'a stream of something else beside it is passed over',
    interleaved(Buffer.from('\x01vorbis')),
    { ...complete, streams: 2, sampleFrames: frames },
  ],
  [
    'headers without audio are empty',
    oggOpus({ packets: [] }),
    { endState: 'truncated', warnings: ['ENDS_EARLY', 'NO_AUDIO'] },
  ],
  [
    'without its first page a stream has no header',
    without(0),
    { endState: 'unparseable', warnings: ['HEADER_MISSING'] },
  ],
  [
    'a header of 0 channels is refused',
    oggOpus({ packets, head: opusHead({ channels: 0 }) }),
    { codec: 'opus', endState: 'unparseable', warnings: ['HEADER_INVALID'] },
  ],
  [
    'Vorbis in Ogg is named, not read',
    oggPage({ sequence: 0, granule: 0, first: true, packets: [Buffer.from('\x01vorbis')] }),
    { container: 'ogg', codec: 'vorbis', endState: 'unparseable', warnings: ['FORMAT_UNSUPPORTED'] },
  ],
];

describe('Ogg Opus', () => {
  for (const [rule, bytes, facts] of files) {
    test(`${rule}, however the file is cut`, () => {
      const found = factsOf(bytes);
      expect(found).toMatchObject({ ...facts, bytes: bytes.length });
      for (const [, cut] of CUTS) expect(factsOf(bytes, undefined, cut())).toEqual(found);
    });
  }

  test('declared Ogg is searched for its first page beyond what is sniffed', () => {
    const bytes = Buffer.concat([Buffer.alloc(10_000), whole]);
    expect(factsOf(bytes, { container: 'ogg' })).toMatchObject({
      skippedBytes: 10_000,
      sampleFrames: frames,
    });
    expect(factsOf(Buffer.alloc(10_000), { container: 'ogg' })).toMatchObject({
      container: 'unknown',
      endState: 'unparseable',
    });
  });

  test('pages nested into each other by thousands are given up, not checksummed for minutes', () => {
    const head = Buffer.alloc(282, 255);
    head.set(Buffer.from('4f67675300', 'hex'));
    head.fill(0, 5, 26);
    const bytes = Buffer.concat([Buffer.from(pages[0] ?? []), ...Array.from({ length: 4000 }, () => head)]);
    expect(factsOf(bytes)).toMatchObject({ endState: 'unparseable' });
    expect(factsOf(bytes).warnings).toContain('PARSE_BUDGET_EXCEEDED');
  });
});
