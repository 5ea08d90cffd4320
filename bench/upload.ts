/**
 * What it costs to bring a call into an S3 store over TLS: sealed by us, against lib-storage with the same bytes
 * unsealed. Each measurement is a process of its own; the ways take turns, and what one uploads is looked at again:
 * a sealed object is read back and opened.
 *
 *   scripts/services up --only s3
 *   node bench/upload.ts     prints the table; exits 1 when a row missed its floor
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bucketOptions, dropBucket, makeBucket } from '../test/contract/s3-buckets.ts';
import { readAwsCredentials, servicesEnv, whatIsMissing } from '../test/services/env.ts';
import { type BenchRow, rowOf } from './seal/measure.ts';
import type { Job, Measured } from './upload/uploader.ts';
import type { WayName } from './upload/ways.ts';

const MIB = 2 ** 20;
const BUDGET = 256 * MIB;
const UPLOADER = join(import.meta.dirname, 'upload/uploader.ts');

/** All rows about uploads. Takes about two minutes. */
export async function uploadBench(rounds = 5): Promise<BenchRow[]> {
  return [...(await cpuRows(rounds)), ...(await memoryRows())];
}

async function cpuRows(rounds: number): Promise<BenchRow[]> {
  const ways: readonly WayName[] = ['sealed', 'defaults', 'tuned'];
  const overDefaults: number[] = [];
  const overTuned: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const cpu: Record<WayName, number> = { sealed: 0, defaults: 0, tuned: 0 };
    const order = round % 2 === 0 ? ways : ways.toReversed();
    for (const way of order) {
      cpu[way] = (await measured({ way, streams: 8, bytes: 64 * MIB, budgetBytes: BUDGET })).cpuMicros;
    }
    overDefaults.push(cpu.defaults / cpu.sealed);
    overTuned.push(cpu.tuned / cpu.sealed);
  }
  const name = 'sealed upload, CPU per byte';
  return [
    rowOf(
      { name, reference: 'lib-storage defaults, unsealed', floor: 2.5, target: 3, better: 'higher' },
      overDefaults,
    ),
    rowOf(
      { name, reference: 'lib-storage tuned, unsealed', floor: 1.3, target: 1.7, better: 'higher' },
      overTuned,
    ),
  ];
}

async function memoryRows(): Promise<BenchRow[]> {
  const few = await measured({ way: 'sealed', streams: 32, bytes: 32 * MIB, budgetBytes: BUDGET });
  const many = await measured({ way: 'sealed', streams: 128, bytes: 32 * MIB, budgetBytes: BUDGET });
  return [
    rowOf(
      {
        name: 'RSS at 128 streams',
        reference: 'RSS at 32 streams',
        floor: 1.2,
        target: 1.1,
        better: 'lower',
      },
      [many.peakRss / few.peakRss],
    ),
    rowOf(
      {
        name: 'RSS minus baseline at 128',
        reference: 'the byte budget',
        floor: 1.8,
        target: 1.5,
        better: 'lower',
      },
      [(many.peakRss - many.baselineRss) / BUDGET],
    ),
  ];
}

/** In a bucket of its own, removed afterwards. */
async function measured(job: Omit<Job, 'bucket'>): Promise<Measured> {
  const bucket = await makeBucket('s3');
  try {
    const options = bucketOptions('s3', bucket);
    const { accessKeyId, secretAccessKey } = readAwsCredentials(options.credentialsFile ?? '');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--no-warnings', UPLOADER, JSON.stringify({ ...job, bucket: options })],
      {
        env: {
          ...process.env,
          NODE_EXTRA_CA_CERTS: servicesEnv().tls.ca,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
        },
      },
    );
    const found: Measured = JSON.parse(stdout);
    return found;
  } finally {
    await dropBucket('s3', bucket);
  }
}

if (import.meta.main) {
  const missing = await whatIsMissing('s3');
  if (missing !== undefined) throw new Error(missing);
  const rows = await uploadBench();
  for (const { name, reference, ratio, rounds, floor, target, better, met } of rows) {
    const asked = `${better === 'higher' ? 'at least' : 'at most'} ${floor}, beyond ${target}`;
    const each = rounds.map((one) => one.toFixed(2)).join(' ');
    console.log(
      `${met ? 'ok    ' : 'MISSED'} ${name.padEnd(28)} ${ratio.toFixed(3).padStart(7)}  ${asked.padEnd(26)} ${reference} (${each})`,
    );
  }
  process.exitCode = rows.every((row) => row.met) ? 0 : 1;
}
