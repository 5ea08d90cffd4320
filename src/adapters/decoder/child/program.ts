import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Decoded, OpusRecording } from '../../../ports/decoder.ts';
import { type Frame, FrameReader, frameOf, KIND, numberOf } from '../framing.ts';
import { Listening } from './listening.ts';

/**
 * A child of the pool (../pool.ts): recordings come in on stdin, what was made of them goes out on stdout
 * (../framing.ts). It has no settings, no environment and no files to write, and may be killed at any time.
 */
const watchdog = new Worker(new URL(`./watchdog${extname(import.meta.filename)}`, import.meta.url), {
  workerData: { memoryBytes: Number(process.argv[2]) },
});
watchdog.on('exit', () => process.exit(1)); // not without it
// Ctrl-C reaches a whole process group; the parent says when it is over.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

let listening: Listening | undefined;

function handle({ kind, body }: Frame): void {
  if (kind === KIND.begin) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own parent wrote it
    listening = new Listening(JSON.parse(body.toString()) as OpusRecording);
  } else if (kind === KIND.bytes) {
    listening?.push(body);
    process.stdout.write(frameOf(KIND.taken, numberOf(body.length)));
  } else if (kind === KIND.end) {
    answer(listening?.end());
    listening?.close();
    listening = undefined;
  }
}

function answer(heard: Decoded | undefined): void {
  for (const { kind, bytes } of heard?.made ?? []) {
    process.stdout.write(frameOf(kind === 'peaks' ? KIND.peaks : KIND.stats, bytes));
  }
  const report = { warnings: heard?.warnings ?? [], rss: process.memoryUsage.rss() };
  process.stdout.write(frameOf(KIND.report, JSON.stringify(report)));
}

const reader = new FrameReader();
for await (const chunk of process.stdin) for (const frame of reader.frames(chunk)) handle(frame);
process.exit();
