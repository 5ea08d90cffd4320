import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type BullmqJobsOptions, bullmqJobs } from '../../src/adapters/jobs/bullmq.ts';
import type { CallsealError } from '../../src/domain/errors.ts';
import type { JobPayload, Jobs } from '../../src/ports/jobs.ts';
import { isUp, readSecret, servicesEnv, whatIsMissing } from '../services/env.ts';
import { redisOf } from '../services/redis-options.ts';

/** A server of its own: what happens to it here would happen to every other suite. */
const CHECKOUT = join(import.meta.dirname, '../..');
const BASE = 3000 + Number(env['CALLSEAL_SERVICES_BASE'] ?? 0);
const HOME = join(CHECKOUT, `.services/base-${BASE}`);
const missing = await whatIsMissing('redis');
const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

function services(word: 'up' | 'down'): void {
  const only = word === 'up' ? ['--only', 'redis'] : [];
  execFileSync(join(CHECKOUT, 'scripts/services'), [word, ...only, '--base', String(BASE)], {
    stdio: 'pipe',
  });
}

async function kill(): Promise<void> {
  const [pid] = readFileSync(join(servicesEnv(BASE).run, 'redis.pid'), 'utf8').split(' ');
  process.kill(Number(pid), 'SIGKILL');
  await vi.waitFor(async () => expect(await isUp('redis', BASE)).toBe(false), { timeout: 10_000 });
}

async function admin(): Promise<Redis> {
  const { redis, tls } = servicesEnv(BASE);
  const { user, passwordFile } = redis.users.admin;
  const client = new Redis({
    host: redis.host,
    port: redis.port,
    username: user,
    password: readSecret(passwordFile),
    tls: { ca: readFileSync(tls.ca) },
  });
  onTestFinished(() => client.disconnect());
  return await Promise.resolve(client);
}

/** What the runs of one name did, in order; `until` resolves when there are so many. */
function log() {
  const seen: JobPayload[] = [];
  return {
    seen,
    runner: async (payload: JobPayload): Promise<void> => void seen.push(payload),
    until: async (count: number): Promise<void> =>
      await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(count), {
        timeout: 60_000,
        interval: 20,
      }),
  };
}

