/**
 * One worker on a data folder, until it is idle; says what it cost. A process of its own, so that the peak is its own.
 *
 *   node bench/pipeline/worker.ts SETTINGS DATA
 */
import { open } from '../../src/compose.ts';
import { loadSettings } from '../../src/config/load-settings.ts';

export interface Cost {
  /** Peak resident set, bytes. */
  readonly peakRss: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly answers: Readonly<Record<string, number>>;
}

const [file = '', data = ''] = process.argv.slice(2);
const loaded = await loadSettings({
  profile: 'local',
  file,
  environment: {},
  folder: process.cwd(),
  flags: [{ path: ['data'], value: data, flag: '--data' }],
});
const worker = await open(loaded, {
  version: 'bench',
  ticket: undefined,
  actor: { kind: 'worker', id: 'bench' },
  onKeyFileCreated: () => undefined,
});
const answers: Record<string, number> = {};
const from = performance.now();
await worker.runWorker(
  { untilIdle: true },
  { answered: ({ answer }) => void (answers[answer] = (answers[answer] ?? 0) + 1) },
  new AbortController().signal,
);
const wallSeconds = (performance.now() - from) / 1000;
await worker.close();
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const cost: Cost = {
  peakRss: maxRSS * 1024,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  wallSeconds,
  answers,
};
process.stdout.write(`${JSON.stringify(cost)}\n`);
