/**
 * What sealing whole calls costs in memory, through the whole embedded pipeline: source file, tap, sealing, object
 * folder, registry, outputs. Every call that is sealed is verified afterwards.
 *
 *   node bench/pipeline.ts            1 GB against 100 MB, and 128 recordings at once
 *   CALLSEAL_LONG=1 node bench/pipeline.ts      10 GB against 1 GB as well
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open as openFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { open } from '../src/compose.ts';
import { loadSettings } from '../src/config/load-settings.ts';
import { productEnvironment } from '../test/services/product-environment.ts';
import type { Cost } from './pipeline/worker.ts';
import { type BenchRow, rowOf } from './seal/measure.ts';
import { tableText } from './table.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
/** As bin/callseal starts it. */
const NODE = ['--no-warnings', '--disable-proto=delete', '--max-semi-space-size=8'];
const MB = 1e6;
const MiB = 2 ** 20;
const BUDGET = 256 * MiB;

/** Rows about memory. Needs as much free disk as the largest call, once. */
export async function pipelineBench(long = process.env['CALLSEAL_LONG'] === '1'): Promise<BenchRow[]> {
  const small = await sealed({ calls: 1, bytes: 100 * MB });
  const large = await sealed({ calls: 1, bytes: 1000 * MB });
  const rows = [flatRow('RSS at 1 GB minus RSS at 100 MB', small, large)];
  if (long)
    rows.push(
      flatRow('RSS at 10 GB minus RSS at 1 GB', large, await sealed({ calls: 1, bytes: 10_000 * MB })),
    );
  const baseline = await sealed({ calls: 1, bytes: 1000 });
  const many = await sealed({ calls: 128, bytes: 16 * MB });
  rows.push(
    rowOf(
      {
        name: 'RSS at 128 recordings minus baseline',
        reference: 'the byte budget (256 MiB)',
        floor: 1.8,
        target: 1.5,
        better: 'lower',
      },
      [(many.peakRss - baseline.peakRss) / BUDGET],
    ),
  );
  return rows;
}

/** In MiB: what ten times the bytes add. */
function flatRow(name: string, before: Cost, after: Cost): BenchRow {
  return rowOf({ name, reference: 'MiB', floor: 16, target: 4, better: 'lower' }, [
    (after.peakRss - before.peakRss) / MiB,
  ]);
}

/** Seals so many calls of so many bytes of 8 kHz stereo PCM at once, in a fresh folder, and verifies them all. */
async function sealed({ calls, bytes }: { readonly calls: number; readonly bytes: number }): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-bench-'));
  try {
    const data = join(folder, 'data');
    const file = join(folder, 'settings.yaml');
    await mkdir(join(folder, 'sources'));
    await writeSource(join(folder, 'sources', 'call.s16le'), bytes);
    await writeFile(file, settingsText(calls));
    await publishAll(file, data, calls);
    const worker = join(import.meta.dirname, 'pipeline/worker.ts');
    const { stdout } = await run(process.execPath, [...NODE, worker, file, data], {
      maxBuffer: 64 * MiB,
      env: productEnvironment(),
    });
    const cost: Cost = JSON.parse(stdout);
    const answered = (cost.answers['sealed'] ?? 0) + (cost.answers['sealed-with-warnings'] ?? 0);
    if (answered !== calls) throw new Error(`${answered} of ${calls} calls were sealed`);
    const cli = join(ROOT, 'src/cli.ts');
    const where = ['--profile', 'local', '--config', file, '--data', data];
    await run(process.execPath, [...NODE, cli, ...where, 'verify', '--all'], {
      maxBuffer: 64 * MiB,
      env: productEnvironment(),
    });
    return cost;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function settingsText(calls: number): string {
  const source = '{ kind: files, root: sources }';
  return [
    `budgets: { memory: ${BUDGET / MiB}MiB, calls: ${Math.max(calls, 4)} }`,
    `tenants: { bench: { create: at-start, policy: default, sources: { edge: ${source} } } }`,
    '',
  ].join('\n');
}

/** Samples that are no silence, written in pieces: the tap looks at each of them. */
async function writeSource(path: string, bytes: number): Promise<void> {
  const piece = Buffer.alloc(4 * MiB);
  for (let i = 0; i + 1 < piece.length; i += 2) piece.writeInt16LE(((i * 7919) % 20_011) - 10_005, i);
  const file = await openFile(path, 'wx');
  for (let left = bytes; left > 0; left -= piece.length)
    await file.write(piece.subarray(0, Math.min(left, piece.length)));
  await file.close();
}

async function publishAll(file: string, data: string, calls: number): Promise<void> {
  const flags = [{ path: ['data'], value: data, flag: '--data' }];
  const loaded = await loadSettings({ profile: 'local', file, environment: {}, folder: ROOT, flags });
  const opened = await open(loaded, {
    version: 'bench',
    ticket: undefined,
    actor: { kind: 'operator', id: 'bench' },
    onKeyFileCreated: () => undefined,
  });
  for (let i = 0; i < calls; i++) {
    const value = Buffer.from(JSON.stringify(eventOf(`call-${i}`)));
    const headers = { 'content-type': 'application/cloudevents+json' };
    const record = { topic: 'callseal.calls.completed', key: `bench/call-${i}`, headers, value };
    await opened.ports.inbox.publish(record, new AbortController().signal);
  }
  await opened.close();
}

function eventOf(call: string) {
  const media = { container: 'raw', codec: 'pcm_s16le', sampleRate: 8000, channels: ['caller', 'agent'] };
  return {
    specversion: '1.0',
    id: call,
    source: 'urn:bench',
    type: 'callseal.call.completed.v1',
    datacontenttype: 'application/json',
    data: {
      tenant: 'bench',
      call,
      revision: 1,
      consent: { recording: 'granted' },
      artifacts: [{ id: 'audio', kind: 'audio', source: { alias: 'edge', key: 'call.s16le' }, media }],
    },
  };
}

if (import.meta.main) {
  const rows = await pipelineBench();
  console.log(tableText(rows));
  process.exitCode = rows.every(({ met }) => met) ? 0 : 1;
}
