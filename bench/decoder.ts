/**
 * What peaks and statistics of an Opus call cost a decoder's child: our reader, prism-media's decoder and its second
 * count, the analyser, in processor time. The call is the corpus's own: eight minutes, two channels, 24 kbit/s.
 *
 *   node bench/decoder.ts
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Listening } from '../src/adapters/decoder/child/listening.ts';
import { CORPUS, prepareCorpus } from '../test/integration/corpus.ts';
import { type BenchRow, rowOf } from './seal/measure.ts';
import { tableText } from './table.ts';

const SLICE = 64 * 1024;
const ROUNDS = 5;
const ASKED = {
  name: 'peaks of an 8-minute Opus call',
  reference: 'seconds of a child',
  floor: 1,
  target: 0.8,
  better: 'lower',
} as const;

/** No row where the corpus cannot be built: it says why. */
export async function decoderBench(): Promise<BenchRow[]> {
  const skipped = prepareCorpus();
  if (skipped !== '') {
    console.log(`${skipped}${ASKED.name}`);
    return [];
  }
  const call = await readFile(join(import.meta.dirname, '..', CORPUS, 'call-opusenc.opus'));
  secondsOf(call); // compiles
  return [
    rowOf(
      ASKED,
      Array.from({ length: ROUNDS }, () => secondsOf(call)),
    ),
  ];
}

/** Processor seconds. */
function secondsOf(recording: Buffer): number {
  const before = process.cpuUsage();
  const listening = new Listening({ container: 'ogg', declared: undefined });
  for (let at = 0; at < recording.length; at += SLICE) listening.push(recording.subarray(at, at + SLICE));
  const { made, warnings } = listening.end();
  listening.close();
  const { user, system } = process.cpuUsage(before);
  if (made.length !== 2 || warnings.length > 0) throw new Error('the recording was not decoded');
  return (user + system) / 1e6;
}

if (import.meta.main) console.log(tableText(await decoderBench()));
