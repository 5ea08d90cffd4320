import { describe, expect, test } from 'vitest';
import { inlineJobs } from '../../src/adapters/jobs/inline.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { JobRunner } from '../../src/ports/jobs.ts';
import { scheduledWork } from '../../src/work/scheduled-work.ts';
import { runSchedules, type ScheduledWork, type SchedulesParts } from '../../src/work/schedules.ts';
import { callEvent } from './given.ts';
import { brief, SIGNAL } from './seen.ts';
import { worldWithTranscript } from './world.ts';

const HOUR_MS = 3_600_000;
const AT_ONCE = { startAfterMs: 0, firstRestMs: 1, mostRestMs: 2 };
const away = new CallsealError('STORE_DOWN', 'away');

/** What the observer is told, one line each, and a stop after so many. */
function told(stopAfter: number) {
  const lines: string[] = [];
  const stop = new AbortController();
  const say = (line: string): void => {
    lines.push(line);
    if (lines.length === stopAfter) stop.abort();
  };
  const observer: SchedulesParts['observer'] = {
    scheduleRan: (name, counts) => say(`${name} ran ${JSON.stringify(counts)}`),
    scheduleFailed: (name, { code }) => say(`${name} ${code}`),
  };
  return { lines, observer, stop, signal: stop.signal };
}

const workOf = (run: ScheduledWork['run'], name = 'sweep'): ScheduledWork => ({
  name,
  everyMs: HOUR_MS,
  run,
});

describe('schedules', () => {
  test('each runs at once and tells in numbers what it did; all end with the signal', async () => {
    const { lines, observer, signal } = told(2);
    const work = [workOf(async () => ({ deleted: 1 })), workOf(async () => ({ failed: 0 }), 'verify')];
    await runSchedules({ jobs: inlineJobs(), work, times: AT_ONCE, observer }, signal);
    expect(lines.toSorted()).toEqual(['sweep ran {"deleted":1}', 'verify ran {"failed":0}']);
  });

  test('nothing runs before its time has come', async () => {
    const { lines, observer, stop, signal } = told(1);
    const work = [workOf(async () => ({}))];
    const times = { ...AT_ONCE, startAfterMs: HOUR_MS };
    const running = runSchedules({ jobs: inlineJobs(), work, times, observer }, signal);
    stop.abort();
    await running;
    expect(lines).toEqual([]);
  });

  test('what is away is tried again in the same run until it is done: late, not lost', async () => {
    const { lines, observer, signal } = told(3);
    let tries = 0;
    const work = [
      workOf(async () => (++tries < 3 ? await Promise.reject(away) : await Promise.resolve({ tries }))),
    ];
    await runSchedules({ jobs: inlineJobs(), work, times: AT_ONCE, observer }, signal);
    expect(lines).toEqual(['sweep STORE_DOWN', 'sweep STORE_DOWN', 'sweep ran {"tries":3}']);
  });

  test('what failed for another reason is not tried again before it is due, and ends nobody', async () => {
    const { lines, observer, signal } = told(2);
    const work = [
      workOf(async () => await Promise.reject(new Error('mine'))),
      workOf(async () => ({}), 'verify'),
    ];
    await runSchedules({ jobs: inlineJobs(), work, times: AT_ONCE, observer }, signal);
    expect(lines.toSorted()).toEqual(['sweep BUG', 'verify ran {}']);
  });

  test('a queue that is away is asked again', async () => {
    const { lines, observer, signal } = told(3);
    const jobs = inlineJobs();
    let asked = 0;
    const unsure = {
      run: async (...args: Parameters<typeof jobs.run>) => await jobs.run(...args),
      schedule: async (...args: Parameters<typeof jobs.schedule>) => {
        if (++asked < 3) throw new CallsealError('JOBS_DOWN', 'Redis is away');
        await jobs.schedule(...args);
      },
    };
    await runSchedules({ jobs: unsure, work: [workOf(async () => ({}))], times: AT_ONCE, observer }, signal);
    expect(lines).toEqual(['sweep JOBS_DOWN', 'sweep JOBS_DOWN', 'sweep ran {}']);
  });

  test("a job with a payload is not the schedule's, and one that comes much too soon is nobody's", async () => {
    const { lines, observer, signal, stop } = told(9);
    const asked = [{ campaign: 'x' }, {}, {}, {}];
    const jobs = {
      schedule: async () => undefined,
      run: async (_name: string, runner: JobRunner, until: AbortSignal) => {
        for (const payload of asked) await runner(payload, until);
        stop.abort();
      },
    };
    await runSchedules({ jobs, work: [workOf(async () => ({}))], times: AT_ONCE, observer }, signal);
    expect(lines).toEqual(['sweep ran {}']);
  });

  test('a run that was stopped is no run: it is due again at once', async () => {
    const { lines, observer, signal } = told(1);
    const jobs = {
      schedule: async () => undefined,
      run: async (_name: string, runner: JobRunner, until: AbortSignal) => {
        const lost = AbortSignal.abort(new CallsealError('STOPPING', 'not ours any more'));
        await runner({}, lost);
        await runner({}, until);
      },
    };
    await runSchedules({ jobs, work: [workOf(async () => ({}))], times: AT_ONCE, observer }, signal);
    expect(lines).toEqual(['sweep ran {}']);
  });
});

describe('what is scheduled', () => {
  test('a sweep every hour and a verified sample every day, each told in numbers and audited', async () => {
    const world = await worldWithTranscript();
    for (const call of ['c-1', 'c-2']) await world.handle(world.delivery(callEvent({ call })));
    const work = scheduledWork(world);
    expect(work.map(({ name, everyMs }) => [name, everyMs / HOUR_MS])).toEqual([
      ['sweep', 1],
      ['verify-sample', 24],
    ]);
    const [swept, verified] = await Promise.all(work.map(async ({ run }) => await run(SIGNAL)));
    expect(swept).toMatchObject({ attempts: 0, deleted: 0, left: 0, unknown: 0 });
    expect(verified).toMatchObject({ calls: 2, failed: 0, gone: 0 });
    expect(verified?.['objects']).toBeGreaterThanOrEqual(2);
    const facts = brief(await world.facts());
    expect(facts.filter((line) => line === 'artifact.verify ok')).toHaveLength(2);
  });
});
