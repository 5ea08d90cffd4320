/**
 * The whole path, events in Kafka to outcomes in Kafka, in profile production: one worker against the same job written
 * the usual way (bench/reference/), on the same brokers and stores, in turns. Processes start before the clock does:
 * it runs from the first outcome to the last.
 *
 *   node bench/path.ts     prints the table; exits 1 when a row missed its floor
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientsOf } from '../test/adapters/kafka/test-topics.ts';
import { type ClusterWorld, clusterWorld } from '../test/faults/cluster-world.ts';
import { noise } from '../test/faults/embedded-world.ts';
import { recording, transcript } from '../test/faults/store-settings.ts';
import { putSource } from '../test/services/edge-bucket.ts';
import { readAwsCredentials, readSecret } from '../test/services/env.ts';
import { KmsAdmin } from '../test/services/kms-admin.ts';
import type { ReferenceSettings } from './reference/worker.ts';
import { type BenchRow, median, rowOf } from './seal/measure.ts';
import { tableText } from './table.ts';

const BASE = 6000;
const TENANT = 't-1';
const KB = 1_000;
const MB = 1_000_000;
const SIZES = { small: 28 * KB, large: 8 * MB, huge: 1_000 * MB } as const;
const REFERENCE = join(import.meta.dirname, 'reference/worker.ts');
const ROUNDS = 3;

/** All rows about the whole path. Takes some ten minutes, and a set of services of its own. */
export async function pathBench(): Promise<BenchRow[]> {
  const world = await clusterWorld(BASE, 1);
  try {
    for (const [name, bytes] of Object.entries(SIZES)) {
      await putSource(world.services, `${TENANT}/${name}.raw`, noise(name, bytes));
    }
    return [
      await throughput(world, 'small', 200, {
        name: '30 KB calls a second, whole path',
        floor: 3,
        target: 5,
      }),
      await throughput(world, 'large', 24, {
        name: '8 MB calls a second, whole path',
        floor: 2.5,
        target: 4,
      }),
      await besideHuge(world),
      await twoOverOne(world),
      await keyRequests(world),
    ];
  } finally {
    await world.remove();
  }
}

type Size = keyof typeof SIZES;

const artifactsOf = (size: Size): readonly object[] => [
  recording(`${size}.raw`),
  transcript('transcript.json'),
];

let named = 0;

async function publish(world: ClusterWorld, size: Size, count: number): Promise<string[]> {
  const calls = Array.from({ length: count }, () => `b-${named++}`);
  await Promise.all(calls.map(async (call) => await world.publish(TENANT, call, 1, artifactsOf(size))));
  return calls;
}

async function throughput(
  world: ClusterWorld,
  size: Size,
  count: number,
  asked: { readonly name: string; readonly floor: number; readonly target: number },
): Promise<BenchRow> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ours = async (): Promise<number> => await rateOf(world, size, count, [startOurs(world)]);
    const theirs = async (): Promise<number> =>
      await rateOf(world, size, count, [await startReference(world)]);
    const [first, second] = round % 2 === 0 ? [ours, theirs] : [theirs, ours];
    const [one, other] = [await first(), await second()];
    rounds.push(round % 2 === 0 ? one / other : other / one);
  }
  return rowOf({ ...asked, reference: 'the same job, the usual way', better: 'higher' }, rounds);
}

interface Running {
  readonly outcomes: string;
  stop(): Promise<void>;
}

/** Calls a second of workers that are up, over all but the first outcomes. */
async function rateOf(
  world: ClusterWorld,
  size: Size,
  count: number,
  workers: readonly Running[],
): Promise<number> {
  const topic = workers[0]?.outcomes ?? '';
  const warm = await watch(world, topic, await publish(world, 'small', 5 * workers.length));
  await warm.all;
  const calls = await publish(world, size, count);
  const { all } = await watch(world, topic, calls);
  const times = [...(await all).values()].toSorted((a, b) => a - b);
  for (const worker of workers) await worker.stop();
  return ((count - 1) * 1000) / ((times.at(-1) ?? 0) - (times[0] ?? 0));
}

/** When each outcome was published, by the broker's records. */
async function watch(world: ClusterWorld, topic: string, calls: readonly string[]) {
  const wanted = new Set(calls.map((call) => `${TENANT}/${call}`));
  const seen = new Map<string, number>();
  const clients = await clientsOf('admin', { base: BASE });
  const consumer = clients.consumer({ groupId: `bench-${named}-${topic}-${Date.now()}` });
  const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, number>>();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, timestamp } of batch.messages) {
        const name = String(key);
        if (wanted.has(name) && !seen.has(name)) seen.set(name, Number(timestamp));
      }
      if (seen.size === wanted.size) resolve(seen);
    },
  });
  const all = promise.then(async (times) => {
    await consumer.disconnect();
    clients.stop();
    return times;
  });
  return { all };
}

