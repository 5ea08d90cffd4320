import { CallsealError, codeOf } from '../../domain/errors.ts';
import { isId } from '../../domain/ids.ts';
import type { Jobs } from '../../ports/jobs.ts';
import { failingFast, PatientRedis, type RedisConnectionOptions, redisOptions } from '../redis/connection.ts';
import { consume } from './bullmq-consumer.ts';
import { isPayload } from './bullmq-payload.ts';
import { bullmqProducer } from './bullmq-producer.ts';
import { type OnTrouble, rarely } from './bullmq-trouble.ts';
import { within } from './within.ts';

export interface BullmqJobsOptions extends RedisConnectionOptions {
  /** Told of outages and of jobs that are none of ours, each at most once in `tellEveryMs`. */
  readonly onTrouble?: OnTrouble;
  readonly tellEveryMs?: number;
  /** Of every key; what the ACL user may touch. */
  readonly prefix?: string;
  readonly lockMs?: number;
  readonly repeatMs?: number;
  readonly closeWithinMs?: number;
}

/**
 * Jobs in Redis, for workers on many machines: each name is a queue, and its jobs run one at a time in all processes
 * together (docs/jobs.md). Nothing is connected before something is asked for. A Redis that is away fails `add`,
 * `schedule` and `check` in milliseconds, and `run` goes on when it is back.
 *
 * @throws CallsealError BAD_CONFIG - a file of the settings cannot be read
 */
export async function bullmqJobs(options: BullmqJobsOptions): Promise<Jobs> {
  const { prefix = 'callseal', lockMs = 30_000, repeatMs = 300_000, closeWithinMs = 10_000 } = options;
  const connection = await redisOptions(options);
  const trouble = rarely(options.onTrouble ?? (() => undefined), options.tellEveryMs ?? 60_000);
  const producer = bullmqProducer({ client: failingFast(connection), prefix, repeatMs, trouble });
  const runs = new Map<string, Promise<void>>();
  const closing = new AbortController();

  const insistOpen = (signal: AbortSignal): void => {
    signal.throwIfAborted();
    if (closing.signal.aborted) throw new CallsealError('STOPPING', 'jobs are closed');
  };
  return {
    check: async (signal) => {
      insistOpen(signal);
      await producer.check().catch((error: unknown) => {
        if (codeOf(error) !== 'JOBS_DOWN') throw error;
      });
    },
    run: async (name, runner, signal) => {
      if (signal.aborted || closing.signal.aborted) return;
      if (runs.has(name)) throw new CallsealError('BUG', `jobs named ${name} are run already`);
      const client = new PatientRedis(connection);
      const run = producer
        .oneAtATime(name)
        .then(
          async () =>
            await consume(
              name,
              runner,
              { client, prefix, lockMs, trouble },
              AbortSignal.any([signal, closing.signal]),
            ),
        );
      runs.set(name, run);
      try {
        await run;
      } finally {
        runs.delete(name);
      }
    },
    schedule: async (schedule, signal) => {
      insistOpen(signal);
      await producer.schedule(schedule);
    },
    add: async (name, id, payload, signal) => {
      insistOpen(signal);
      if (!isId(id) || !isPayload(payload)) {
        throw new CallsealError('BUG', 'a job takes an id, and ids and numbers');
      }
      await producer.add(name, id, payload);
    },
    close: async () => {
      closing.abort(new CallsealError('STOPPING', 'jobs are closed'));
      // Failures belong to whoever awaits `run`.
      const ended = await within(closeWithinMs, Promise.allSettled(runs.values()));
      await producer.close();
      if (!ended) throw new CallsealError('STOPPING', `a job did not stop within ${closeWithinMs} ms`);
    },
  };
}
