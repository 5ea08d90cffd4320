import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { decoderPool } from '../../src/adapters/decoder/pool.ts';
import { createPcmAnalyser } from '../../src/media/pcm-analyser.ts';
import type { Decoded, OpusRecording } from '../../src/ports/decoder.ts';
import { factsOf } from '../media/feed.ts';
import { CORPUS, prepareCorpus } from './corpus.ts';

const skipped = prepareCorpus();
const MiB = 2 ** 20;
const DAT_HEADER = 24;
const EIGHT_MINUTES = 480_000;

/** Long enough for a machine that is busy with other tests. */
const pool = decoderPool({ children: 1, memoryBytes: 256 * MiB, answerMs: 120_000, queueBytes: 64 * MiB });
afterAll(async () => await pool.close());

async function decoded(bytes: Buffer, container: OpusRecording['container']): Promise<Decoded> {
  const decoding = pool.begin({ container, declared: { channels: ['agent', 'caller'] } });
  decoding.push(bytes);
  return await decoding.end(new AbortController().signal);
}

function madeOf({ made }: Decoded): { readonly peaks: Int8Array; readonly stats: Record<string, unknown> } {
  const [peaks, stats] = made;
  return {
    peaks: new Int8Array(peaks?.bytes.subarray(DAT_HEADER) ?? []),
    stats: JSON.parse(String(stats?.bytes ?? '{}')),
  };
}

/** Peaks of what ffmpeg makes of the file at 48 kHz. */
function ffmpegPeaks(file: string): Int8Array {
  const { stdout } = spawnSync('ffmpeg', ['-v', 'quiet', '-i', file, '-f', 's16le', '-ac', '2', '-'], {
    maxBuffer: 2 ** 30,
  });
  const analyser = createPcmAnalyser({ channels: 2, rate: 48_000 });
  analyser.push(new Int16Array(stdout.buffer, stdout.byteOffset, stdout.length / 2));
  return new Int8Array(analyser.end().peaks.subarray(DAT_HEADER));
}

/** How far apart two waveforms are, in the steps of 8 bits that they are drawn in. */
function apart(one: Int8Array, other: Int8Array): { readonly pixels: number; readonly mean: number } {
  const by = one.map((value, at) => Math.abs(value - (other[at] ?? 0)));
  return {
    pixels: Math.abs(one.length - other.length),
    mean: by.reduce((sum, each) => sum + each, 0) / by.length,
  };
}

describe(`${skipped}Opus recordings of the corpus`, { skip: skipped !== '' }, () => {
  const whole: readonly (readonly [file: string, container: OpusRecording['container']])[] = [
    ['call-opusenc.opus', 'ogg'],
    ['call.ogg', 'ogg'],
    ['call.webm', 'webm'],
    ['laced.webm', 'webm'],
  ];
  for (const [file, container] of whole) {
    test(`${file}: the second reader agrees, and the peaks are those of ffmpeg's samples`, async () => {
      const path = `${CORPUS}/${file}`;
      const result = await decoded(readFileSync(path), container);
      const { peaks, stats } = madeOf(result);
      expect(result.warnings).toEqual([]);
      expect(stats).toMatchObject({
        durationMs: EIGHT_MINUTES,
        channels: [{ role: 'agent' }, { role: 'caller' }],
      });
      const difference = apart(peaks, ffmpegPeaks(path));
      expect(difference.pixels).toBe(0);
      expect(difference.mean).toBeLessThan(1);
    });
  }

  const differing: readonly (readonly [file: string, why: string])[] = [
    ['bigtags.opus', 'it finds no packet behind a comment of 100 KB'],
    ['bad/chained-ok.opus', 'it finds the first link only'],
    ['bad/hole.opus', 'it stops at the hole'],
  ];
  for (const [file, why] of differing) {
    test(`${file}: SECOND_OPINION_DIFFERS, since ${why}; facts and peaks are whole`, async () => {
      const bytes = readFileSync(`${CORPUS}/${file}`);
      const { durationMs } = factsOf(bytes);
      const result = await decoded(bytes, 'ogg');
      expect(result.warnings).toEqual(['SECOND_OPINION_DIFFERS']);
      expect(madeOf(result).stats).toMatchObject({ durationMs });
    });
  }

  test('bigtags.opus stays complete', () => {
    expect(factsOf(readFileSync(`${CORPUS}/bigtags.opus`))).toMatchObject({
      endState: 'complete',
      packets: 24_001,
    });
  });

  test('bad/trunc.webm: what is there is decoded', async () => {
    const bytes = readFileSync(`${CORPUS}/bad/trunc.webm`);
    const result = await decoded(bytes, 'webm');
    expect(result.warnings).toEqual([]);
    expect(madeOf(result).stats).toMatchObject({ durationMs: factsOf(bytes).durationMs });
  });

  for (const file of ['bad/empty', 'bad/html.opus', 'bad/head-cut.opus', 'bad/random']) {
    test(`${file}: nothing to decode, and nothing to say`, async () => {
      expect(await decoded(readFileSync(`${CORPUS}/${file}`), 'ogg')).toEqual({ made: [], warnings: [] });
    });
  }
});
