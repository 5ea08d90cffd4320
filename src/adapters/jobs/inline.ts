import { setTimeout } from 'node:timers/promises';
import { CallsealError, codeOf } from '../../domain/errors.ts';
import type { JobRunner, Jobs } from '../../ports/jobs.ts';
import { JobQueue } from './job-queue.ts';
import { within } from './within.ts';

/** setTimeout fires at once beyond this. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Jobs in this process, for one machine. Nothing is kept: what was lost with the process is made again from the
 * registry, as with every queue.
 */
export function inlineJobs(options: { readonly closeWithinMs?: number } = {}): Jobs {
  const { closeWithinMs = 10_000 } = options;
  const queues = new Map<string, JobQueue>();
  const runs = new Map<string, Promise<void>>();
  const closing = new AbortController();

  const queueOf = (name: string): JobQueue => {
    const queue = queues.get(name) ?? new JobQueue(() => performance.now());
    queues.set(name, queue);
    return queue;
  };
  const insistOpen = (signal: AbortSignal): void => {
    signal.throwIfAborted();
    if (closing.signal.aborted) throw new CallsealError('STOPPING', 'jobs are closed');
  };

  return {
    check: async (signal) => insistOpen(signal),
    run: async (name, runner, signal) => {
      if (signal.aborted || closing.signal.aborted) return;
      if (runs.has(name)) throw new CallsealError('BUG', `jobs named ${name} are run already`);
      const run = runQueue(queueOf(name), runner, AbortSignal.any([signal, closing.signal]));
      runs.set(name, run);
      try {
        await run;
      } finally {
        runs.delete(name);
      }
    },
    schedule: async ({ name, everyMs }, signal) => {
      insistOpen(signal);
      queueOf(name).schedule(everyMs);
    },
    add: async (name, id, payload, signal) => {
      insistOpen(signal);
      queueOf(name).add(id, payload);
    },
    close: async () => {
      closing.abort(new CallsealError('STOPPING', 'jobs are closed'));
      // Failures belong to whoever awaits `run`.
      const ended = Promise.allSettled(runs.values());
      if (!(await within(closeWithinMs, ended))) {
        throw new CallsealError('STOPPING', `a job did not stop within ${closeWithinMs} ms`);
      }
    },
  };
}

async function runQueue(queue: JobQueue, runner: JobRunner, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { changed } = queue;
    const job = queue.take();
    if (job === undefined) {
      await until(changed, queue.dueInMs(), signal);
      continue;
    }
    try {
      await runner(job.payload, signal);
    } catch (error) {
      if (!(signal.aborted && codeOf(error) === 'STOPPING')) throw error;
    } finally {
      queue.finish();
    }
  }
}

/** Resolves when `changed` does, after `dueInMs`, or when `signal` aborts. */
async function until(
  changed: Promise<void>,
  dueInMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const waited = new AbortController();
  const waitMs = Math.min(dueInMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS);
  const timer = setTimeout(waitMs, undefined, { signal: AbortSignal.any([signal, waited.signal]) });
  try {
    await Promise.race([changed, timer.catch(() => undefined)]);
  } finally {
    waited.abort();
  }
}
