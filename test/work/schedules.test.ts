import { describe, expect, test } from 'vitest';
import { inlineJobs } from '../../src/adapters/jobs/inline.ts';
import { openScratch } from '../../src/adapters/sqlite/scratch.ts';
import { LIMITS } from '../../src/domain/call-event.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { JobRunner } from '../../src/ports/jobs.ts';
import type { Reconciled } from '../../src/ports/metrics.ts';
import { relayPending } from '../../src/work/relay-audit.ts';
import { type ScheduledParts, scheduledWork } from '../../src/work/scheduled-work.ts';
import { runSchedules, type ScheduledWork, type SchedulesParts } from '../../src/work/schedules.ts';
import { callEvent, recordOf } from './given.ts';
import { brief, SIGNAL } from './seen.ts';
import { type World, worldWithTranscript } from './world.ts';

const HOUR_MS = 3_600_000;

const partsOf = (world: World): ScheduledParts => ({
  ...world,
  limits: LIMITS,
  now: () => new Date(world.clock.ms),
  openScratch: async () => openScratch(),
});
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
  test('a sweep every hour, a verified sample every day and more, each told in numbers and audited', async () => {
    const world = await worldWithTranscript();
    for (const call of ['c-1', 'c-2']) await world.handle(world.delivery(callEvent({ call })));
    const work = scheduledWork(partsOf(world));
    expect(work.map(({ name, everyMs }) => [name, everyMs / HOUR_MS])).toEqual([
      ['sweep', 1],
      ['verify-sample', 24],
      ['reconcile', 24],
      ['relay-lag', 1 / 12],
      ['retention', 1],
    ]);
    const [swept, verified] = await Promise.all(work.slice(0, 2).map(async ({ run }) => await run(SIGNAL)));
    expect(swept).toMatchObject({ attempts: 0, deleted: 0, left: 0, unknown: 0 });
    expect(verified).toMatchObject({ calls: 2, failed: 0, gone: 0 });
    expect(verified?.['objects']).toBeGreaterThanOrEqual(2);
    const facts = brief(await world.facts());
    expect(facts.filter((line) => line === 'artifact.verify ok')).toHaveLength(2);
    expect(work[1]?.says?.(verified ?? {})).toBe(
      'none of 2 calls is damaged: with 95 % confidence at most 77.64 % of all calls are',
    );
  });

  const named = (world: World, name: string, metrics?: ScheduledParts['metrics']): ScheduledWork => {
    const parts = partsOf(world);
    // As a clock does, a reconciliation's goes on between two looks at it.
    const ticking = { ...parts, now: () => new Date(world.clock.ms++) };
    const work = scheduledWork({ ...(name === 'reconcile' ? ticking : parts), metrics }).find(
      (one) => one.name === name,
    );
    if (!work) throw new Error(`nothing is scheduled as ${name}`);
    return work;
  };

  test('a sample with a damaged call says how many may be', async () => {
    const world = await worldWithTranscript();
    await world.handle(world.delivery(callEvent()));
    for (const name of await world.objectNames()) await world.objects.remove(name, SIGNAL);
    const work = named(world, 'verify-sample');
    const counts = await work.run(SIGNAL);
    expect(counts).toMatchObject({ calls: 1, damagedCalls: 1, failed: 1 });
    expect(work.says?.(counts)).toContain('at most 100.00 %');
  });

  test('a reconciliation every day, told in numbers, by code and as metrics', async () => {
    const world = await worldWithTranscript();
    const reports: Reconciled[] = [];
    const metrics = {
      reconciled: (report: Reconciled) => void reports.push(report),
      auditLag: () => undefined,
    };
    const work = named(world, 'reconcile', metrics);
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    expect(await work.run(SIGNAL)).toMatchObject({ events: 1, inFlight: 1, findings: 0 });
    await world.rows('delete from waiting_records');
    expect(await work.run(SIGNAL)).toMatchObject({ findings: 1, EVENT_NEVER_ANSWERED: 1 });
    expect(reports).toMatchObject([
      { inFlight: 1, findings: { EVENT_NEVER_ANSWERED: 0, OUTPUT_MISSING: 0 } },
      { inFlight: 0, findings: { EVENT_NEVER_ANSWERED: 1, OUTPUT_MISSING: 0 } },
    ]);
  });

  test('a reconciliation makes good the nights that were missed, as far as the topics keep', async () => {
    const world = await worldWithTranscript();
    const work = named(world, 'reconcile');
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    const eventsAfter = async (hours: number): Promise<unknown> => {
      world.clock.ms += hours * HOUR_MS;
      return (await work.run(SIGNAL))['events'];
    };
    // The first ever looks back as far as it can; then a day and an hour, or longer where one was missed.
    expect(await eventsAfter(72)).toBe(1);
    expect(await eventsAfter(1)).toBe(0);
    expect(await eventsAfter(70)).toBe(0);
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    expect(await eventsAfter(70)).toBe(1);
  });

  test('a look at the audit relay: late after five minutes, said in words, and a metric at any time', async () => {
    const world = await worldWithTranscript();
    const lags: number[] = [];
    const metrics = { reconciled: () => undefined, auditLag: (seconds: number) => void lags.push(seconds) };
    const work = named(world, 'relay-lag', metrics);
    expect(await work.run(SIGNAL)).toEqual({ findings: 0 });
    await world.registry.append([world.auditor.fact('worker.start')], SIGNAL);
    world.clock.ms += 300_000;
    expect(await work.run(SIGNAL)).toEqual({ findings: 0 });
    world.clock.ms += 1_000;
    const late = await work.run(SIGNAL);
    expect(late).toEqual({ findings: 1 });
    expect(work.says?.(late)).toBe('the oldest audit event has been waiting for 301 s');
    const relay = { holder: 'h', leaseMs: 10_000, batch: 10, restMs: 1 };
    await relayPending({ audit: world.registry, events: world.events }, relay, SIGNAL);
    expect(await work.run(SIGNAL)).toEqual({ findings: 0 });
    expect(lags).toEqual([0, 300, 301, 0]);
  });

  test('what expired is removed every hour, also while a worker stays', async () => {
    const world = await worldWithTranscript();
    const work = named(world, 'retention');
    for (const call of ['c-1', 'c-2']) await world.inbox.publish(recordOf(callEvent({ call })), SIGNAL);
    await world.inbox.run(async () => ({ do: 'settle', outputs: [] }), { untilIdle: true }, SIGNAL);
    expect(await work.run(SIGNAL)).toEqual({ removed: 0 });
    world.clock.ms += 8 * 24 * HOUR_MS;
    // The last record of a topic is its head, and stays.
    expect(await work.run(SIGNAL)).toEqual({ removed: 1 });
  });
});
