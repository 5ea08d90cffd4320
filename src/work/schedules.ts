import { setTimeout as sleep } from 'node:timers/promises';
import { CallsealError, codeOf, dispositionOf } from '../domain/errors.ts';
import type { Jobs } from '../ports/jobs.ts';
import type { Observer } from './observer.ts';

/** Work that comes again and again, done by one worker at a time. */
export interface ScheduledWork {
  readonly name: string;
  readonly everyMs: number;
  /** @returns what it did, in numbers */
  readonly run: (signal: AbortSignal) => Promise<Readonly<Record<string, number>>>;
  /** What these numbers mean, where they do not say it themselves. */
  readonly says?: (counts: Readonly<Record<string, number>>) => string | undefined;
}

export interface ScheduleTimes {
  /** A worker that starts has deliveries to catch up with; one that is started again and again sweeps nothing. */
  readonly startAfterMs: number;
  /** Before another try, while a dependency is away; doubled each time. */
  readonly firstRestMs: number;
  readonly mostRestMs: number;
}

export const SCHEDULE_TIMES: ScheduleTimes = {
  startAfterMs: 60_000,
  firstRestMs: 60_000,
  mostRestMs: 1_800_000,
};

export interface SchedulesParts {
  readonly jobs: Pick<Jobs, 'run' | 'schedule'>;
  readonly work: readonly ScheduledWork[];
  readonly times: ScheduleTimes;
  readonly observer: Pick<Observer, 'scheduleRan' | 'scheduleFailed'>;
}

/**
 * Keeps schedules going until `signal` aborts. Late rather than lost: what fails because something is away is tried
 * again, by the worker that holds it, until it is done. Never rejects: sealing goes on without schedules.
 */
export async function runSchedules(parts: SchedulesParts, signal: AbortSignal): Promise<void> {
  await rest(parts.times.startAfterMs, signal);
  await Promise.all(parts.work.map(async (work) => await keepGoing(parts, work, signal)));
}

async function keepGoing(parts: SchedulesParts, work: ScheduledWork, signal: AbortSignal): Promise<void> {
  const { name, everyMs } = work;
  const pace = paceOf(everyMs);
  const always = (): boolean => true;
  await untilDone(parts, { name, again: always }, signal, async () => {
    await parts.jobs.schedule({ name, everyMs }, signal);
    await parts.jobs.run(
      name,
      async (payload, stop) => {
        // A schedule's payload is empty. Anything else, or much too soon, comes from somebody else who can write there.
        if (Object.keys(payload).length > 0 || pace.isTooSoon()) return;
        await runOnce(parts, work, stop);
        if (!stop.aborted) pace.note();
      },
      signal,
    );
  });
}

/** Only what is away is worth another try now; whatever else failed comes again by itself. */
async function runOnce(parts: SchedulesParts, work: ScheduledWork, signal: AbortSignal): Promise<void> {
  const { name } = work;
  const isAway = (error: unknown): boolean => dispositionOf(codeOf(error)) === 'pause';
  await untilDone(parts, { name, again: isAway }, signal, async () => {
    const counts = await work.run(signal);
    parts.observer.scheduleRan?.(name, counts, work.says?.(counts));
  });
}

async function untilDone(
  { observer, times }: SchedulesParts,
  { name, again }: { readonly name: string; readonly again: (error: unknown) => boolean },
  signal: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  for (let restMs = times.firstRestMs; !signal.aborted; restMs = Math.min(2 * restMs, times.mostRestMs)) {
    try {
      return await act();
    } catch (error) {
      if (signal.aborted) return;
      observer.scheduleFailed?.(name, asOurs(error));
      if (!again(error)) return;
      await rest(restMs, signal);
    }
  }
}

/** A run within half an interval of the last one is too soon, whoever asks for it. */
function paceOf(everyMs: number): { isTooSoon(): boolean; note(): void } {
  let lastAt = Number.NEGATIVE_INFINITY;
  return {
    isTooSoon: () => performance.now() - lastAt < everyMs / 2,
    note: () => {
      lastAt = performance.now();
    },
  };
}

function asOurs(error: unknown): CallsealError {
  if (error instanceof CallsealError) return error;
  return new CallsealError(codeOf(error), 'a schedule failed', { cause: error });
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
