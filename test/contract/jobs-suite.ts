import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import type { JobPayload, Jobs } from '../../src/ports/jobs.ts';

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

/** What every jobs adapter must do (src/ports/jobs.ts). */
export function jobsContract(name: string, make: () => Promise<Jobs>): void {
  describe(`jobs: ${name}`, () => {
    let jobs: Jobs;
    let stop: AbortController;

    beforeEach(async () => {
      jobs = await make();
      stop = new AbortController();
    });
    afterEach(async () => {
      stop.abort();
      await jobs.close();
    });

    /** Runs jobs of a name until `count` of them have run. @returns their payloads, in order. */
    const runUntil = async (count: number, of = 'sweep'): Promise<JobPayload[]> => {
      const seen: JobPayload[] = [];
      const ended = new AbortController();
      await jobs.run(
        of,
        async (payload) => {
          seen.push(payload);
          if (seen.length === count) ended.abort();
        },
        AbortSignal.any([ended.signal, stop.signal]),
      );
      return seen;
    };

    test('added jobs run with their payloads, first come first served, whether added before or while running', async () => {
      await jobs.add('sweep', 'a', { chunk: 1, campaign: 'x' }, never);
      await jobs.add('sweep', 'b', { chunk: 2 }, never);
      const running = runUntil(3);
      await jobs.add('sweep', 'c', { chunk: 3 }, never);
      expect(await running).toEqual([{ chunk: 1, campaign: 'x' }, { chunk: 2 }, { chunk: 3 }]);
    });

    test('the same id twice is one job, while it waits', async () => {
      await jobs.add('sweep', 'a', { n: 1 }, never);
      await jobs.add('sweep', 'a', { n: 2 }, never);
      await jobs.add('sweep', 'b', { n: 3 }, never);
      expect(await runUntil(2)).toEqual([{ n: 1 }, { n: 3 }]);
    });

    test('the same id twice is one job, while it runs', async () => {
      const seen: JobPayload[] = [];
      await jobs.add('sweep', 'a', { n: 1 }, never);
      await jobs.run(
        'sweep',
        async (payload) => {
          seen.push(payload);
          if (seen.length === 2) return stop.abort();
          await jobs.add('sweep', 'a', { n: 2 }, never);
          await jobs.add('sweep', 'b', { n: 3 }, never);
        },
        stop.signal,
      );
      expect(seen).toEqual([{ n: 1 }, { n: 3 }]);
    });

    test('an id is of its name alone', async () => {
      await jobs.add('sweep', 'a', { n: 1 }, never);
      await jobs.add('relay', 'a', { n: 2 }, never);
      expect([await runUntil(1, 'relay'), await runUntil(1, 'sweep')]).toEqual([[{ n: 2 }], [{ n: 1 }]]);
    });

    test('jobs of one name run one at a time, jobs of two names side by side', async () => {
      const order: string[] = [];
      const both = Promise.withResolvers<void>();
      const ended = new AbortController();
      await jobs.add('sweep', 'a', {}, never);
      await jobs.add('sweep', 'b', {}, never);
      await jobs.add('relay', 'a', {}, never);
      const sweep = jobs.run(
        'sweep',
        async () => {
          order.push('begin');
          await both.promise;
          order.push('end');
          if (order.length === 4) ended.abort();
        },
        ended.signal,
      );
      // Resolves what the first sweep waits for: it would hang if names shared a place.
      const relay = jobs.run('relay', async () => both.resolve(), ended.signal);
      await Promise.all([sweep, relay]);
      expect(order).toEqual(['begin', 'end', 'begin', 'end']);
    });

    test('a schedule is due at once, and again after its interval, with an empty payload', async () => {
      await jobs.schedule({ name: 'sweep', everyMs: 1 }, never);
      expect(await runUntil(3)).toEqual([{}, {}, {}]);
    });

    test('the same name again replaces the interval', async () => {
      await jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never);
      await runUntil(1);
      await jobs.schedule({ name: 'sweep', everyMs: 1 }, never);
      expect(await runUntil(2)).toHaveLength(2);
    });

    test('the same schedule again makes no run more', async () => {
      await jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never);
      await jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never);
      await runUntil(1);
      await jobs.schedule({ name: 'sweep', everyMs: HOUR_MS }, never);
      await jobs.add('sweep', 'a', { n: 1 }, never);
      expect(await runUntil(1)).toEqual([{ n: 1 }]);
    });

    test('a schedule that is always due does not starve added jobs', async () => {
      await jobs.schedule({ name: 'sweep', everyMs: 1 }, never);
      const seen: JobPayload[] = [];
      await jobs.run(
        'sweep',
        async (payload) => {
          seen.push(payload);
          if (seen.length === 1) await jobs.add('sweep', 'a', { n: 1 }, never);
          if ('n' in payload) stop.abort();
          // Longer than the interval: the schedule is due again before this run ends.
          await new Promise((resolve) => setTimeout(resolve, 2));
        },
        stop.signal,
      );
      expect(seen.length).toBeLessThanOrEqual(3);
    });

    test('an abort reaches the runner, run ends with it, and what waits is for the next run', async () => {
      await jobs.add('sweep', 'a', { n: 1 }, never);
      await jobs.add('sweep', 'b', { n: 2 }, never);
      const ended = new AbortController();
      await jobs.run(
        'sweep',
        async (_payload, signal) => {
          ended.abort();
          signal.throwIfAborted();
        },
        ended.signal,
      );
      expect(await runUntil(1)).toEqual([{ n: 2 }]);
    });

    test('a run that waits ends at once with the abort, and one that begins aborted runs nothing', async () => {
      let ran = 0;
      const runner = async (): Promise<void> => void ran++;
      const waiting = jobs.run('sweep', runner, stop.signal);
      stop.abort();
      await waiting;
      await jobs.add('sweep', 'a', {}, never);
      await jobs.run('sweep', runner, AbortSignal.abort());
      expect(ran).toBe(0);
    });

    test('a runner that rejects ends run with its error; the next run goes on behind it', async () => {
      await jobs.add('sweep', 'a', { n: 1 }, never);
      await jobs.add('sweep', 'b', { n: 2 }, never);
      const wrong = new CallsealError('REGISTRY_DOWN', 'away');
      const run = jobs.run('sweep', async () => await Promise.reject(wrong), stop.signal);
      await expect(run).rejects.toBe(wrong);
      await jobs.add('sweep', 'a', { n: 3 }, never);
      expect(await runUntil(2)).toEqual([{ n: 2 }, { n: 3 }]);
    });

    test('an error that is no abort is not lost in one', async () => {
      await jobs.add('sweep', 'a', {}, never);
      const wrong = new Error('mine');
      const run = jobs.run(
        'sweep',
        async () => {
          stop.abort();
          throw wrong;
        },
        stop.signal,
      );
      await expect(run).rejects.toBe(wrong);
    });

    test('closing aborts what runs, waits for it, and takes nothing more', async () => {
      await jobs.add('sweep', 'a', {}, never);
      const begun = Promise.withResolvers<void>();
      let ended = false;
      const running = jobs.run(
        'sweep',
        async (_payload, signal) => {
          begun.resolve();
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          await new Promise(setImmediate);
          ended = true;
        },
        stop.signal,
      );
      await begun.promise;
      await jobs.close();
      expect(ended).toBe(true);
      await running;
      await expect(jobs.add('sweep', 'b', {}, never)).rejects.toMatchObject({ code: 'STOPPING' });
      await expect(jobs.schedule({ name: 'sweep', everyMs: 1 }, never)).rejects.toMatchObject({
        code: 'STOPPING',
      });
      let ran = 0;
      await jobs.run('sweep', async () => void ran++, never);
      expect(ran).toBe(0);
    });

    test('a queue that keeps what it holds passes the check, also a second one', async () => {
      await expect(jobs.check(never)).resolves.toBeUndefined();
      await expect(jobs.check(never)).resolves.toBeUndefined();
    });

    test('an aborted signal is refused by check, add and schedule', async () => {
      const isAbort = { name: 'AbortError' };
      await expect(jobs.check(AbortSignal.abort())).rejects.toMatchObject(isAbort);
      await expect(jobs.add('sweep', 'a', {}, AbortSignal.abort())).rejects.toMatchObject(isAbort);
      const schedule = jobs.schedule({ name: 'sweep', everyMs: 1 }, AbortSignal.abort());
      await expect(schedule).rejects.toMatchObject(isAbort);
    });
  });
}
