import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import { cut } from '../../src/media/cut.ts';
import { readEntries } from '../../src/media/index-entries.ts';
import type { MediaIndex } from '../../src/media/media-index.ts';
import { packetsOf } from '../../src/media/opus-slice.ts';
import { createTap } from '../../src/media/tap.ts';
import { factsOf } from './feed.ts';
import { oggOpus, oggPage, opusPages } from './make-ogg.ts';
import { PRE_SKIP, packet20ms, packets20ms } from './make-opus.ts';
import { tones, wav } from './make-pcm.ts';
import { cluster, clusters, simpleBlock, webm } from './make-webm.ts';

function indexOf(bytes: Uint8Array, declared?: DeclaredMedia): MediaIndex {
  const tap = createTap(declared);
  tap.push(bytes);
  tap.end();
  const index = tap.index();
  if (index === undefined) throw new Error('no index');
  return JSON.parse(JSON.stringify(index)) as MediaIndex; // as it is stored
}

async function cutOf(bytes: Buffer, fromMs: number, toMs: number, declared?: DeclaredMedia): Promise<Buffer> {
  const fetch = (offset: number, length: number) => Promise.resolve(bytes.subarray(offset, offset + length));
  return await cut(indexOf(bytes, declared), fromMs, toMs, fetch);
}

const SECONDS = 20;
/** Packet k is filled with k mod 251: what is heard when can be read off. */
const packets = Array.from({ length: SECONDS * 50 }, (_, at) => packet20ms(30 + (at % 7), at % 251));
const laced = Array.from({ length: SECONDS }, (_, s) => {
  const group = packets.slice(s * 50, s * 50 + 50);
  return cluster(s * 1000, [simpleBlock(0, group.slice(0, 25), 1), simpleBlock(500, group.slice(25), 3)]);
});
const prefixed = Buffer.concat(packets.flatMap((packet) => [Buffer.from([0, 0, 0, packet.length]), packet]));
const declaredPackets: DeclaredMedia = { container: 'opus-packets', channels: ['caller', 'agent'] };
/** Every page begins with the rest of the packet before. */
const continued = Buffer.concat([
  ...opusPages({ packets: [] }),
  ...packets.map((packet, at) =>
    oggPage({
      sequence: at + 2,
      granule: at === 0 ? -1 : at * 960,
      continued: at > 0,
      packets: [
        ...(at > 0 ? [Buffer.from([at - 1])] : []),
        Buffer.concat([packet.subarray(0, 2), Buffer.alloc(253)]),
      ],
      open: true,
    }),
  ),
]);

const opus: readonly (readonly [name: string, bytes: Buffer, preSkip: number, declared?: DeclaredMedia])[] = [
  ['Ogg', oggOpus({ packets }), PRE_SKIP],
  ['Ogg of pages of 3 packets', oggOpus({ packets, perPage: 3 }), PRE_SKIP],
  ['Ogg that was joined late', oggOpus({ packets, startGranule: 96_000 }), PRE_SKIP],
  ['WebM', webm(clusters(packets)), PRE_SKIP],
  ['live WebM', webm(clusters(packets, 'unknown'), 'unknown'), PRE_SKIP],
  ['laced WebM', webm(laced), PRE_SKIP],
  ['length-prefixed packets', prefixed, 0, declaredPackets],
];
const times = [
  [0, 1000],
  [0, SECONDS * 1000],
  [20, 40],
  [81, 95],
  [3333, 7777],
  [9990, 10_010],
  [18_000, 99_000],
] as const;

