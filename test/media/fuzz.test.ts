import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import { endStateOf } from '../../src/domain/media.ts';
import { cut } from '../../src/media/cut.ts';
import { createTap } from '../../src/media/tap.ts';
import { factsOf, seeded } from './feed.ts';
import { oggOpus } from './make-ogg.ts';
import { packets20ms } from './make-opus.ts';
import { chunk, extensibleFmt, riff, tones, wav } from './make-pcm.ts';
import { cluster, clusters, simpleBlock, webm } from './make-webm.ts';

const MUTATIONS = process.env['CALLSEAL_LONG'] === '1' ? 100_000 : 5000;

const packets = packets20ms(60);
const lacedClusters = [1, 2, 3].map((kind, at) =>
  cluster(at * 400, [simpleBlock(0, packets.slice(0, 20), kind)]),
);
const prefixed = Buffer.concat(packets.flatMap((packet) => [Buffer.from([0, packet.length]), packet]));
const rf64 = riff(
  [
    chunk('ds64', Buffer.alloc(28)),
    chunk('fmt ', extensibleFmt(7, { bits: 8 })),
    chunk('data', tones(500, 2)),
  ],
  0xffffffff,
  'RF64',
);
const TWO: DeclaredMedia['channels'] = ['caller', 'agent'];

const parsers: readonly (readonly [name: string, seed: number, base: Buffer, declared?: DeclaredMedia])[] = [
  ['WAV', 1, wav(tones(500, 2))],
  ['RF64', 2, rf64],
  [
    'Ogg',
    3,
    Buffer.concat([oggOpus({ packets, perPage: 10 }), oggOpus({ serial: 2, packets: packets.slice(0, 9) })]),
  ],
  ['WebM', 4, webm(clusters(packets))],
  ['live WebM', 5, webm([...lacedClusters, ...clusters(packets, 'unknown')], 'unknown')],
  ['Opus packets', 6, prefixed, { container: 'opus-packets', channels: TWO }],
  ['raw', 7, tones(500, 2), { container: 'raw', codec: 'pcm_s16le', sampleRate: 8000, channels: TWO }],
  ['sniffing', 8, Buffer.from('ID3\x04\0\0\0\0\0\0fLaC\xff\xfb\x90\0OggSRIFF\0\0\0\0WAVE', 'latin1')],
];

const TOKENS = ['OggS', 'OpusHead', 'OpusTags', 'RIFF', 'RF64', 'ds64', 'fmt ', 'data'].map((text) =>
  Buffer.from(text),
);
const IDS = [
  '1a45dfa3',
  '18538067',
  '1f43b675',
  'a3',
  'a0',
  '01ffffffffffffff',
  '0100000000000000',
  'ffffffff',
  '00000000',
];
const SPLICES = [...TOKENS, ...IDS.map((id) => Buffer.from(id, 'hex'))];

/** One to six changes: bytes, bits, known words, cuts, repeats, removals. */
function mutate(base: Buffer, random: () => number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  let bytes: Buffer = Buffer.from(base);
  for (let change = below(6); change >= 0 && bytes.length > 0; change -= 1) {
    const at = below(bytes.length);
    const to = Math.min(bytes.length, at + below(64));
    const kind = below(6);
    if (kind === 0) bytes.writeUInt8(below(256), at);
    else if (kind === 1) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << below(8)), at);
    else if (kind === 2) SPLICES[below(SPLICES.length)]?.copy(bytes, at);
    else if (kind === 3) bytes = bytes.subarray(0, at);
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
  }
  return bytes;
}

/** A cut of what is damaged is a sound file, or refused. */
async function cutIsSound(bytes: Buffer, declared: DeclaredMedia | undefined): Promise<boolean> {
  const tap = createTap(declared);
  tap.push(bytes);
  tap.end();
  const index = tap.index();
  if (index === undefined) return true;
  const fetch = (offset: number, length: number) => Promise.resolve(bytes.subarray(offset, offset + length));
  try {
    const facts = factsOf(await cut(index, 100, 600, fetch));
    return facts.endState === 'complete' || facts.endState === 'silent' || facts.endState === 'empty';
  } catch (error) {
    return error instanceof RangeError && !('code' in error); // Node's own say that a number was not checked
  }
}

describe('whatever the bytes are, the tap gives sound facts, the same for any cut', {
  timeout: 3_600_000,
}, () => {
  for (const [name, seed, base, declared] of parsers) {
    test(`${name}, ${MUTATIONS} mutations, seed ${seed}`, async () => {
      const random = seeded(seed);
      const unsound: string[] = [];
      for (let round = 0; round < MUTATIONS; round += 1) {
        const bytes = mutate(base, random);
        const facts = factsOf(bytes, declared);
        const cutSeed = Math.floor(random() * 2 ** 32);
        const cuts = seeded(cutSeed);
        const inPieces = factsOf(bytes, declared, () => Math.floor(cuts() * 200));
        // Not an expect() a round: that is slower than the parser.
        const isSound =
          !facts.warnings.includes('PARSER_FAILED') &&
          facts.bytes === bytes.length &&
          facts.endState === endStateOf(facts.warnings) &&
          Object.values(facts).every(
            (value) => typeof value !== 'number' || (Number.isFinite(value) && value >= 0),
          ) &&
          JSON.stringify(facts) === JSON.stringify(inPieces) &&
          (await cutIsSound(bytes, declared));
        if (!isSound) unsound.push(`round ${round}, cuts ${cutSeed}: ${bytes.toString('base64')}`);
      }
      expect(unsound).toEqual([]);
    });
  }
});
