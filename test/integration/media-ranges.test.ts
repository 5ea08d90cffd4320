import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import { cut } from '../../src/media/cut.ts';
import { createTap } from '../../src/media/tap.ts';
import { seeded } from '../media/feed.ts';
import { CORPUS, prepareCorpus } from './corpus.ts';

/** Ten ranges of every recording that can be cut, each decoded by ffmpeg and compared with the whole. */
const skipped = prepareCorpus();
const RANGES = process.env['CALLSEAL_LONG'] === '1' ? 100 : 10;
const LONGEST_MS = 15_000;

const raw = (codec: string): DeclaredMedia => ({
  container: 'raw',
  codec,
  sampleRate: 8000,
  channels: ['agent', 'caller'],
});
const OPUS = [
  'call-opusenc.opus',
  'call.ogg',
  'dual255.ogg',
  'bigtags.opus',
  'call.webm',
  'live.webm',
  'laced.webm',
];
const SAMPLES: readonly (readonly [file: string, declared?: DeclaredMedia, ffmpeg?: readonly string[]])[] = [
  ['call.wav'],
  ['ulaw.wav'],
  ['alaw.wav'],
  ['call16.wav'],
  ['call24.wav'],
  ['call48.wav'],
  ['rf64.wav'],
  ['stream.wav'],
  ['call.s16le', raw('pcm_s16le'), ['-f', 's16le', '-ar', '8000', '-ac', '2']],
  ['call.ulaw', raw('pcm_mulaw'), ['-f', 'mulaw', '-ar', '8000', '-ac', '2']],
  ['call.alaw', raw('pcm_alaw'), ['-f', 'alaw', '-ar', '8000', '-ac', '2']],
];

/** 16-bit samples, interleaved, as ffmpeg decodes them. */
function decoded(source: string | Buffer, options: readonly string[]): Int16Array {
  const isFile = typeof source === 'string';
  const args = ['-v', 'quiet', ...options, '-i', isFile ? source : '-', '-f', 's16le', '-'];
  const { status, stdout } = spawnSync('ffmpeg', args, {
    maxBuffer: 2 ** 28,
    ...(!isFile && { input: source }),
  });
  if (status !== 0) throw new Error(`ffmpeg ${args.join(' ')} exited with ${status}`);
  return new Int16Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
}

function cutter(file: string, declared?: DeclaredMedia) {
  const bytes = readFileSync(`${CORPUS}/${file}`);
  const tap = createTap(declared);
  for (let at = 0; at < bytes.length; at += 65_536) tap.push(bytes.subarray(at, at + 65_536));
  const facts = tap.end();
  const index = tap.index();
  if (index === undefined) throw new Error(`${file} has no index`);
  const fetch = (offset: number, length: number) => Promise.resolve(bytes.subarray(offset, offset + length));
  return {
    facts,
    part: async (fromMs: number, toMs: number, channel?: number) =>
      await cut(index, fromMs, toMs, fetch, channel),
  };
}

/** Seeded, in whole milliseconds: the first sample, the last one, and anything between. */
function rangesOf(seed: number, durationMs: number): [fromMs: number, toMs: number][] {
  const random = seeded(seed);
  const some = Array.from({ length: RANGES - 2 }, (): [number, number] => {
    const from = Math.floor(random() * (durationMs - 100));
    return [from, Math.min(durationMs, from + 20 + Math.floor(random() * LONGEST_MS))];
  });
  return [[0, 777], ...some, [durationMs - 1234, durationMs]];
}

function isSame(one: Int16Array, other: Int16Array): boolean {
  return Buffer.from(one.buffer, one.byteOffset, one.byteLength).equals(
    Buffer.from(other.buffer, other.byteOffset, other.byteLength),
  );
}

/** Energy of the difference below that of the signal, in dB. */
function signalToDifference(signal: Int16Array, other: Int16Array): number {
  let energy = 0;
  let difference = 0;
  for (const [at, sample] of signal.entries()) {
    energy += sample ** 2;
    difference += (sample - (other[at] ?? 0)) ** 2;
  }
  return difference === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((energy + signal.length) / difference);
}

describe(`${skipped}${RANGES} ranges of a recording, decoded by ffmpeg`, { skip: skipped !== '' }, () => {
  for (const [seed, [file, declared, ffmpeg = []]] of SAMPLES.entries()) {
    test(`${file}, seed ${seed}: the very samples; one channel is that channel`, async () => {
      const { facts, part } = cutter(file, declared);
      const whole = decoded(`${CORPUS}/${file}`, ffmpeg);
      const { sampleRate = 0 } = facts;
      const wrong: string[] = [];
      for (const [fromMs, toMs] of rangesOf(seed, 480_000)) {
        const wanted = whole.subarray(
          2 * Math.round((fromMs * sampleRate) / 1000),
          2 * Math.round((toMs * sampleRate) / 1000),
        );
        if (!isSame(decoded(await part(fromMs, toMs), []), wanted)) wrong.push(`${fromMs} to ${toMs} ms`);
      }
      const channel = seed % 2;
      const alone = decoded(await part(1234, 5678, channel), []);
      const [from, to] = [Math.round(1.234 * sampleRate), Math.round(5.678 * sampleRate)];
      const there = whole.subarray(2 * from, 2 * to).filter((_, at) => at % 2 === channel);
      if (!isSame(alone, there)) wrong.push(`channel ${channel}`);
      expect(wrong).toEqual([]);
    });
  }

  for (const [at, file] of OPUS.entries()) {
    const seed = 100 + at;
    test(`${file}, seed ${seed}: exactly so many samples, and the same is heard`, async () => {
      const { part } = cutter(file);
      const libopus = ['-c:a', 'libopus'];
      const whole = decoded(`${CORPUS}/${file}`, libopus);
      const heard: Record<string, unknown>[] = [];
      for (const [fromMs, toMs] of rangesOf(seed, 480_000)) {
        const there = whole.subarray(fromMs * 96, toMs * 96);
        const found = decoded(await part(fromMs, toMs), libopus);
        const alike = signalToDifference(there, found);
        if (found.length !== (toMs - fromMs) * 96 || alike < 25) {
          heard.push({ fromMs, toMs, samples: found.length, wanted: (toMs - fromMs) * 96, alike });
        }
      }
      expect(heard).toEqual([]);
    });
  }
});
