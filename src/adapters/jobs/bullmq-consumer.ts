import { setTimeout as rest } from 'node:timers/promises';
import { type Job, Worker } from 'bullmq';
import { CallsealError, codeOf } from '../../domain/errors.ts';
import { newUid } from '../../domain/ids.ts';
import type { JobPayload, JobRunner } from '../../ports/jobs.ts';
import type { PatientRedis } from '../redis/connection.ts';
import { redisFailure } from '../redis/failures.ts';
import { isPayload } from './bullmq-payload.ts';
import { within } from './within.ts';

export interface ConsumerOptions {
  /** Its own: it is left at the end. */
  readonly client: PatientRedis;
  readonly prefix: string;
  /** A process that was not heard of for so long has lost its job; another one runs it again, once. */
  readonly lockMs: number;
  readonly trouble: (error: CallsealError) => void;
}

/** What a leaving run waits for Redis, in each of its three last steps. */
const PATIENCE_MS = 1_000;
/** After an answer that says no, such as that of a full Redis: asked again without a rest it would never end. */
const REST_MS = 1_000;
/** A waiting read is asked again so often. */
const BLOCK_SECONDS = 5;

/**
 * Runs the jobs of a name one after the other until `signal` aborts. They are fetched by hand and not by BullMQ's own
 * loop, which asks a full Redis again without any rest, and fetches the next job while the abort is on its way.
 */
export async function consume(
  name: string,
  runner: JobRunner,
  options: ConsumerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client } = options;
  const worker = openWorker(name, options);
  try {
    while (!signal.aborted) {
      const token = newUid();
      const job = await nextJob(worker, client, token, signal).catch(async (error: unknown) => {
        await afterFailure(error, { worker, token }, options, signal);
        return undefined;
      });
      if (job !== undefined) await workOn({ job, token }, runner, options, signal);
    }
  } finally {
    await within(PATIENCE_MS, closed(worker));
    client.leave();
  }
}

function openWorker(name: string, { client, prefix, lockMs, trouble }: ConsumerOptions): Worker {
  const worker = new Worker(name, null, {
    connection: client,
    prefix,
    autorun: false,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: 1,
    drainDelay: BLOCK_SECONDS,
    // For a stranger's jobs, which do not say it themselves.
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  worker.on('error', (error) => trouble(redisFailure(error)));
  void worker.startStalledCheckTimer();
  return worker;
}

/** By force: a read that waits for a job would else hold the worker until it ends. The shared connection stays. */
async function closed(worker: Worker): Promise<void> {
  await worker.close(true).catch(() => undefined);
}

/** @returns undefined where there was none for a while, and after the abort: a job that came too late is put back */
async function nextJob(
  worker: Worker,
  client: PatientRedis,
  token: string,
  signal: AbortSignal,
): Promise<Job | undefined> {
  const fetched = worker.getNextJob(token);
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = (): void => aborted.resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const job = await Promise.race([fetched, aborted.promise]);
    if (!signal.aborted) return job;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  void closed(worker);
  await within(client.status === 'ready' ? PATIENCE_MS : 0, putBack(fetched, token));
  return undefined;
}

async function putBack(fetched: Promise<Job | undefined>, token: string): Promise<void> {
  // Where it fails, it counts as lost and is run again.
  await fetched.then(async (job) => await job?.moveToWait(token)).catch(() => undefined);
}

async function afterFailure(
  failure: unknown,
  at: { readonly worker: Worker; readonly token: string },
  { client, trouble }: ConsumerOptions,
  signal: AbortSignal,
): Promise<void> {
  if (failure instanceof SyntaxError || failure instanceof TypeError) {
    await takeOut(at.worker, client, at.token).catch(() => undefined);
    return trouble(new CallsealError('REFUSED', 'a job that cannot be read was thrown away'));
  }
  trouble(redisFailure(failure));
  await rest(REST_MS, undefined, { signal }).catch(() => undefined);
  // The check for lost jobs ends with the first answer that says no.
  void at.worker.startStalledCheckTimer();
}

/** What BullMQ fetched and could not read: it would be lost and fetched again for ever, with all others behind it. */
async function takeOut(worker: Worker, client: PatientRedis, token: string): Promise<void> {
  const active = worker.toKey('active');
  for (const id of await client.lrange(active, 0, -1)) {
    const lock = worker.toKey(`${id}:lock`);
    if ((await client.get(lock)) !== token) continue;
    await client.multi().lrem(active, 0, id).del(worker.toKey(id), lock).exec();
  }
}

interface Held {
  readonly job: Job;
  readonly token: string;
}

/** @throws what the runner throws, unless it is the abort */
async function workOn(
  held: Held,
  runner: JobRunner,
  options: ConsumerOptions,
  signal: AbortSignal,
): Promise<void> {
  const payload: unknown = held.job.data;
  if (!isPayload(payload)) {
    options.trouble(new CallsealError('REFUSED', 'a job that is none of ours was thrown away'));
    return await finish(held, options);
  }
  if (held.job.deferredFailure) {
    options.trouble(new CallsealError('BUG', 'a job whose process died twice was given up'));
    return await finish(held, options);
  }
  const lock = keepLock(held, options.lockMs);
  try {
    await runUntilAborted(runner, payload, AbortSignal.any([signal, lock.lost]));
  } finally {
    lock.release();
    if (!lock.lost.aborted) await finish(held, options);
  }
}

async function runUntilAborted(runner: JobRunner, payload: JobPayload, signal: AbortSignal): Promise<void> {
  try {
    await runner(payload, signal);
  } catch (error) {
    if (!(signal.aborted && codeOf(error) === 'STOPPING')) throw error;
  }
}

/** Done is done, however it ended: a job that failed is brought again by its schedule or by the registry. */
async function finish({ job, token }: Held, { trouble }: ConsumerOptions): Promise<void> {
  const finished = job.moveToCompleted(null, token, false).catch((error: unknown) => {
    trouble(redisFailure(error));
  });
  await within(PATIENCE_MS, finished);
}

/** Says again and again that the job is worked on. `lost` aborts when Redis says that it is ours no more. */
function keepLock(
  { job, token }: Held,
  lockMs: number,
): { readonly lost: AbortSignal; readonly release: () => void } {
  const lost = new AbortController();
  let asking = false;
  const renew = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    try {
      if ((await job.extendLock(token, lockMs)) !== 1) {
        lost.abort(new CallsealError('STOPPING', 'the job is not ours any more'));
      }
    } catch {
      // Redis is away, so nobody else can have it either.
    } finally {
      asking = false;
    }
  };
  const renewing = setInterval(() => void renew(), lockMs / 3).unref();
  return { lost: lost.signal, release: () => clearInterval(renewing) };
}
