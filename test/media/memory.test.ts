import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import { createTap } from '../../src/media/tap.ts';
import { oggOpus, oggPage } from './make-ogg.ts';
import { opusHead, packets20ms } from './make-opus.ts';
import { chunk, fmt, riff, tones } from './make-pcm.ts';
import { cluster, element, simpleBlock, webm } from './make-webm.ts';

const MiB = 2 ** 20;
const FED = 64 * MiB;
const ALLOWED = 4 * MiB;

const packets = packets20ms(50);
const many = (count: number, make: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
const firstPage = (serial: number) =>
  oggPage({ serial, sequence: 0, granule: 0, first: true, packets: [opusHead()] });

/** How it begins, and what follows again and again. */
const hostile: readonly (readonly [
  name: string,
  start: Buffer,
  repeated: Buffer,
  declared?: DeclaredMedia,
])[] = [
  ['a WAV chunk of 4 GB', riff([chunk('junk', Buffer.alloc(0), 0xfffffffe)]), Buffer.alloc(MiB, 1)],
  ['a WAV of chunks without bytes', riff([]), many(100_000, () => chunk('junk', Buffer.alloc(0)))],
  [
    'WAV samples without end',
    riff([chunk('fmt ', fmt()), chunk('data', Buffer.alloc(0), 0)]),
    tones(262_144, 2),
  ],
  [
    'an Ogg packet without end',
    oggOpus({ packets }),
    oggPage({ sequence: 9, granule: -1, continued: true, open: true, packets: [Buffer.alloc(255 * 255)] }),
  ],
  ['an Ogg stream for every page', oggOpus({ packets, ended: false }), many(10_000, firstPage)],
  ['nothing but noise behind one Ogg page', oggOpus({ packets }), Buffer.from(tones(262_144, 2))],
  ['an EBML element of 2^55 bytes', webm([element('ec', Buffer.alloc(0), 2 ** 55)]), Buffer.alloc(MiB, 0xa3)],
  [
    'a WebM block of 1 GB',
    webm([cluster(0, [element('a3', Buffer.from('81000080', 'hex'), 2 ** 30)], 'unknown')], 'unknown'),
    Buffer.alloc(MiB, 0xf8),
  ],
  [
    'a cluster without end',
    webm([cluster(0, [], 'unknown')], 'unknown'),
    many(1000, (index) => simpleBlock(index * 20, packets.slice(0, 1))),
  ],
  ['a WebM that is lost', webm([Buffer.alloc(100)], 'unknown'), Buffer.alloc(MiB)],
  [
    'raw samples',
    Buffer.alloc(0),
    Buffer.alloc(MiB, 1),
    { container: 'raw', codec: 'pcm_s16le', sampleRate: 8000, channels: ['caller', 'agent'] },
  ],
];

describe('memory is bounded by the parser, not by the recording or what it declares', {
  timeout: 60_000,
}, () => {
  for (const [name, start, repeated, declared] of hostile) {
    test(`${name}: ${FED / MiB} MiB within ${ALLOWED / MiB}`, () => {
      const tap = createTap(declared, { parseMs: 1e9 });
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      tap.push(start);
      for (let fed = 0; fed < FED; fed += repeated.length) {
        tap.push(repeated);
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      expect(tap.end().warnings).not.toContain('PARSER_FAILED');
      expect(most).toBeLessThan(ALLOWED);
    });
  }
});
