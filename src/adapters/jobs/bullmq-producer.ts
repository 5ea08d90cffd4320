import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { CallsealError } from '../../domain/errors.ts';
import type { JobPayload, Schedule } from '../../ports/jobs.ts';
import { refuseEviction } from '../redis/eviction.ts';
import { redisFailure } from '../redis/failures.ts';

/** Of BullMQ's own log of events, which nobody reads here. */
const EVENTS_KEPT = 100;
/** After a try to put everything back that failed half way. */
const AGAIN_MS = 2_000;
/** All is gone with its end: nothing reads results, and a job that failed is brought again by its schedule. */
const JOB_OPTIONS = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;

export interface ProducerOptions {
  /** Made by `failingFast`. */
  readonly client: Redis;
  readonly prefix: string;
  /** Everything that should stand in Redis is put there again so often: somebody may have emptied it. */
  readonly repeatMs: number;
  readonly trouble: (error: CallsealError) => void;
}

export interface Producer {
  /** @throws CallsealError BAD_CONFIG - Redis does not let us in, or may throw a queue away */
  check(): Promise<void>;
  add(name: string, id: string, payload: JobPayload): Promise<void>;
  schedule(schedule: Schedule): Promise<void>;
  /** From now on the jobs of a name run one at a time, in all processes together; late where Redis is away. */
  oneAtATime(name: string): Promise<void>;
  close(): Promise<void>;
}

/** The half that writes. Fails in milliseconds while Redis is away: callers do not wait for a queue. */
export function bullmqProducer({ client, prefix, repeatMs, trouble }: ProducerOptions): Producer {
  const queues = new Map<string, Queue>();
  const schedules = new Map<string, Schedule>();
  /** Names that are run here. */
  const names = new Set<string>();
  let connecting: Promise<void> | undefined;
  /** Why it is not connected; what fails meanwhile says only that it is not. */
  let reason: unknown;

  const connected = async (): Promise<void> => {
    if (client.status === 'wait') connecting = client.connect();
    await connecting?.catch(() => undefined);
    connecting = undefined;
    if (client.status !== 'ready') throw redisFailure(reason);
  };
  const queueOf = async (name: string): Promise<Queue> => {
    const queue = queues.get(name) ?? openQueue(client, prefix, name, trouble);
    queues.set(name, queue);
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      // One that was opened as Redis went away is dead for ever; the next caller opens another.
      if (queues.get(name) === queue) queues.delete(name);
      await queue.close().catch(() => undefined);
      throw error;
    }
  };
  const limit = async (name: string): Promise<void> => {
    await (await queueOf(name)).setGlobalConcurrency(1);
  };
  const put = async ({ name, everyMs }: Schedule): Promise<void> => {
    const queue = await queueOf(name);
    // BullMQ keeps the offset of an interval that is replaced, so the next run could be hours late: made anew instead.
    const before = await queue.getJobScheduler(name);
    if (before !== undefined && before.every !== everyMs) await queue.removeJobScheduler(name);
    await queue.upsertJobScheduler(name, { every: everyMs }, { name, data: {}, opts: { ...JOB_OPTIONS } });
  };
  let soon: NodeJS.Timeout | undefined;
  /** A restart of Redis leaves it empty. */
  const putAll = async (): Promise<void> => {
    if (client.status !== 'ready') return;
    try {
      await refuseEviction(client);
      for (const name of names) await limit(name);
      for (const schedule of schedules.values()) await put(schedule);
    } catch (error) {
      trouble(redisFailure(error));
      clearTimeout(soon);
      soon = setTimeout(() => void putAll(), AGAIN_MS).unref();
    }
  };
  const repeating = setInterval(() => void putAll(), repeatMs).unref();
  client.on('error', (error) => {
    reason = error;
    trouble(redisFailure(error));
  });
  client.on('ready', () => void putAll());

  const translating = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await connected();
      await work();
    } catch (error) {
      throw redisFailure(error);
    }
  };
  return {
    check: async () => await translating(async () => await refuseEviction(client)),
    add: async (name, id, payload) =>
      await translating(
        // Never an integer: BullMQ counts its own ids so.
        async () => await (await queueOf(name)).add(name, payload, { ...JOB_OPTIONS, jobId: `job-${id}` }),
      ),
    schedule: async (schedule) => {
      schedules.set(schedule.name, schedule);
      await translating(async () => await put(schedule));
    },
    oneAtATime: async (name) => {
      names.add(name);
      await translating(async () => await limit(name)).catch(trouble);
    },
    close: async () => {
      clearInterval(repeating);
      clearTimeout(soon);
      await Promise.allSettled([...queues.values()].map(async (queue) => await queue.close()));
      client.disconnect();
    },
  };
}

function openQueue(
  client: Redis,
  prefix: string,
  name: string,
  trouble: (error: CallsealError) => void,
): Queue {
  const queue = new Queue(name, {
    connection: client,
    prefix,
    defaultJobOptions: { ...JOB_OPTIONS },
    streams: { events: { maxLen: EVENTS_KEPT } },
  });
  queue.on('error', (error) => trouble(redisFailure(error)));
  return queue;
}
