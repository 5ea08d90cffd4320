import { describe, expect, test } from 'vitest';
import { CUTS, factsOf } from './feed.ts';
import { chunk, extensibleFmt, fmt, riff, tones, wav } from './make-pcm.ts';

const second = tones(8000, 2);
const fmtChunk = chunk('fmt ', fmt());

/** `ds64`: RIFF size, data size, sample count, no table (EBU Tech 3306). */
function ds64(riffSize: number, dataSize: number): Buffer {
  const body = Buffer.alloc(28);
  body.writeBigUInt64LE(BigInt(riffSize), 0);
  body.writeBigUInt64LE(BigInt(dataSize), 8);
  return chunk('ds64', body);
}

const ONE_SECOND = { sampleRate: 8000, channels: 2, durationMs: 1000, audioBytes: 32_000 };
const files: readonly (readonly [rule: string, bytes: Buffer, facts: object])[] = [
  [
    'a plain file is complete',
    wav(second),
    {
      ...ONE_SECOND,
      container: 'wav',
      codec: 'pcm_s16le',
      endState: 'complete',
      audioOffset: 44,
      warnings: [],
    },
  ],
  [
    'mu-law is one byte a sample',
    wav(second, fmt({ tag: 7, bits: 8 })),
    { codec: 'pcm_mulaw', durationMs: 2000 },
  ],
  [
    'A-law is one byte a sample',
    wav(second, fmt({ tag: 6, bits: 8 })),
    { codec: 'pcm_alaw', durationMs: 2000 },
  ],
  [
    '24 bits are three bytes a sample',
    wav(second.subarray(0, 24_000), fmt({ bits: 24 })),
    { codec: 'pcm_s24le', durationMs: 500 },
  ],
  [
    'float samples are counted',
    wav(second, fmt({ tag: 3, bits: 32 })),
    { codec: 'pcm_f32le', durationMs: 500 },
  ],
  [
    'WAVE_FORMAT_EXTENSIBLE names its codec in the sub-format',
    wav(second, extensibleFmt(1)),
    { ...ONE_SECOND, codec: 'pcm_s16le' },
  ],
  [
    'extensible mu-law is understood',
    wav(second, extensibleFmt(7, { bits: 8 })),
    { codec: 'pcm_mulaw', durationMs: 2000 },
  ],
  [
    'chunks of odd length are padded to even ones',
    riff([
      chunk('LIST', Buffer.from('odd')),
      fmtChunk,
      chunk('junk', Buffer.alloc(7)),
      chunk('data', second),
    ]),
    { ...ONE_SECOND, endState: 'complete', audioOffset: 72 },
  ],
  [
    'a data size of 0 means: until the end',
    riff([fmtChunk, chunk('data', second, 0)]),
    { ...ONE_SECOND, endState: 'complete', openEnded: true },
  ],
  [
    'sizes of 0xFFFFFFFF mean: until the end',
    riff([fmtChunk, chunk('data', second, 0xffffffff)], 0xffffffff),
    { ...ONE_SECOND, endState: 'complete', openEnded: true },
  ],
  [
    'a data size beyond the file is audio until the end of a truncated file',
    riff([fmtChunk, chunk('data', second, 64_000)], 64_036),
    { ...ONE_SECOND, endState: 'truncated', warnings: ['ENDS_EARLY'] },
  ],
  [
    'with a data size of 0 the RIFF size still shows a cut',
    riff([fmtChunk, chunk('data', second, 0)], 64_036),
    { ...ONE_SECOND, endState: 'truncated', warnings: ['ENDS_EARLY'] },
  ],
  [
    'trailing bytes are not audio',
    Buffer.concat([wav(second), Buffer.alloc(333)]),
    { ...ONE_SECOND, endState: 'complete', trailingBytes: 333, warnings: ['TRAILING_BYTES'] },
  ],
  [
    'a chunk behind the data is not audio, and no trailing bytes',
    riff([fmtChunk, chunk('data', second), chunk('LIST', Buffer.alloc(11))]),
    { ...ONE_SECOND, endState: 'complete', warnings: [] },
  ],
  [
    'RF64 keeps its sizes in ds64',
    riff([ds64(32_072, 32_000), fmtChunk, chunk('data', second, 0xffffffff)], 0xffffffff, 'RF64'),
    { ...ONE_SECOND, container: 'rf64', endState: 'complete', warnings: [] },
  ],
  [
    'RF64 whose ds64 says more than there is, is truncated',
    riff([ds64(64_072, 64_000), fmtChunk, chunk('data', second, 0xffffffff)], 0xffffffff, 'RF64'),
    { ...ONE_SECOND, container: 'rf64', endState: 'truncated' },
  ],
  [
    '0 channels are refused',
    wav(second, fmt({ channels: 0, frameBytes: 4 })),
    { endState: 'unparseable', warnings: ['HEADER_INVALID'] },
  ],
  [
    'a sample rate of 0 is refused',
    wav(second, fmt({ rate: 0 })),
    { endState: 'unparseable', warnings: ['HEADER_INVALID'] },
  ],
  [
    'GSM in WAV is named, not read',
    wav(second, fmt({ tag: 0x31, bits: 0 })),
    { codec: 'gsm_ms', endState: 'unparseable' },
  ],
  [
    'a wrong frame size in the header does not change the time',
    wav(second, fmt({ frameBytes: 3 })),
    { ...ONE_SECOND, endState: 'complete', warnings: ['HEADER_INCONSISTENT'] },
  ],
  [
    'a thousand chunks before the data are refused',
    riff([
      ...Array.from({ length: 1000 }, () => chunk('junk', Buffer.alloc(0))),
      fmtChunk,
      chunk('data', second),
    ]),
    { endState: 'unparseable', warnings: ['HEADER_INVALID'] },
  ],
  [
    'data before any format is unparseable',
    riff([chunk('data', second)]),
    { endState: 'unparseable', warnings: ['HEADER_MISSING'] },
  ],
  [
    'a file cut in its header is truncated',
    wav(second).subarray(0, 30),
    { endState: 'truncated', warnings: ['ENDS_EARLY'] },
  ],
  [
    'a file cut after its signature is truncated',
    wav(second).subarray(0, 9),
    { container: 'wav', endState: 'truncated' },
  ],
  [
    'a file cut inside a sample frame is truncated',
    wav(second).subarray(0, 45),
    { endState: 'truncated', sampleFrames: 0 },
  ],
  ['a file without samples is empty', wav(Buffer.alloc(0)), { endState: 'empty', warnings: ['NO_AUDIO'] }],
  [
    'RIFF that is no WAVE is unparseable',
    chunk('RIFF', Buffer.from('AVI LIST')),
    { container: 'unknown', endState: 'unparseable' },
  ],
];

describe('WAV', () => {
  for (const [rule, bytes, facts] of files) {
    test(`${rule}, however the file is cut`, () => {
      const whole = factsOf(bytes);
      expect(whole).toMatchObject({ ...facts, bytes: bytes.length });
      for (const [, cut] of CUTS) expect(factsOf(bytes, undefined, cut())).toEqual(whole);
    });
  }
});
