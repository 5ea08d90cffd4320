/** A job's payload: ids and numbers only, never content; whoever writes the queue must not be able to start anything. */
export type JobPayload = Readonly<Record<string, string | number>>;

export type JobRunner = (payload: JobPayload, signal: AbortSignal) => Promise<void>;

export interface Schedule {
  readonly name: string;
  readonly everyMs: number;
}

/**
 * Schedules and chunks of work, each rebuildable from the registry. A lost queue makes things late, never wrong.
 */
export interface Jobs {
  /** Runs `runner` for each due schedule and each added job of `name`, one at a time, until `signal` aborts. */
  run(name: string, runner: JobRunner, signal: AbortSignal): Promise<void>;
  /** Idempotent: the same name again replaces its interval. The first run is due at once. */
  schedule(schedule: Schedule, signal: AbortSignal): Promise<void>;
  /** The same `id` twice is one job. */
  add(name: string, id: string, payload: JobPayload, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
