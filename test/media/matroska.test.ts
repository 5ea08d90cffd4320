import { describe, expect, test } from 'vitest';
import { CUTS, factsOf } from './feed.ts';
import { opusHead, PRE_SKIP, packets20ms } from './make-opus.ts';
import {
  block,
  cluster,
  clusters,
  ebmlHeader,
  element,
  info,
  int64,
  simpleBlock,
  trackEntry,
  tracks,
  uint,
  webm,
} from './make-webm.ts';

const packets = packets20ms(200);
const frames = 200 * 960 - PRE_SKIP;
const [one = Buffer.alloc(0), two = Buffer.alloc(0), three = Buffer.alloc(0), four = Buffer.alloc(0)] =
  clusters(packets);
const plain = webm([one, two, three, four]);
const SIZE_OF_LAST = four.length;

const laced = (kind: number, sizes: readonly number[]) => {
  const groups = Array.from({ length: 50 }, (_, group) =>
    packets20ms(4).map((p, at) => p.subarray(0, sizes[(group + at) % sizes.length])),
  );
  return webm(groups.map((group, at) => cluster(at * 80, [simpleBlock(0, group, kind)])));
};
const discard = (ns: number) =>
  webm([
    one,
    cluster(1000, [element('a0', [element('a1', block(0, packets20ms(1))), element('75a2', int64(ns))])]),
  ]);
/** A child that claims to reach beyond its cluster. */
const overlong = cluster(1000, [element('a3', block(0, packets20ms(1)), 100_000)]);
const oversized = simpleBlock(0, [Buffer.alloc(300_000, 0xf8)]);

const complete = { container: 'webm', codec: 'opus', endState: 'complete', warnings: [] };
const files: readonly (readonly [rule: string, bytes: Buffer, facts: object])[] = [
  [
    'a plain file is complete; the codec delay is no audio',
    plain,
    {
      ...complete,
      sampleRate: 48_000,
      inputSampleRate: 8000,
      channels: 2,
      preSkip: 312,
      packets: 200,
      sampleFrames: frames,
    },
  ],
  [
    'a live file knows no sizes',
    webm(clusters(packets, 'unknown'), 'unknown'),
    { ...complete, openEnded: true, sampleFrames: frames },
  ],
  ['Xiph lacing is undone', laced(1, [40, 30, 20]), { ...complete, packets: 200, sampleFrames: frames }],
  ['fixed lacing is undone', laced(2, [40]), { ...complete, packets: 200, sampleFrames: frames }],
  ['EBML lacing is undone', laced(3, [40, 21, 33]), { ...complete, packets: 200, sampleFrames: frames }],
  [
    'a block in a group counts, and its discard padding trims the end',
    discard(13_500_000),
    { ...complete, packets: 51, sampleFrames: 51 * 960 - PRE_SKIP - 648 },
  ],
  [
    'a jump in time is a gap',
    webm([one, two, four]),
    { endState: 'damaged', packets: 150, gaps: 1, gapMs: 1000, sampleFrames: frames, warnings: ['GAPS'] },
  ],
  [
    'a single lost packet of 20 ms is a gap',
    webm([
      cluster(
        0,
        packets20ms(50).flatMap((p, at) => (at === 7 ? [] : [simpleBlock(at * 20, [p])])),
      ),
    ]),
    { endState: 'damaged', gaps: 1, gapMs: 20, sampleFrames: 50 * 960 - PRE_SKIP },
  ],
  [
    'time that runs backwards is wrong',
    webm([two, one]),
    { endState: 'damaged', warnings: ['TIMESTAMPS_INCONSISTENT'] },
  ],
  [
    'a clock that drifts by three milliseconds a second is no gap',
    webm(
      Array.from({ length: 20 }, (_, s) =>
        cluster(
          s * 1003,
          packets20ms(50).map((p, at) => simpleBlock(at * 20, [p])),
        ),
      ),
    ),
    { endState: 'complete', sampleFrames: 20 * 48_000 + 19 * 144 - PRE_SKIP },
  ],
  [
    'zeros over a cluster are skipped to the next one',
    webm([one, Buffer.alloc(two.length), three, four]),
    {
      endState: 'damaged',
      packets: 150,
      skippedBytes: two.length,
      gapMs: 1000,
      sampleFrames: frames,
      warnings: ['GAPS', 'BYTES_SKIPPED'],
    },
  ],
  [
    'a cluster behind damage counts, though the one before claims to reach over it',
    webm([one, cluster(1000, [Buffer.alloc(30)], 40 + three.length), three]),
    { endState: 'damaged', packets: 100, gapMs: 1000 },
  ],
  [
    'an element that reaches beyond its parent is damage',
    webm([one, overlong, three]),
    { endState: 'damaged', packets: 100 },
  ],
  [
    'a block that no packet is as long as is invalid',
    webm([one, cluster(1000, [oversized])]),
    { endState: 'damaged', invalidPackets: 1, packets: 50 },
  ],
  [
    'a block whose lacing contradicts itself is invalid',
    webm([cluster(0, [element('a3', Buffer.from([0x81, 0, 0, 0x82, 5, 255]))])]),
    { endState: 'damaged', invalidPackets: 1 },
  ],
  [
    'a file cut in a block is truncated',
    plain.subarray(0, -10),
    { endState: 'truncated', packets: 199, warnings: ['ENDS_EARLY'] },
  ],
  [
    'a file cut between clusters is truncated',
    plain.subarray(0, -SIZE_OF_LAST),
    { endState: 'truncated', packets: 150 },
  ],
  [
    'a live file cut in a block is truncated',
    webm(clusters(packets, 'unknown'), 'unknown').subarray(0, -10),
    { endState: 'truncated', packets: 199 },
  ],
  [
    'bytes behind the segment are trailing',
    Buffer.concat([plain, Buffer.from('garbage')]),
    { endState: 'complete', trailingBytes: 7, sampleFrames: frames },
  ],
  [
    'elements that nobody needs are passed over',
    webm([element('ec', Buffer.alloc(70_000)), one, element('1c53bb6b', Buffer.alloc(9))]),
    { ...complete, packets: 50 },
  ],
  [
    'blocks of other tracks are passed over',
    Buffer.concat([
      ebmlHeader,
      element('18538067', [
        info,
        tracks(trackEntry({ number: 1, codec: 'V_VP8', type: 1 }), trackEntry({ number: 2 })),
        cluster(0, [simpleBlock(0, packets20ms(1), 0, 1), simpleBlock(0, packets20ms(1), 0, 2)]),
      ]),
    ]),
    { ...complete, packets: 1 },
  ],
  [
    'of two Opus tracks the first is taken',
    Buffer.concat([
      ebmlHeader,
      element('18538067', [info, tracks(trackEntry(), trackEntry({ number: 2 })), one]),
    ]),
    { endState: 'complete', streams: 2, packets: 50, warnings: ['MULTIPLE_STREAMS'] },
  ],
  [
    'Vorbis in WebM is named, not read',
    Buffer.concat([ebmlHeader, element('18538067', [info, tracks(trackEntry({ codec: 'A_VORBIS' })), one])]),
    { codec: 'vorbis', endState: 'unparseable', warnings: ['FORMAT_UNSUPPORTED'] },
  ],
  [
    'compressed or encrypted blocks are not read',
    Buffer.concat([
      ebmlHeader,
      element('18538067', [info, tracks(trackEntry({ more: [element('6d80', Buffer.alloc(3))] })), one]),
    ]),
    { codec: 'opus', endState: 'unparseable', warnings: ['FORMAT_UNSUPPORTED'] },
  ],
  [
    'Matroska is told from WebM',
    Buffer.concat([
      element('1a45dfa3', [element('4282', Buffer.from('matroska'))]),
      plain.subarray(ebmlHeader.length),
    ]),
    { container: 'matroska', sampleFrames: frames },
  ],
  [
    'a header without tracks is unparseable',
    ebmlHeader,
    { endState: 'unparseable', warnings: ['HEADER_MISSING'] },
  ],
  [
    'a Void of 4 GB is not waited for',
    Buffer.from('1a45dfa380ec01000000fffffff7', 'hex'),
    { endState: 'unparseable' },
  ],
  [
    'a time scale of 0 is refused, the usual one taken',
    Buffer.concat([
      ebmlHeader,
      element('18538067', [element('1549a966', [element('2ad7b1', uint(0))]), tracks(), one]),
    ]),
    { endState: 'damaged', sampleFrames: 50 * 960 - PRE_SKIP, warnings: ['TIMESTAMPS_INCONSISTENT'] },
  ],
  [
    'without the private header the elements beside it count',
    Buffer.from(plain.toString('latin1').replace(opusHead().toString('latin1'), '\0'.repeat(19)), 'latin1'),
    { ...complete, channels: 2, preSkip: 312 },
  ],
  [
    'groups in groups are no deeper structure',
    webm([cluster(0, [nested('a0', 5000)]), two]),
    { packets: 50 },
  ],
];