describe('a cut out of Opus', () => {
  for (const [name, bytes, preSkip, declared] of opus) {
    for (const [fromMs, toMs] of times) {
      test(`${name}, ${fromMs} to ${toMs} ms, plays those samples and no others`, async () => {
        const file = await cutOf(bytes, fromMs, toMs, declared);
        const facts = factsOf(file);
        const from = fromMs * 48;
        const to = Math.min(toMs * 48, SECONDS * 48_000 - preSkip);
        expect(facts).toMatchObject({
          container: 'ogg',
          endState: 'complete',
          sampleFrames: to - from,
          warnings: [],
        });

        const first = file.indexOf(0xf8, facts.audioOffset ?? 0); // TOC of the first packet, behind tags and lacing
        const firstPacket = (from - (facts.preSkip ?? 0) + preSkip) / 960;
        expect(Number.isInteger(firstPacket)).toBe(true);
        expect(file.includes(packets[firstPacket] ?? 'none', first)).toBe(true);
        const preRoll = facts.preSkip ?? 0;
        expect(preRoll).toBeGreaterThanOrEqual(Math.min(3840, from + preSkip));
        expect(preRoll).toBeLessThan(3840 + 960);
      });
    }

    test(`${name}: from every entry on, the packets lie where the index says`, () => {
      const { layout } = indexOf(bytes, declared);
      if (layout.kind === 'frames') throw new Error('no entries');
      for (const { sample, offset } of readEntries(layout.entries)) {
        const placed = packetsOf(layout, sample, bytes.subarray(offset));
        const start = (sample + preSkip) / 960;
        expect(placed.map((packet) => packet.bytes)).toEqual(packets.slice(start));
        expect(placed.at(-1)?.sample).toBe((packets.length - 1) * 960 - preSkip);
      }
    });
  }

  const gaps = [
    ['Ogg', Buffer.concat(opusPages({ packets }).filter((_, at) => at !== 7))],
    ['WebM', webm(clusters(packets).filter((_, at) => at !== 5))],
  ] as const;
  for (const [name, bytes] of gaps) {
    test(`${name} with a second missing keeps its time: the hole is filled with lost packets`, async () => {
      for (const [fromMs, toMs] of [
        [4000, 8000],
        [5500, 7000],
        [4900, 5500],
      ] as const) {
        const facts = factsOf(await cutOf(bytes, fromMs, toMs));
        expect(facts).toMatchObject({
          endState: 'complete',
          sampleFrames: (toMs - fromMs) * 48,
          warnings: [],
        });
      }
    });
  }

  test('nothing is made up where the whole of it is missing', async () => {
    for (const [, bytes] of gaps) await expect(cutOf(bytes, 5500, 5700)).rejects.toThrow(RangeError);
  });

  test('a gap longer than a pre-skip can say does not move the beginning', async () => {
    const bytes = Buffer.concat(opusPages({ packets }).filter((_, at) => at < 5 || at > 8));
    expect(factsOf(await cutOf(bytes, 6500, 9000))).toMatchObject({
      endState: 'complete',
      sampleFrames: 120_000,
    });
  });

  test('packets over page borders are put together again', async () => {
    expect(factsOf(await cutOf(continued, 1000, 2000))).toMatchObject({
      endState: 'complete',
      sampleFrames: 48_000,
    });
  });

  test('an entry is the first packet that begins there, not the one that ends there', () => {
    const { layout } = indexOf(continued);
    if (layout.kind === 'frames') throw new Error('no entries');
    for (const { sample, offset } of readEntries(layout.entries)) {
      const [first] = packetsOf(layout, sample, continued.subarray(offset));
      expect(first?.bytes[1]).toBe(((sample + PRE_SKIP) / 960) % 251);
    }
  });

  test('an entry on a last page that is trimmed lies where its packets begin', () => {
    const bytes = oggOpus({ packets, endTrim: 500 });
    const { layout } = indexOf(bytes);
    if (layout.kind === 'frames') throw new Error('no entries');
    expect(readEntries(layout.entries).at(-1)?.sample).toBe((packets.length - 50) * 960 - PRE_SKIP);
  });

  test('a packet over the border of the last entry is fetched too', async () => {
    for (let toMs = 2900; toMs < 3100; toMs += 5) {
      const { audioBytes, packets: count = 0 } = factsOf(await cutOf(continued, 2000, toMs));
      expect(audioBytes).toBe(count * 256); // none of them is one that stands for a lost one
    }
  });

  test('the beginning of a packet whose rest is lost is not joined to the next one', () => {
    const begun = Buffer.concat([Buffer.from([0xf8]), Buffer.alloc(254, 7)]);
    const bytes = Buffer.concat([
      ...opusPages({ packets: [] }),
      oggPage({ sequence: 2, granule: 960, packets: [packet20ms(), begun], open: true }),
      oggPage({ sequence: 4, granule: 2880, last: true, packets: [packet20ms(50)] }),
    ]);
    const { layout } = indexOf(bytes);
    if (layout.kind === 'frames') throw new Error('no entries');
    const placed = packetsOf(layout, -PRE_SKIP, bytes.subarray(readEntries(layout.entries)[0]?.offset));
    expect(placed.map((packet) => packet.bytes.length)).toEqual([40, 50]);
    expect(placed.map((packet) => packet.sample + PRE_SKIP)).toEqual([0, 1920]);
  });

  test('links that follow each other are not cut', () => {
    const tap = createTap(undefined);
    tap.push(Buffer.concat([oggOpus({ packets }), oggOpus({ packets })]));
    tap.end();
    expect(tap.index()).toBeUndefined();
  });
});

