import { setTimeout } from 'node:timers/promises';
import type { BucketOptions } from '../../src/adapters/s3/bucket.ts';
import { WAYS, type WayName } from './ways.ts';

/** What one uploading process is to do: `streams` at a time, each of `bytes`. */
export interface Job {
  readonly way: WayName;
  readonly bucket: BucketOptions;
  readonly streams: number;
  readonly bytes: number;
  readonly budgetBytes: number;
}

export interface Measured {
  /** Of all threads, microseconds. */
  readonly cpuMicros: number;
  readonly wallMs: number;
  /** Bytes. After a first upload, before the others. */
  readonly baselineRss: number;
  /** The highest seen, every 20 ms. */
  readonly peakRss: number;
}

const WARM_UP = { uploads: 3, bytes: 64 * 2 ** 20 } as const;

/**
 * A process that uploads and measures itself: `uploader.ts JOB-AS-JSON`, answer as JSON on stdout. It uploads a
 * little before the clock starts, so that connection, credentials and compiled code are there.
 */
async function measure({ way, bucket, streams, bytes, budgetBytes }: Job): Promise<Measured> {
  const uploading = WAYS[way](bucket, budgetBytes);
  const keyOf = (stream: number): string => `${way}/c/${process.pid}/s-${stream}`;
  for (let i = 0; i < WARM_UP.uploads; i++) await uploading.upload(keyOf(streams + i), WARM_UP.bytes);
  const baselineRss = process.memoryUsage.rss();
  const watching = new AbortController();
  const peak = watchRss(watching.signal);

  const [cpu, from] = [process.cpuUsage(), performance.now()];
  await Promise.all(
    Array.from({ length: streams }, async (_, stream) => await uploading.upload(keyOf(stream), bytes)),
  );
  const { user, system } = process.cpuUsage(cpu);
  const wallMs = performance.now() - from;

  watching.abort();
  await uploading.verify(keyOf(0), bytes);
  await uploading.close();
  process.stderr.write(
    `user ${user / 528e3} sys ${system / 528e3} ms/MiB main ${process.threadCpuUsage().user / 1e3}\n`,
  );
  return { cpuMicros: user + system, wallMs, baselineRss, peakRss: await peak };
}

async function watchRss(signal: AbortSignal): Promise<number> {
  let highest = 0;
  while (!signal.aborted) {
    highest = Math.max(highest, process.memoryUsage.rss());
    await setTimeout(20, undefined, { signal }).catch(() => undefined);
  }
  return highest;
}

if (import.meta.main) {
  const job: Job = JSON.parse(process.argv[2] ?? '');
  process.stdout.write(JSON.stringify(await measure(job)));
}