describe('a track without a private header', () => {
  const odd: readonly (readonly [name: string, element: Buffer])[] = [
    ['more channels than there are', element('e1', [element('9f', int64(2 ** 40))])],
    ['0 channels', element('e1', [element('9f', uint(0))])],
    ['a delay of years', element('56aa', int64(2 ** 60))],
    ['a rate that is no number', element('e1', [element('b5', Buffer.from('7fc00000', 'hex'))])],
    ['a negative rate', element('e1', [element('b5', Buffer.from('c0000000', 'hex'))])],
  ];
  for (const [name, wrong] of odd) {
    test(`may claim ${name}`, () => {
      const track = trackEntry({ more: [element('63a2', Buffer.from('damaged')), wrong] });
      const facts = factsOf(Buffer.concat([ebmlHeader, element('18538067', [info, tracks(track), one])]));
      expect(facts).toMatchObject({ codec: 'opus', packets: 50, endState: 'complete' });
      expect(facts.channels).toBeGreaterThan(0);
      expect(facts.inputSampleRate ?? 0).toBeGreaterThanOrEqual(0);
    });
  }
});

function nested(id: string, depth: number): Buffer {
  let inner: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1)
    inner = Buffer.concat([element(id, Buffer.alloc(0), inner.length), inner]);
  return inner;
}

describe('WebM Opus', () => {
  for (const [rule, bytes, facts] of files) {
    test(`${rule}, however the file is cut`, () => {
      const found = factsOf(bytes);
      expect(found).toMatchObject({ ...facts, bytes: bytes.length });
      for (const [, cut] of CUTS) expect(factsOf(bytes, undefined, cut())).toEqual(found);
    });
  }
});
