import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import { cut } from '../../src/media/cut.ts';
import { createTap } from '../../src/media/tap.ts';
import { CORPUS, prepareCorpus } from './corpus.ts';

const CUTS = '.tmp/cuts';
const skipped = prepareCorpus();
mkdirSync(CUTS, { recursive: true });

const TWO: DeclaredMedia['channels'] = ['agent', 'caller'];
const raw = (codec: string): DeclaredMedia => ({ container: 'raw', codec, sampleRate: 8000, channels: TWO });
/** In sox's words. */
const ENCODING: Readonly<Record<string, string>> = {
  pcm_mulaw: 'u-law',
  pcm_alaw: 'a-law',
  pcm_s16le: 'signed',
};
const FROM_MS = 200_000;
const TO_MS = 220_000;

function run(program: string, ...args: string[]): Buffer {
  const { status, stdout } = spawnSync(program, args, {
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} exited with ${status}`);
  return stdout;
}

/** 16-bit samples as libopus, or ffmpeg's own PCM decoders, make them. */
function decoded(file: string, codec: readonly string[]): Int16Array {
  const bytes = run(
    'ffmpeg',
    '-v',
    'quiet',
    ...codec,
    '-i',
    file,
    '-t',
    String(TO_MS / 1000),
    '-f',
    's16le',
    '-',
  );
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

async function cutFile(
  source: string,
  declared?: DeclaredMedia,
): Promise<{ file: string; fetched: number; indexBytes: number }> {
  const bytes = readFileSync(`${CORPUS}/${source}`);
  const tap = createTap(declared);
  for (let at = 0; at < bytes.length; at += 65_536) tap.push(bytes.subarray(at, at + 65_536));
  tap.end();
  const index = tap.index();
  if (index === undefined) throw new Error(`${source} has no index`);
  let fetched = 0;
  const part = await cut(index, FROM_MS, TO_MS, (offset, length) => {
    fetched += length;
    return Promise.resolve(bytes.subarray(offset, offset + length));
  });
  const file = `${CUTS}/${source.replaceAll(/[/.]/g, '-')}${index.layout.kind === 'frames' ? '.wav' : '.opus'}`;
  writeFileSync(file, part);
  return { file, fetched, indexBytes: JSON.stringify(index).length };
}

/** Loudness of the difference below the loudness of the signal, in dB. */
function signalToDifference(one: Int16Array, other: Int16Array): number {
  let signal = 0;
  let difference = 0;
  for (let at = 0; at < one.length; at += 1) {
    const sample = one[at] ?? 0;
    signal += sample ** 2;
    difference += (sample - (other[at] ?? 0)) ** 2;
  }
  return difference === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / difference);
}

describe(`${skipped}20 seconds out of a real call`, { skip: skipped !== '' }, () => {
  for (const source of [
    'call-opusenc.opus',
    'call.ogg',
    'dual255.ogg',
    'call.webm',
    'live.webm',
    'laced.webm',
  ]) {
    test(`${source}: opusinfo has nothing to say, and the same is heard`, async () => {
      const { file, fetched, indexBytes } = await cutFile(source);
      const opusinfo = run('opusinfo', file).toString();
      expect(opusinfo).toContain('Playback length: 0m:20.000s');
      expect(opusinfo).not.toMatch(/WARNING|ERROR/);

      const libopus = ['-c:a', 'libopus'];
      const heard = decoded(file, libopus);
      const whole = decoded(`${CORPUS}/${source}`, libopus);
      expect(heard.length / 2).toBe(960_000);
      const there = whole.subarray(FROM_MS * 48 * 2, TO_MS * 48 * 2);
      expect(signalToDifference(there, heard)).toBeGreaterThan(40);
      expect(fetched).toBeLessThan(150_000);
      expect(indexBytes).toBeLessThan(10_000);
    });
  }

  const samples: readonly (readonly [source: string, declared?: DeclaredMedia])[] = [
    ['call.wav'],
    ['ulaw.wav'],
    ['alaw.wav'],
    ['call48.wav'],
    ['rf64.wav'],
    ['stream.wav'],
    ['call.ulaw', raw('pcm_mulaw')],
    ['call.alaw', raw('pcm_alaw')],
    ['call2h.s16le', raw('pcm_s16le')],
  ];
  for (const [source, declared] of samples) {
    test(`${source}: sox finds exactly those samples`, async () => {
      const { file, fetched } = await cutFile(source, declared);
      const rate = Number(run('soxi', '-r', file).toString());
      expect(Number(run('soxi', '-s', file).toString())).toBe(20 * rate);
      const format =
        declared === undefined
          ? []
          : ['-t', 'raw', '-r', '8000', '-c', '2', '-e', ENCODING[declared.codec ?? ''] ?? ''];
      const width = declared?.codec === 'pcm_s16le' ? ['-b', '16'] : [];
      const raw16 = ['-t', 'raw', '-e', 'signed', '-b', '16', '-'];
      const there = run(
        'sox',
        '-D',
        ...format,
        ...width,
        `${CORPUS}/${source}`,
        ...raw16,
        'trim',
        '200',
        '20',
      );
      expect(Buffer.compare(run('sox', '-D', file, ...raw16), there)).toBe(0);
      expect(fetched).toBeLessThanOrEqual(20 * rate * 4);
    });
  }
});
