import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { Queue } from 'bullmq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BullmqJobsOptions, bullmqJobs } from '../../src/adapters/jobs/bullmq.ts';
import { failingFast, redisOptions } from '../../src/adapters/redis/connection.ts';
import type { CallsealError } from '../../src/domain/errors.ts';
import type { JobPayload, Jobs } from '../../src/ports/jobs.ts';
import { servicesEnv, whatIsMissing } from '../services/env.ts';
import { redisOf } from '../services/redis-options.ts';
import { jobsContract } from './jobs-suite.ts';

const missing = await whatIsMissing('redis');
const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

describe.skipIf(missing)(`jobs on Redis ${missing ?? ''}`, () => {
  const freshPrefix = (): string => `callseal:${randomUUID()}`;
  const opened = async (changes: Partial<BullmqJobsOptions> = {}): Promise<Jobs> => {
    const jobs = await bullmqJobs({ ...redisOf(), prefix: freshPrefix(), ...changes });
    onTestFinished(async () => await jobs.close());
    return jobs;
  };

  jobsContract('bullmq', async () => await bullmqJobs({ ...redisOf(), prefix: freshPrefix() }));

  test('two workers on one queue: one runs the schedule, and jobs of a name run one at a time', async () => {
    const prefix = freshPrefix();
    const both = [await opened({ prefix }), await opened({ prefix })];
    const stop = new AbortController();
    let running = 0;
    const seen: { payload: JobPayload; beside: number }[] = [];
    const runs = both.map(async (jobs) => {
      await jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never);
      for (const n of [1, 2, 3]) await jobs.add('sweep', `n-${n}`, { n }, never);
      await jobs.run(
        'sweep',
        async (payload) => {
          seen.push({ payload, beside: running++ });
          await new Promise((resolve) => setTimeout(resolve, 5));
          running--;
          const kinds = new Set(seen.map(({ payload: { n = 'schedule' } }) => n));
          if (kinds.size === 4) stop.abort();
        },
        stop.signal,
      );
    });
    await Promise.all(runs);
    expect(seen.filter(({ payload }) => Object.keys(payload).length === 0)).toHaveLength(1);
    expect(seen.map(({ beside }) => beside)).toEqual(seen.map(() => 0));
  });

  describe('what a stranger writes', () => {
    async function strangerOn(prefix: string) {
      const client = failingFast(await redisOptions(redisOf()));
      await client.connect();
      const queue = new Queue('sweep', { connection: client, prefix });
      onTestFinished(async () => {
        await queue.close();
        client.disconnect();
      });
      return { queue, client };
    }

    test('in another shape is refused by code, starts nothing, and is gone; the next job of ours runs', async () => {
      const prefix = freshPrefix();
      const told: string[] = [];
      const jobs = await opened({
        prefix,
        tellEveryMs: 0,
        onTrouble: ({ code }: CallsealError) => void told.push(code),
      });
      const { queue } = await strangerOn(prefix);
      const shapes: unknown[] = [
        { path: '/etc/passwd' },
        { deep: { n: 1 } },
        [1, 2],
        'text',
        null,
        7,
        { 'not a name': 1 },
        { n: null },
        Object.fromEntries(Array.from({ length: 27 }, (_, at) => [String.fromCharCode(97 + at), at])),
      ];
      for (const shape of shapes) await queue.add('anything', shape);
      await jobs.add('sweep', 'ours', { n: 1 }, never);
      const seen: JobPayload[] = [];
      const stop = new AbortController();
      await jobs.run(
        'sweep',
        async (payload) => {
          seen.push(payload);
          stop.abort();
        },
        stop.signal,
      );
      expect(seen).toEqual([{ n: 1 }]);
      expect(told).toEqual(shapes.map(() => 'REFUSED'));
      expect(await queue.getJobCountByTypes('completed', 'failed', 'active', 'wait')).toBe(0);
    });

    for (const field of ['data', 'opts']) {
      test(`with ${field} that are no JSON is refused and gone, and holds up nobody`, async () => {
        const prefix = freshPrefix();
        const told: string[] = [];
        const jobs = await opened({
          prefix,
          tellEveryMs: 0,
          onTrouble: ({ code }: CallsealError) => void told.push(code),
        });
        const { queue, client } = await strangerOn(prefix);
        const { id = '' } = await queue.add('anything', { n: 1 });
        await client.hset(`${prefix}:sweep:${id}`, field, '{no json');
        await jobs.add('sweep', 'ours', { n: 2 }, never);
        const stop = new AbortController();
        const seen: JobPayload[] = [];
        await jobs.run(
          'sweep',
          async (payload) => {
            seen.push(payload);
            stop.abort();
          },
          stop.signal,
        );
        expect([seen, told]).toEqual([[{ n: 2 }], ['REFUSED']]);
        expect(await queue.getJobCountByTypes('completed', 'failed', 'active', 'wait')).toBe(0);
      });
    }
  });

  describe('what waiting cannot help is refused at the start, with a sentence', () => {
    const refusal = async (changes: Partial<BullmqJobsOptions>): Promise<unknown> => {
      const jobs = await opened(changes);
      return await jobs.check(never).catch((error: unknown) => error);
    };

    test('a password that is not the right one', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'callseal-redis-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const passwordFile = join(folder, 'wrong');
      writeFileSync(passwordFile, 'wrong');
      for (const changes of [{ passwordFile }, { passwordFile: undefined }, { user: 'nobody' }]) {
        expect(await refusal(changes)).toMatchObject({
          code: 'BAD_CONFIG',
          message: 'Redis does not know this user and password',
        });
      }
    });

    test('a certificate that nobody vouches for', async () => {
      expect(await refusal({ ca: null })).toMatchObject({
        code: 'BAD_CONFIG',
        message: 'no TLS with Redis that can be believed (SELF_SIGNED_CERT_IN_CHAIN)',
      });
    });

    test('a server that speaks TLS 1.2 at most', async () => {
      const { tls } = servicesEnv();
      const files = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
      const server = createServer({ ...files, maxVersion: 'TLSv1.2' }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(() => void server.close());
      const { port } = server.address() as AddressInfo;
      expect(await refusal({ port })).toMatchObject({ code: 'BAD_CONFIG' });
    });

    test('keys that the ACL user may not touch, when they are asked for', async () => {
      const jobs = await opened({ prefix: 'other' });
      await expect(jobs.add('sweep', 'a', {}, never)).rejects.toMatchObject({
        code: 'BAD_CONFIG',
        message: 'Redis lets this user do too little',
      });
    });

    test('a file that cannot be read', async () => {
      await expect(bullmqJobs({ ...redisOf(), ca: '/nowhere/ca.pem' })).rejects.toMatchObject({
        code: 'BAD_CONFIG',
        message: 'the file of trusted authorities of Redis cannot be read',
      });
    });
  });

  test('what is no id or number is not added at all', async () => {
    const jobs = await opened();
    for (const [id, payload] of [
      ['a', { words: 'two words' }],
      ['a', { n: Number.NaN }],
      ['a:b', {}],
    ] as const) {
      await expect(jobs.add('sweep', id, payload, never)).rejects.toMatchObject({ code: 'BUG' });
    }
  });

  test('an id of digits alone is an id like any other', async () => {
    const jobs = await opened();
    await jobs.add('sweep', '7', { n: 1 }, never);
    await jobs.add('sweep', '7', { n: 2 }, never);
    const stop = new AbortController();
    const seen: JobPayload[] = [];
    await jobs.run(
      'sweep',
      async (payload) => {
        seen.push(payload);
        stop.abort();
      },
      stop.signal,
    );
    expect(seen).toEqual([{ n: 1 }]);
  });

  test('a runner that ignores the abort does not hold close for ever', async () => {
    const jobs = await bullmqJobs({ ...redisOf(), prefix: freshPrefix(), closeWithinMs: 50 });
    const begun = Promise.withResolvers<void>();
    const stuck = Promise.withResolvers<void>();
    await jobs.add('sweep', 'a', {}, never);
    const running = jobs.run(
      'sweep',
      async () => {
        begun.resolve();
        await stuck.promise;
      },
      never,
    );
    await begun.promise;
    await expect(jobs.close()).rejects.toMatchObject({ code: 'STOPPING' });
    stuck.resolve();
    await running;
  });

  test('two runs of one name in one process are a bug', async () => {
    const jobs = await opened();
    const stop = new AbortController();
    const first = jobs.run('sweep', async () => undefined, stop.signal);
    await expect(jobs.run('sweep', async () => undefined, never)).rejects.toMatchObject({ code: 'BUG' });
    stop.abort();
    await first;
  });

  test('closing from inside a runner ends the run', async () => {
    const jobs = await opened();
    await jobs.add('sweep', 'a', {}, never);
    let closing: Promise<void> | undefined;
    await jobs.run('sweep', async () => void (closing = jobs.close()), never);
    expect(await closing).toBeUndefined();
    await expect(jobs.check(never)).rejects.toMatchObject({ code: 'STOPPING' });
  });
});