describe.skipIf(missing)(`Redis that fails ${missing ?? ''}`, () => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  beforeAll(() => {
    services('down');
    services('up');
    process.on('warning', onWarning);
  });
  afterAll(() => {
    process.off('warning', onWarning);
    services('down');
    rmSync(HOME, { recursive: true, force: true });
  });
  beforeEach(() => services('up'));

  const opened = async (changes: Partial<BullmqJobsOptions> = {}): Promise<Jobs> => {
    const jobs = await bullmqJobs({ ...redisOf(BASE), ...changes });
    onTestFinished(async () => await jobs.close());
    return jobs;
  };
  const isDown = { code: 'JOBS_DOWN', message: 'Redis is away' };

  test('kill -9 and an empty restart: what is added meanwhile is refused, then schedules and jobs go on by themselves', async () => {
    const told: string[] = [];
    const jobs = await opened({ onTrouble: ({ code }: CallsealError) => void told.push(code) });
    const { seen, runner, until } = log();
    await jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never);
    const stop = new AbortController();
    const running = jobs.run('sweep', runner, stop.signal);
    await until(1);

    await kill();
    await vi.waitFor(
      async () => await expect(jobs.add('sweep', 'a', {}, never)).rejects.toMatchObject(isDown),
    );
    await expect(jobs.schedule({ name: 'other', everyMs: HOUR_MS }, never)).rejects.toMatchObject(isDown);
    await jobs.check(never);

    services('up');
    await until(2);
    await vi.waitFor(async () => await jobs.add('sweep', 'b', { n: 1 }, never), { timeout: 30_000 });
    await until(3);
    stop.abort();
    await running;
    expect(seen).toEqual([{}, {}, { n: 1 }]);
    // Hundreds of failed connects, told once.
    expect(told).toEqual(['JOBS_DOWN']);
  });

  test('a worker that starts while Redis is away has its schedules once it is there', async () => {
    await kill();
    const jobs = await opened();
    await jobs.check(never);
    await expect(jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never)).rejects.toMatchObject(isDown);
    const { seen, runner, until } = log();
    const stop = new AbortController();
    const running = jobs.run('sweep', runner, stop.signal);
    services('up');
    await until(1);
    stop.abort();
    await running;
    expect(seen).toEqual([{}]);
  });

  test('a job that is being done when Redis dies is done, and others follow', async () => {
    const jobs = await opened({ lockMs: 500 });
    await jobs.add('sweep', 'a', { n: 1 }, never);
    const { seen, runner, until } = log();
    const stop = new AbortController();
    const running = jobs.run(
      'sweep',
      async (payload) => {
        if (payload['n'] === 1) await kill();
        await runner(payload);
      },
      stop.signal,
    );
    await until(1);
    services('up');
    await vi.waitFor(async () => await jobs.add('sweep', 'b', { n: 2 }, never), { timeout: 30_000 });
    await until(2);
    stop.abort();
    await running;
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('a job that Redis forgot is told to stop, since another worker may have it', async () => {
    const jobs = await opened({ lockMs: 300 });
    await jobs.add('sweep', 'a', { n: 1 }, never);
    const stop = new AbortController();
    let reason: unknown;
    const client = await admin();
    const running = jobs.run(
      'sweep',
      async (_payload, signal) => {
        await client.flushall();
        await once(signal, 'abort');
        reason = signal.reason;
        stop.abort();
      },
      stop.signal,
    );
    await running;
    expect(reason).toMatchObject({ code: 'STOPPING', message: 'the job is not ours any more' });
  });

  test('schedules that somebody deleted are put there again', async () => {
    const jobs = await opened({ repeatMs: 50 });
    const { seen, runner, until } = log();
    await jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never);
    const stop = new AbortController();
    const running = jobs.run('sweep', runner, stop.signal);
    await until(1);
    await (await admin()).flushall();
    await until(2);
    stop.abort();
    await running;
    expect(seen.slice(0, 2)).toEqual([{}, {}]);
  });

  test('the job of a worker that was killed is run again by another one, and one that kills twice is given up', async () => {
    const told: string[] = [];
    const jobs = await opened({ lockMs: 500, onTrouble: ({ code }: CallsealError) => void told.push(code) });
    await jobs.add('sweep', 'a', { n: 1 }, never);
    await dieWithTheJob();
    await dieWithTheJob();
    await jobs.add('sweep', 'b', { n: 2 }, never);
    const { seen, runner, until } = log();
    const stop = new AbortController();
    const running = jobs.run('sweep', runner, stop.signal);
    await until(1);
    stop.abort();
    await running;
    expect(seen).toEqual([{ n: 2 }]);
    expect(told).toEqual(['BUG']);

    await jobs.add('sweep', 'c', { n: 3 }, never);
    await dieWithTheJob();
    const again = new AbortController();
    await jobs.run('sweep', async (payload) => (seen.push(payload), again.abort()), again.signal);
    expect(seen.at(-1)).toEqual({ n: 3 });
  });

  async function dieWithTheJob(): Promise<void> {
    const child = spawn(execPath, [join(import.meta.dirname, 'redis-child.ts'), String(BASE)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface({ input: child.stdout }), 'line');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  test('any eviction policy but noeviction is refused, by name', async () => {
    const client = await admin();
    onTestFinished(async () => void (await client.config('SET', 'maxmemory-policy', 'noeviction')));
    for (const policy of ['allkeys-lru', 'volatile-lru', 'volatile-ttl', 'allkeys-random']) {
      await client.config('SET', 'maxmemory-policy', policy);
      const jobs = await opened();
      await expect(jobs.check(never)).rejects.toMatchObject({
        code: 'BAD_CONFIG',
        message: `the maxmemory-policy of Redis is ${policy}: it must be noeviction`,
      });
    }
  });

  test('a full Redis refuses, is not asked in a loop, and a run goes on once there is room', async () => {
    const client = await admin();
    onTestFinished(async () => void (await client.config('SET', 'maxmemory', '64mb')));
    const told: string[] = [];
    const jobs = await opened({
      tellEveryMs: 0,
      onTrouble: ({ message }: CallsealError) => void told.push(message),
    });
    const { seen, runner, until } = log();
    await jobs.add('sweep', 'a', { n: 1 }, never);
    const stop = new AbortController();
    await client.config('SET', 'maxmemory', '1');
    await expect(jobs.add('sweep', 'b', { n: 2 }, never)).rejects.toMatchObject({
      code: 'JOBS_DOWN',
      message: 'Redis is full',
    });
    await client.config('RESETSTAT');
    const running = jobs.run('sweep', runner, stop.signal);
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(2), { timeout: 30_000 });
    // A window to be watched, not something to be waited for: without a rest there are thousands.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const stats = (await client.info('commandstats')).matchAll(/rejected_calls=(\d+),failed_calls=(\d+)/g);
    const refused = [...stats].map(([, rejected, failed]) => Number(rejected) + Number(failed));
    expect(refused.reduce((sum, count) => sum + count, 0)).toBeLessThan(50);
    expect(new Set(told)).toEqual(new Set(['Redis is full']));
    await client.config('SET', 'maxmemory', '64mb');
    await until(1);
    stop.abort();
    await running;
    expect(seen).toEqual([{ n: 1 }]);
  });

  describe('closing is bounded', () => {
    test('under load', async () => {
      const jobs = await bullmqJobs(redisOf(BASE));
      const runs = ['a', 'b', 'c'].map(async (name) => {
        for (let n = 0; n < 50; n++) await jobs.add(name, `j-${n}`, { n }, never);
        await jobs.run(name, async () => undefined, never);
      });
      await vi.waitFor(async () => await jobs.add('a', 'late', {}, never));
      await jobs.close();
      // One that was still adding is told that it is over.
      const ends = await Promise.allSettled(runs);
      expect(
        ends
          .filter(({ status }) => status === 'rejected')
          .every((end) => 'reason' in end && end.reason.code === 'STOPPING'),
      ).toBe(true);
    });

    test('during an outage, while it waits and while it works', async () => {
      const jobs = await bullmqJobs({ ...redisOf(BASE), closeWithinMs: 9_000 });
      await jobs.add('busy', 'a', {}, never);
      const begun = Promise.withResolvers<void>();
      const busy = jobs.run(
        'busy',
        async (_payload, signal) => {
          begun.resolve();
          await once(signal, 'abort');
        },
        never,
      );
      const idle = jobs.run('idle', async () => undefined, never);
      await begun.promise;
      await kill();
      await vi.waitFor(async () => await expect(jobs.add('a', 'a', {}, never)).rejects.toMatchObject(isDown));
      await jobs.close();
      await Promise.all([busy, idle]);
    });

    test('where Redis was never there', async () => {
      await kill();
      const jobs = await bullmqJobs(redisOf(BASE));
      const run = jobs.run('sweep', async () => undefined, never);
      await expect(jobs.add('sweep', 'a', {}, never)).rejects.toMatchObject(isDown);
      await jobs.close();
      await run;
    });
  });

  test('none of that printed a warning of Node.js', () => {
    expect(warnings).toEqual([]);
  });
});