describe('a cut out of samples', () => {
  const samples = tones(8000, 2);
  const raw = {
    container: 'raw',
    codec: 'pcm_mulaw',
    sampleRate: 8000,
    channels: ['caller', 'agent'],
  } as DeclaredMedia;

  test('of a WAV is a WAV of exactly those', async () => {
    const file = await cutOf(wav(samples), 250, 500);
    expect(factsOf(file)).toMatchObject({
      container: 'wav',
      sampleFrames: 2000,
      endState: 'complete',
      warnings: [],
    });
    expect(Buffer.compare(file.subarray(-8000), samples.subarray(8000, 16_000))).toBe(0);
  });

  test('of raw mu-law is a WAV of mu-law', async () => {
    const file = await cutOf(samples, 0.125, 0.25, { ...raw, channels: ['mixed'] });
    expect(factsOf(file)).toMatchObject({
      codec: 'pcm_mulaw',
      sampleFrames: 1,
      channels: 1,
    });
    expect(file.subarray(-2)).toEqual(Buffer.from([samples.readUInt8(1), 0])); // and the padding
  });

  test('ends where the recording ends', async () => {
    expect(factsOf(await cutOf(wav(samples), 900, 5000))).toMatchObject({ sampleFrames: 800 });
  });
});

describe('what cannot be cut', () => {
  const bytes = wav(tones(8000, 2));
  test('is refused where nothing lies', async () => {
    for (const [from, to] of [
      [-1, 5],
      [5, 5],
      [6, 5],
      [1000, 2000],
      [Number.NaN, 5],
    ] as const) {
      await expect(cutOf(bytes, from, to)).rejects.toThrow(RangeError);
    }
  });
  test('is refused where it would last more than four hours', async () => {
    const facts = { ...indexOf(bytes).facts, sampleFrames: 8000 * 86_400 };
    const none = () => Promise.reject(new Error('not to be fetched'));
    await expect(cut({ ...indexOf(bytes), facts }, 0, 4 * 3_600_000 + 1, none)).rejects.toThrow(RangeError);
  });
  test('is refused where the bytes are not those that were asked for', async () => {
    const short = () => Promise.resolve(new Uint8Array(3));
    await expect(cut(indexOf(bytes), 0, 500, short)).rejects.toThrow(RangeError);
  });
  test('has no index: packets of more channels than a plain header can say', () => {
    const tap = createTap({ ...declaredPackets, channels: ['caller', 'agent', 'mixed'] });
    tap.push(prefixed);
    expect(tap.end().endState).toBe('complete');
    expect(tap.index()).toBeUndefined();
  });
  test('has no index: what is not understood', () => {
    for (const unread of [Buffer.alloc(0), Buffer.from('fLaC'), packets20ms(3)[0] ?? Buffer.alloc(0)]) {
      const tap = createTap(undefined);
      tap.push(unread);
      tap.end();
      expect(tap.index()).toBeUndefined();
    }
  });
});
