/**
 * What looking at a recording costs while it passes: the tap alone, without reading or sealing. Ratios to SHA-256 over
 * the same bytes in the same round, or plain units where the promise is one. The recordings are those of
 * scripts/corpus.sh.
 *
 *   node bench/media.ts     prints the table; exits 1 when a row missed its floor
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeclaredMedia } from '../src/domain/call-event.ts';
import { createTap } from '../src/media/tap.ts';
import { CORPUS, prepareCorpus } from '../test/integration/corpus.ts';
import { type BenchRow, ratiosOf, rowOf } from './seal/measure.ts';
import { tableText } from './table.ts';

/** As the sources hand them out. */
const CHUNK_BYTES = 65_536;
const SHA256 = 'SHA-256 of the same bytes';
/** Small files are gone through so often that a round lasts long enough to be timed. */
const ROUND_BYTES = 32 * 2 ** 20;

/** Why there are no rows here, or nothing. */
export function whyNoMedia(): string | undefined {
  const skipped = prepareCorpus();
  return skipped === '' ? undefined : skipped;
}

/** All rows about the tap, after at least nine rounds each. Takes about half a minute. */
export async function mediaBench(rounds = 9): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [name, file, declared] of LISTENED) {
    const seconds = await secondsOf(rounds, read(file), declared);
    rows.push(rowOf({ name, reference: 'seconds', floor: 0.15, target: 0.12, better: 'lower' }, seconds));
  }
  for (const [name, file] of SCANNED) {
    const bytes = read(file);
    const times = Math.ceil(ROUND_BYTES / bytes.length);
    const ratios = await ratiosOf({
      rounds,
      one: () => repeat(times, () => digest(bytes)),
      other: () => repeat(times, () => tapped(bytes)),
      clock: 'thread',
    });
    rows.push(rowOf({ name, reference: SHA256, floor: 0.2, target: 0.4, better: 'higher' }, ratios));
  }
  rows.push(longestPush());
  return rows;
}

const raw = (codec: string): DeclaredMedia => ({
  container: 'raw',
  codec,
  sampleRate: 8000,
  channels: ['agent', 'caller'],
});
const LISTENED = [
  ['tap, peaks, stats: 8 min of PCM', 'call.s16le', raw('pcm_s16le')],
  ['tap, peaks, stats: 8 min of mu-law', 'call.ulaw', raw('pcm_mulaw')],
  ['tap, peaks, stats: 8 min of WAV', 'call.wav', undefined],
] as const;
const SCANNED = [
  ['scanning Ogg pages', 'call-opusenc.opus'],
  ['scanning WebM', 'call.webm'],
] as const;

function read(file: string): Buffer {
  return readFileSync(join(CORPUS, file));
}

/** @throws where nothing was understood: then there is nothing that was measured. */
function tapped(bytes: Buffer, declared?: DeclaredMedia): void {
  const tap = createTap(declared);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) tap.push(bytes.subarray(at, at + CHUNK_BYTES));
  const { durationMs } = tap.end();
  if (durationMs !== 480_000) throw new Error(`eight minutes were taken for ${durationMs} ms`);
}

function digest(bytes: Buffer): void {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) hash.update(bytes.subarray(at, at + CHUNK_BYTES));
  hash.digest();
}

function repeat(times: number, work: () => void): void {
  for (let done = 0; done < times; done += 1) work();
}

/** CPU seconds of one call, per round; one round before the first is not counted. */
async function secondsOf(rounds: number, bytes: Buffer, declared?: DeclaredMedia): Promise<number[]> {
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const from = process.threadCpuUsage();
    tapped(bytes, declared);
    const { user, system } = process.threadCpuUsage(from);
    seconds.push((user + system) / 1e6);
  }
  return await Promise.resolve(seconds.slice(1));
}

/**
 * Milliseconds that the event loop waits for the tap, at worst: over every file of the corpus, damaged ones and what is
 * declared as something else included. Of each push the best of five, so that a busy neighbour does not count: CPU time
 * is counted too coarsely for this.
 */
function longestPush(): BenchRow {
  const files = readdirSync(CORPUS, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && !['SHA256SUMS', 'MADE_BY'].includes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const worst = files.map((file) => {
    const bytes = readFileSync(file);
    const rounds = Array.from({ length: 5 }, () => pushTimes(bytes, declaredOf(file)));
    const times = rounds[0]?.map((_, push) => Math.min(...rounds.map((round) => round[push] ?? 0))) ?? [];
    return { file, ms: times.reduce((most, ms) => Math.max(most, ms), 0) };
  });
  const [longest] = worst.toSorted((one, other) => other.ms - one.ms);
  const reference = `ms (${longest?.file.slice(CORPUS.length + 1)})`;
  return rowOf(
    { name: 'longest push of any corpus file', reference, floor: 20, target: 5, better: 'lower' },
    [longest?.ms ?? Number.NaN],
  );
}

function declaredOf(file: string): DeclaredMedia | undefined {
  if (file.endsWith('.s16le')) return raw('pcm_s16le');
  if (file.endsWith('.ulaw')) return raw('pcm_mulaw');
  return file.endsWith('.alaw') ? raw('pcm_alaw') : undefined;
}

/** Milliseconds of every push of a recording, and of its end. */
function pushTimes(bytes: Buffer, declared: DeclaredMedia | undefined): number[] {
  const tap = createTap(declared);
  const times: number[] = [];
  const timed = (step: () => void): void => {
    const from = performance.now();
    step();
    times.push(performance.now() - from);
  };
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    timed(() => tap.push(bytes.subarray(at, at + CHUNK_BYTES)));
  }
  timed(() => {
    tap.end();
    tap.index();
    tap.analysis();
  });
  return times;
}

if (import.meta.main) {
  const missing = whyNoMedia();
  if (missing !== undefined) throw new Error(missing);
  const rows = await mediaBench();
  console.log(tableText(rows));
  process.exitCode = rows.every(({ met }) => met) ? 0 : 1;
}
