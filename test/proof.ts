/**
 * `make proof`: the long forms of what CI runs short. Prints what each step said, and writes the results with machine
 * and date to bench/results/proof-<date>.json. `make proof STEPS='crashes memory'` runs some.
 */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { machineFacts } from '../bench/machine.ts';

const STEPS: Readonly<Record<string, readonly string[]>> = {
  model: ['vitest', 'run', '--project', 'unit', 'test/model'],
  fuzzing: ['vitest', 'run', '--project', 'unit', 'test/media/fuzz.test.ts'],
  corpus: ['vitest', 'run', '--project', 'integration', 'test/integration/media-corpus.test.ts'],
  crashes: ['vitest', 'run', '--project', 'faults', 'test/faults/embedded.test.ts'],
  stores: ['vitest', 'run', '--project', 'faults', 'test/faults/stores.test.ts'],
  cluster: ['vitest', 'run', '--project', 'faults', 'test/faults/cluster.test.ts'],
  replay: ['vitest', 'run', '--project', 'faults', 'test/faults/replay-campaign.test.ts'],
  restore: [
    'vitest',
    'run',
    'test/integration/registry-restore.test.ts',
    'test/integration/kafka-worker.test.ts',
  ],
  memory: ['node', 'bench/pipeline.ts'],
};

interface StepResult {
  readonly step: string;
  readonly code: number | null;
  readonly minutes: number;
  /** Lines of figures and verdicts. */
  readonly says: readonly string[];
}

async function runStep(step: string, words: readonly string[]): Promise<StepResult> {
  process.stdout.write(`\n== ${step}\n`);
  const from = performance.now();
  const env = { ...process.env, CALLSEAL_LONG: '1', NO_COLOR: '1' };
  const child = spawn('sh', ['tools/node/use.sh', ...words], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    process.stdout.write(chunk);
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const minutes = Math.round((performance.now() - from) / 600) / 100;
  const says = text.split('\n').filter((line) => /^(\{|ok |MISSED| +Tests )/.test(line));
  return { step, code, minutes, says: says.map((line) => line.trim()) };
}

const wanted = (process.env['STEPS'] ?? Object.keys(STEPS).join(' ')).split(/\s+/).filter(Boolean);
const results: StepResult[] = [];
for (const step of wanted) {
  const words = STEPS[step];
  if (!words) throw new TypeError(`there is no step ${step}: ${Object.keys(STEPS).join(', ')}`);
  results.push(await runStep(step, words));
}
const date = new Date().toISOString().slice(0, 10);
const folder = join(import.meta.dirname, '../bench/results');
await mkdir(folder, { recursive: true });
const report = { date, machine: machineFacts(), results };
await writeFile(join(folder, `proof-${date}.json`), `${JSON.stringify(report, null, 2)}\n`);
for (const { step, code, minutes } of results)
  process.stdout.write(`${step}: ${code === 0 ? 'holds' : 'FAILED'}, ${minutes} min\n`);
process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1;