function startOurs(world: ClusterWorld): Running {
  const worker = world.startWorker();
  return {
    outcomes: world.topics.outputs.outcome,
    stop: async () => {
      worker.signal('SIGTERM');
      await worker.ended;
    },
  };
}

/** On topics of its own: it must not answer what ours is to answer. It reads the same inbox in a group of its own. */
async function startReference(world: ClusterWorld): Promise<Running> {
  const { services, topics } = world;
  const folder = await mkdtemp(join(tmpdir(), 'callseal-reference-'));
  const outcomes = 'reference.outcome';
  const settings: ReferenceSettings = {
    brokers: services.kafka.brokers,
    tls: { ca: services.tls.ca, ...services.kafka.principals.admin },
    group: `reference-${named++}`,
    topics: { inbox: topics.inbox[0] ?? '', outcome: outcomes, transcripts: 'reference.transcripts' },
    s3: { ...services.s3, source: 'edge-eu', target: 'calls' },
    kms: { ...services.kms, account: '111122223333' },
    credentials: {
      s3: readAwsCredentials(services.s3.credentialsFiles.root),
      kms: readAwsCredentials(services.kms.credentialsFiles.worker),
    },
  };
  const file = join(folder, 'reference.json');
  await writeFile(file, JSON.stringify(settings));
  const child: ChildProcess = spawn(process.execPath, ['--no-warnings', REFERENCE, file], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: services.tls.ca },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return {
    outcomes,
    stop: async () => {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Fifty small calls beside a huge one, against fifty alone: their 99th percentile from publication to outcome. */
async function besideHuge(world: ClusterWorld): Promise<BenchRow> {
  const rounds: number[] = [];
  const worker = startOurs(world);
  await (await watch(world, worker.outcomes, await publish(world, 'small', 5))).all;
  for (let round = 0; round < ROUNDS; round++) {
    const alone = await p99(world, worker.outcomes);
    const [huge = ''] = await publish(world, 'huge', 1);
    const { all: hugeDone } = await watch(world, worker.outcomes, [huge]);
    const beside = await p99(world, worker.outcomes);
    await hugeDone;
    rounds.push(beside / alone);
  }
  await worker.stop();
  return rowOf(
    {
      name: 'p99 of 50 small calls beside one of 1 GB',
      reference: 'their p99 alone',
      floor: 1.5,
      target: 1.1,
      better: 'lower',
    },
    rounds,
  );
}

async function p99(world: ClusterWorld, topic: string): Promise<number> {
  const from = Date.now();
  const calls = await publish(world, 'small', 50);
  const { all } = await watch(world, topic, calls);
  const times = [...(await all).values()].map((at) => at - from).toSorted((a, b) => a - b);
  return times.at(Math.ceil(times.length * 0.99) - 1) ?? 0;
}

async function twoOverOne(world: ClusterWorld): Promise<BenchRow> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const one = await rateOf(world, 'small', 200, [startOurs(world)]);
    const two = await rateOf(world, 'small', 200, [startOurs(world), startOurs(world)]);
    rounds.push(two / one);
  }
  return rowOf(
    {
      name: 'calls a second, two processes',
      reference: 'one process',
      floor: 1.2,
      target: 1.8,
      better: 'higher',
    },
    rounds,
  );
}

/** GenerateDataKey requests for each call of one key class. */
async function keyRequests(world: ClusterWorld): Promise<BenchRow> {
  const { kms, tls } = world.services;
  const admin = new KmsAdmin(kms.endpoint, await readFile(tls.ca, 'utf8'), readSecret(kms.adminSecretFile));
  const made = async (): Promise<number> =>
    (await admin.requests()).filter(({ operation }) => operation !== 'DescribeKey').length;
  const worker = startOurs(world);
  const before = await made();
  const calls = await publish(world, 'small', 50);
  await (await watch(world, worker.outcomes, calls)).all;
  const requests = (await made()) - before;
  await worker.stop();
  return rowOf(
    { name: 'KMS requests a call of one class', reference: 'one', floor: 1, target: 1, better: 'lower' },
    [median([requests / calls.length])],
  );
}

if (import.meta.main) {
  const rows = await pathBench();
  console.log(tableText(rows));
  for (const { name, rounds } of rows) console.log(name, rounds.map((ratio) => ratio.toFixed(2)).join(' '));
  process.exitCode = rows.every(({ met }) => met) ? 0 : 1;
}
