/**
 * What peaks and statistics of an Opus call cost a decoder's child: our reader, prism-media's decoder and its second
 * count, the analyser, in processor time. The sealing process pays the copy into the pipe.
 *
 *   node bench/decoder.ts
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Listening } from '../src/adapters/decoder/child/listening.ts';
import { type BenchRow, rowOf } from './seal/measure.ts';
import { tableText } from './table.ts';

const SLICE = 64 * 1024;
/** The sample again and again, as a chained Ogg: about eight minutes. */
const LINKS = 6;
const CALL_MS = 480_000;
const ROUNDS = 5;

export async function decoderBench(): Promise<BenchRow[]> {
  const link = await readFile(join(import.meta.dirname, '../samples/call.opus'));
  const call = Buffer.concat(Array.from({ length: LINKS }, () => link));
  secondsOf(call); // compiles
  const seconds = Array.from({ length: ROUNDS }, () => secondsOf(call));
  return [
    rowOf(
      {
        name: 'peaks of an 8-minute Opus call',
        reference: 'seconds of a child',
        floor: 1,
        target: 0.8,
        better: 'lower',
      },
      seconds,
    ),
  ];
}

/** Processor seconds for eight minutes of the recording. */
function secondsOf(recording: Buffer): number {
  const before = process.cpuUsage();
  const listening = new Listening({ container: 'ogg', declared: undefined });
  for (let at = 0; at < recording.length; at += SLICE) listening.push(recording.subarray(at, at + SLICE));
  const { made } = listening.end();
  listening.close();
  const { user, system } = process.cpuUsage(before);
  const stats: { durationMs: number } = JSON.parse(String(made.find(({ kind }) => kind === 'stats')?.bytes));
  if (stats.durationMs < CALL_MS / 2) throw new Error('the recording was not decoded');
  return ((user + system) / 1e6) * (CALL_MS / stats.durationMs);
}

if (import.meta.main) console.log(tableText(await decoderBench()));
