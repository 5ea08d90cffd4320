import { Worker } from 'node:worker_threads';
import { FrameReader, frameOf, KIND, numberOf } from '../../src/adapters/decoder/framing.ts';

/**
 * A child that does what its recording says (`declared.codec`), with the real watchdog beside it: what a codec's or a
 * demuxer's defect would do to the real one.
 */
new Worker(new URL('../../src/adapters/decoder/child/watchdog.ts', import.meta.url), {
  workerData: { memoryBytes: Number(process.argv[2]) },
}).unref();

const write = (kind: number, body: Uint8Array | string): void =>
  void process.stdout.write(frameOf(kind, body));
const report = (more: object = {}): void =>
  write(KIND.report, JSON.stringify({ warnings: [], rss: 1, ...more }));
const made = (): void => {
  write(KIND.peaks, 'peaks');
  write(KIND.stats, '{}');
};
const hang = (): never => {
  for (;;);
};
const leak = (): never => {
  const kept: Buffer[] = [];
  for (;;) kept.push(Buffer.alloc(65_536, kept.length));
};

/** What it does when a recording ends. */
const AT_END: Readonly<Record<string, () => void>> = {
  good: () => {
    made();
    report();
  },
  abort: () => process.abort(),
  exit: () => process.exit(0),
  'never answers': () => undefined,
  'an unknown warning': () => {
    made();
    report({ warnings: ['NAME_OF_A_CALLER'] });
  },
  'no JSON': () => write(KIND.report, 'x'),
  'peaks alone': () => {
    write(KIND.peaks, 'peaks');
    report();
  },
  'peaks twice': () => {
    made();
    made();
    report();
  },
  'more taken than given': () => write(KIND.taken, numberOf(1_000_000)),
  'a frame too long': () => void process.stdout.write(Buffer.alloc(5, 0xff)),
  'a kind that is none': () => write(99, ''),
  'says more than it was asked': () => {
    made();
    report();
    report();
  },
  grown: () => {
    made();
    report({ rss: 2 ** 40 });
  },
};
/** What it does with the first bytes. */
const AT_BYTES: Readonly<Record<string, () => void>> = { hangs: hang, leaks: leak };

let mode = '';
const reader = new FrameReader();
process.stdin.on('end', () => process.exit());
for await (const chunk of process.stdin) {
  for (const { kind, body } of reader.frames(chunk)) {
    if (kind === KIND.begin) mode = JSON.parse(body.toString()).declared.codec;
    if (kind === KIND.bytes) AT_BYTES[mode]?.();
    if (kind === KIND.bytes) write(KIND.taken, numberOf(body.length));
    if (kind === KIND.end) AT_END[mode]?.();
  }
}
