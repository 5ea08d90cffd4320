import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import type { MediaFacts } from '../../src/domain/media.ts';
import { factsOf, seeded } from '../media/feed.ts';
import { CORPUS, prepareCorpus } from './corpus.ts';

const skipped = prepareCorpus();

/** Another program's opinion, asked when the test runs. */
interface Opinion {
  readonly durationMs?: number;
  readonly sampleFrames?: number;
  readonly packets?: number;
  /** Samples that a decoder makes of what is there: without the gaps that the facts count in. */
  readonly decodedFrames?: number;
}
type Checker = (file: string) => Opinion;

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 24, stdio: ['ignore', 'pipe', 'ignore'] });

/** Exits with 1 on files it complains about, and still says how long they are. */
function opusinfo(file: string): Opinion {
  const { stdout } = spawnSync('opusinfo', [file], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  const lengths = stdout.matchAll(/Playback length: (\d+)m:([\d.]+)s/g);
  return {
    durationMs: [...lengths].reduce((sum, [, min, s]) => sum + Number(min) * 60_000 + Number(s) * 1000, 0),
  };
}

function soxi(file: string): Opinion {
  return { sampleFrames: Number(run('soxi', '-s', file)) };
}

function ffprobe(file: string): Opinion {
  const seconds = run('ffprobe', '-v', 'quiet', '-show_entries', 'format=duration', '-of', 'csv=p=0', file);
  return { durationMs: Number(seconds) * 1000 };
}

function ffprobePackets(file: string): Opinion {
  const entries = ['-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0'];
  return { packets: Number.parseInt(run('ffprobe', '-v', 'quiet', '-count_packets', ...entries, file), 10) };
}

function ffmpegDecoded(file: string): Opinion {
  const script = 'ffmpeg -v quiet -i "$1" -ac 1 -f s16le - | wc -c';
  return { decodedFrames: Number(run('sh', '-c', script, 'sh', file)) / 2 };
}

function mkvinfoFrames(file: string): Opinion {
  return { packets: [...run('mkvinfo', '-v', '-a', file).matchAll(/\+ Frame with size/g)].length };
}

const opusFile = [opusinfo, ffprobePackets, ffmpegDecoded];
const webmFile = [ffprobePackets, mkvinfoFrames, ffmpegDecoded];

const TWO: DeclaredMedia['channels'] = ['agent', 'caller'];
const raw = (codec: string): DeclaredMedia => ({ container: 'raw', codec, sampleRate: 8000, channels: TWO });

const EIGHT_MINUTES = 480_000;
const whole = { durationMs: EIGHT_MINUTES, endState: 'complete', warnings: [] } as const;
const opusFacts = {
  codec: 'opus',
  sampleRate: 48_000,
  inputSampleRate: 8000,
  channels: 2,
  preSkip: 312,
} as const;
const opus = { ...whole, ...opusFacts, packets: 24_001 } as const;
const unparseable = (container: MediaFacts['container'], warning: MediaFacts['warnings'][number]) =>
  ({ container, endState: 'unparseable', warnings: [warning] }) as const;
const unknown = unparseable('unknown', 'FORMAT_UNKNOWN');
const truncated = { endState: 'truncated', warnings: ['ENDS_EARLY'] } as const;
const damagedOpus = (packets: number, gapMs: number) =>
  ({
    ...opus,
    packets,
    gaps: 1,
    gapMs,
    endState: 'damaged',
    warnings: ['CHECKSUM_ERRORS', 'GAPS', 'BYTES_SKIPPED'],
  }) as const;

type Row = readonly [
  file: string,
  facts: Partial<MediaFacts>,
  checkers: readonly Checker[],
  declared?: DeclaredMedia,
];
const good: readonly Row[] = [
  [
    'call.wav',
    { ...whole, container: 'wav', codec: 'pcm_s16le', sampleRate: 8000, channels: 2 },
    [soxi, ffprobe],
  ],
  ['ulaw.wav', { ...whole, codec: 'pcm_mulaw' }, [soxi, ffprobe]],
  ['alaw.wav', { ...whole, codec: 'pcm_alaw' }, [soxi, ffprobe]],
  ['call16.wav', { ...whole, sampleRate: 16_000 }, [soxi, ffprobe]],
  ['call24.wav', { ...whole, sampleRate: 24_000 }, [soxi, ffprobe]],
  ['call48.wav', { ...whole, sampleRate: 48_000 }, [soxi, ffprobe]],
  ['rf64.wav', { ...whole, container: 'rf64', audioOffset: 80 }, [soxi, ffprobe]],
  ['stream.wav', { ...whole, openEnded: true }, [ffprobe]],
  ['doubletalk.wav', { ...whole, durationMs: 60_000 }, [soxi]],
  ['twins.wav', { endState: 'complete', warnings: ['IDENTICAL_CHANNELS'] }, [soxi]],
  ['dead-right.wav', { endState: 'complete', warnings: ['DEAD_CHANNEL'] }, [soxi]],
  ['silent-alaw.wav', { endState: 'silent', warnings: ['SILENT'] }, [soxi]],
  ['call.s16le', { ...whole, container: 'raw', channelRoles: ['agent', 'caller'] }, [], raw('pcm_s16le')],
  ['call.ulaw', { ...whole, codec: 'pcm_mulaw' }, [], raw('pcm_mulaw')],
  ['call.alaw', { ...whole, codec: 'pcm_alaw' }, [], raw('pcm_alaw')],
  ['call2h.s16le', { ...whole, durationMs: 7_200_000 }, [], raw('pcm_s16le')],
  ['call-opusenc.opus', { ...opus, container: 'ogg', links: 1 }, opusFile],
  ['call.ogg', opus, opusFile],
  ['dual255.ogg', opus, opusFile],
  ['bigtags.opus', opus, opusFile],
  ['call.webm', { ...opus, container: 'webm' }, webmFile],
  ['live.webm', { ...opus, openEnded: true }, webmFile],
  ['laced.webm', opus, webmFile],
  ['call.mp3', unparseable('mp3', 'FORMAT_UNSUPPORTED'), []],
  ['call.flac', unparseable('flac', 'FORMAT_UNSUPPORTED'), []],
  ['call.gsm', unparseable('gsm', 'FORMAT_UNSUPPORTED'), []],
];
const bad: readonly Row[] = [
  ['bad/empty', { endState: 'empty', warnings: ['NO_AUDIO'] }, []],
  ['bad/1byte', unknown, []],
  ['bad/random', unknown, []],
  ['bad/html.opus', unknown, [], { container: 'ogg', codec: 'opus' }],
  ['bad/head-cut.opus', { ...truncated, container: 'ogg' }, []],
  ['bad/trunc.opus', { ...truncated, durationMs: 478_994, packets: 23_950 }, opusFile],
  [
    'bad/prefix.opus',
    { ...opus, skippedBytes: 11, endState: 'damaged', warnings: ['BYTES_SKIPPED'] },
    [opusinfo],
  ],
  ['bad/tail-zeros.opus', { ...opus, trailingBytes: 4096, warnings: ['TRAILING_BYTES'] }, opusFile],
  ['bad/bitflip.opus', damagedOpus(23_951, 1000), opusFile],
  ['bad/hole.opus', damagedOpus(23_901, 2000), opusFile],
  ['bad/lost10k.opus', damagedOpus(23_801, 4000), opusFile],
  ['bad/chained-ok.opus', { ...opus, durationMs: 2 * EIGHT_MINUTES, packets: 48_002, links: 2 }, opusFile],
  ['bad/trunc.webm', { ...truncated, durationMs: 229_934, packets: 11_497 }, webmFile],
  [
    'bad/hole.webm',
    { durationMs: 480_001, gaps: 1, gapMs: 5021, endState: 'damaged', warnings: ['GAPS', 'BYTES_SKIPPED'] },
    [ffprobePackets, ffmpegDecoded],
  ],
  ['bad/loop14.webm', { endState: 'unparseable', warnings: ['HEADER_MISSING', 'ENDS_EARLY'] }, []],
  [
    'bad/odd-cut.wav',
    { sampleFrames: 174_989, endState: 'truncated', warnings: ['ENDS_EARLY', 'PARTIAL_FRAME'] },
    [ffprobe],
  ],
  ['bad/head-cut.wav', { ...truncated, container: 'wav' }, []],
  ['bad/data0.wav', { ...whole, openEnded: true }, [ffprobe]],
  ['bad/0ch.wav', unparseable('wav', 'HEADER_INVALID'), []],
  ['bad/trailing.wav', { ...whole, trailingBytes: 333, warnings: ['TRAILING_BYTES'] }, [soxi, ffprobe]],
];

/** Files up to 2 MB in pieces of 1, 7, 4096 and 65,536 bytes; larger ones at 64 seeded borders. */
function cutsFor(bytes: number): readonly (() => number)[] {
  if (bytes <= 2_000_000) return [1, 7, 4096, 65_536].map((size) => () => size);
  const random = seeded(bytes);
  const borders = Array.from({ length: 64 }, () => Math.floor(random() * bytes));
  const sorted = [...borders, bytes].toSorted((one, other) => one - other);
  const sizes = sorted.map((border, index) => border - (sorted[index - 1] ?? 0));
  return [() => sizes.shift() ?? bytes];
}

/** How far apart the facts and another program's opinion are: nothing, up to its rounding. */
function disagreement(facts: MediaFacts, opinion: Opinion): Record<string, number> {
  const { durationMs = 0, sampleFrames = 0, sampleRate = 0, gapMs = 0, packets = 0 } = facts;
  const apart = {
    durationMs: Math.abs(durationMs - (opinion.durationMs ?? durationMs)),
    sampleFrames: Math.abs(sampleFrames - (opinion.sampleFrames ?? sampleFrames)),
    packets: Math.abs(packets - (opinion.packets ?? packets)),
    decodedMs:
      decodedApart(sampleFrames, (gapMs * sampleRate) / 1000, opinion.decodedFrames) / (sampleRate / 1000),
  };
  return Object.fromEntries(Object.entries(apart).filter(([name, by]) => by > (name.endsWith('Ms') ? 1 : 0)));
}

function decodedApart(sampleFrames: number, inGaps: number, decoded: number | undefined): number {
  return decoded === undefined ? 0 : Math.abs(sampleFrames - inGaps - decoded);
}

describe(`${skipped}recordings of the corpus`, { skip: skipped !== '' }, () => {
  for (const [file, facts, checkers, declared] of [...good, ...bad]) {
    const path = `${CORPUS}/${file}`;
    const agreeing = checkers.map(({ name }) => name).join(', ');

    test(`${file}: ${facts.endState}${agreeing && `, ${agreeing} agreeing`}`, () => {
      const found = factsOf(readFileSync(path), declared);
      expect(found).toMatchObject({ ...facts, bytes: statSync(path).size });
      for (const checker of checkers) expect(disagreement(found, checker(path))).toEqual({});
    });

    test(`${file} gives the same facts however it is cut`, () => {
      const bytes = readFileSync(path);
      const found = factsOf(bytes, declared);
      for (const cut of cutsFor(bytes.length)) expect(factsOf(bytes, declared, cut)).toEqual(found);
    });
  }

  const unplayable = ['head-cut.opus', 'head-cut.wav', '0ch.wav', 'random', 'html.opus', 'loop14.webm'];
  for (const file of unplayable) {
    test(`bad/${file}, which ffmpeg cannot play, is not complete`, () => {
      const path = `${CORPUS}/bad/${file}`;
      const { status } = spawnSync('ffmpeg', ['-v', 'quiet', '-i', path, '-f', 'null', '-'], {
        stdio: 'ignore',
      });
      expect(status).not.toBe(0);
      expect(factsOf(readFileSync(path)).endState).not.toBe('complete');
    });
  }
});
