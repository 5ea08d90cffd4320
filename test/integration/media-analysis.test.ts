import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import { createTap } from '../../src/media/tap.ts';
import { peaksOf } from '../media/plain-peaks.ts';
import { CORPUS, prepareCorpus } from './corpus.ts';

/** Peaks and statistics of real voices: what sox and ffmpeg say of the same file, when the test runs. */
const skipped = prepareCorpus();

const raw = (codec: string): DeclaredMedia => ({
  container: 'raw',
  codec,
  sampleRate: 8000,
  channels: ['agent', 'caller'],
});

interface Recording {
  readonly file: string;
  readonly declared?: DeclaredMedia;
  /** What a program has to be told of a file that does not say it itself. */
  readonly sox?: readonly string[];
  readonly ffmpeg?: readonly string[];
}
const SOX_RAW = ['-t', 'raw', '-r', '8000', '-c', '2'];
/** What sox is to write to its standard output. */
const RAW_16 = ['-t', 'raw', '-e', 'signed', '-b', '16', '-'];
const FFMPEG_RAW = ['-ar', '8000', '-ac', '2'];
const RECORDINGS: readonly Recording[] = [
  ...['call.wav', 'ulaw.wav', 'alaw.wav', 'call16.wav', 'rf64.wav'].map((file) => ({ file })),
  ...['doubletalk.wav', 'twins.wav', 'dead-right.wav', 'silent-alaw.wav'].map((file) => ({ file })),
  {
    file: 'call.s16le',
    declared: raw('pcm_s16le'),
    sox: [...SOX_RAW, '-e', 'signed', '-b', '16', '-L'],
    ffmpeg: ['-f', 's16le', ...FFMPEG_RAW],
  },
  {
    file: 'call.ulaw',
    declared: raw('pcm_mulaw'),
    sox: [...SOX_RAW, '-e', 'u-law'],
    ffmpeg: ['-f', 'mulaw', ...FFMPEG_RAW],
  },
  {
    file: 'call.alaw',
    declared: raw('pcm_alaw'),
    sox: [...SOX_RAW, '-e', 'a-law'],
    ffmpeg: ['-f', 'alaw', ...FFMPEG_RAW],
  },
];

function run(program: string, args: readonly string[]): { stdout: Buffer; stderr: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { maxBuffer: 2 ** 28 });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} exited with ${status}: ${stderr.toString()}`);
  return { stdout, stderr: stderr.toString() };
}

function analysisOf({ file, declared }: Recording, pieceBytes = 65_536) {
  const bytes = readFileSync(`${CORPUS}/${file}`);
  const tap = createTap(declared);
  for (let at = 0; at < bytes.length; at += pieceBytes) tap.push(bytes.subarray(at, at + pieceBytes));
  tap.end();
  const analysis = tap.analysis();
  if (analysis === undefined) throw new Error(`${file} was not listened to`);
  return analysis;
}

/** A table of `sox FILE -n stats`: for a label, the columns of the channels. */
function soxStats({ file, sox = [] }: Recording): Map<string, string[]> {
  const { stderr } = run('sox', [...sox, `${CORPUS}/${file}`, '-n', 'stats']);
  const rows = stderr.split('\n').map((line) => /^([A-Z][A-Za-z ]*?[A-Za-z]) {2,}(\S.*)$/.exec(line));
  // The first column is that of all channels together.
  return new Map(
    rows.flatMap((row) => (row?.[1] && row[2] ? [[row[1], row[2].trim().split(/ +/).slice(1)]] : [])),
  );
}

const decibels = (text: string | undefined): number | null => (text === '-inf' ? null : Number(text));

describe(`${skipped}peaks and statistics of real calls`, { skip: skipped !== '' }, () => {
  for (const recording of RECORDINGS) {
    const { file, ffmpeg = [] } = recording;

    test(`${file}: the peaks are those of the samples that ffmpeg decodes, however the file is cut`, () => {
      const { stdout } = run('ffmpeg', [
        '-v',
        'quiet',
        ...ffmpeg,
        '-i',
        `${CORPUS}/${file}`,
        '-f',
        's16le',
        '-',
      ]);
      const samples = new Int16Array(
        stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length),
      );
      const { peaks, stats } = analysisOf(recording);
      expect(Buffer.compare(peaks, peaksOf(samples, 2, stats.sampleRate))).toBe(0);
      const { peaks: again, stats: statsAgain } = analysisOf(recording, 999);
      expect(Buffer.compare(again, peaks)).toBe(0);
      expect(statsAgain).toEqual(stats);
    });

    test(`${file}: levels and offset are those that sox finds`, () => {
      const { stats } = analysisOf(recording);
      const found = soxStats(recording);
      for (const [at, channel] of stats.channels.entries()) {
        const soxOffset = Number(found.get('DC offset')?.[at]);
        // sox writes two digits of dB, and six of the offset.
        expect(Math.abs(channel.dcOffset - soxOffset)).toBeLessThan(2e-6);
        for (const [label, level] of [
          ['Pk lev dB', channel.peakDb],
          ['RMS lev dB', channel.rmsDb],
        ] as const) {
          const said = decibels(found.get(label)?.[at]);
          expect(Math.abs((said ?? 0) - (level ?? 0))).toBeLessThan(0.011);
          expect(said === null).toBe(level === null);
        }
      }
      const samples = run('sox', [...(recording.sox ?? []), `${CORPUS}/${file}`, ...RAW_16]).stdout;
      expect(stats.sampleFrames).toBe(samples.length / 4);
    });
  }

  test('who takes turns never talks at once; who does not, does', () => {
    const turns = analysisOf({ file: 'call.wav' }).stats;
    expect(turns.overlap?.share).toBeLessThan(0.01);
    expect(turns.channels.map(({ talk }) => talk.share > 0.25 && talk.share < 0.6)).toEqual([true, true]);
    const both = analysisOf({ file: 'doubletalk.wav' }).stats;
    expect(both.overlap?.share).toBeGreaterThan(0.7);
    expect(both.silence.share).toBeLessThan(0.05);
  });

  test('who is not there does not talk', () => {
    const { stats, deadChannels } = analysisOf({ file: 'dead-right.wav' });
    expect(stats.channels[1]?.talk.ms).toBe(0);
    expect(deadChannels).toEqual([1]);
    expect(analysisOf({ file: 'silent-alaw.wav' }).stats.silence).toEqual({
      ms: 60_000,
      share: 1,
      longestMs: 60_000,
    });
  });

  for (const [channel, name] of ['agent', 'caller'].entries()) {
    test(`call.wav: what is no talk of the ${name} is what ffmpeg takes for silence, within a tenth`, () => {
      const filter = `pan=mono|c0=c${channel},silencedetect=noise=-45dB:duration=0.35`;
      const { stderr } = run('ffmpeg', ['-i', `${CORPUS}/call.wav`, '-af', filter, '-f', 'null', '-']);
      const silent = [...stderr.matchAll(/silence_duration: ([\d.]+)/g)].reduce(
        (sum, [, s]) => sum + Number(s),
        0,
      );
      const { talk } = analysisOf({ file: 'call.wav' }).stats.channels[channel] ?? { talk: { ms: 0 } };
      expect(Math.abs(480 - silent - talk.ms / 1000)).toBeLessThan(0.1 * (480 - silent));
    });
  }
});
