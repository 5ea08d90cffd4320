import type { JobPayload } from '../../ports/jobs.ts';

interface Job {
  readonly id: string | typeof SCHEDULED;
  readonly payload: JobPayload;
}

/** The id of the scheduled run; no added job can have it. */
const SCHEDULED = Symbol('scheduled');

/** What waits under one name, oldest first. `now` is a monotonic clock in milliseconds. */
export class JobQueue {
  readonly #now: () => number;
  readonly #waiting = new Map<Job['id'], Job>();
  #running: Job['id'] | undefined;
  #schedule: { readonly everyMs: number; readonly dueAt: number } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A no-op while a job of that id waits or runs. */
  add(id: string, payload: JobPayload): void {
    if (this.#running === id || this.#waiting.has(id)) return;
    this.#waiting.set(id, { id, payload });
    this.#change();
  }

  /** The first time it is due at once; a new interval counts from now, and never makes a due run later. */
  schedule(everyMs: number): void {
    const before = this.#schedule?.dueAt ?? this.#now();
    this.#schedule = { everyMs, dueAt: Math.min(before, this.#now() + everyMs) };
    this.#change();
  }

  /** The next job, which runs until `finish`. A run that was due several times is one run. */
  take(): Job | undefined {
    if (this.#schedule !== undefined && this.#now() >= this.#schedule.dueAt) {
      this.#schedule = { ...this.#schedule, dueAt: this.#now() + this.#schedule.everyMs };
      // Behind what waits already, so that a schedule cannot starve added jobs.
      if (!this.#waiting.has(SCHEDULED)) this.#waiting.set(SCHEDULED, { id: SCHEDULED, payload: {} });
    }
    const [job] = this.#waiting.values();
    if (job === undefined) return undefined;
    this.#waiting.delete(job.id);
    this.#running = job.id;
    return job;
  }

  finish(): void {
    this.#running = undefined;
  }

  /** Milliseconds until the schedule is due; undefined where there is none. */
  dueInMs(): number | undefined {
    return this.#schedule === undefined ? undefined : Math.max(0, this.#schedule.dueAt - this.#now());
  }

  /** Resolves at the next `add` or `schedule`. To be asked for before `take`, or one may slip between. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
