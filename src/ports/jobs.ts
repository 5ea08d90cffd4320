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
  /**
   * For the start of a worker: refuses a queue that keeps us out, or that may throw away what it holds. One that is away
   * passes: it may come back, and nothing but schedules waits for it.
   *
   * @throws CallsealError BAD_CONFIG
   */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Runs `runner` for each due schedule (its payload is empty) and each added job of `name`, one at a time, until
   * `signal` aborts or the queue is closed; both reach the runner. A run that was due several times is one run.
   *
   * A runner that rejects ends `run` with its error, and its job is not repeated by the queue: its schedule or the
   * registry brings it again. An abort that the runner passes on is no error.
   */
  run(name: string, runner: JobRunner, signal: AbortSignal): Promise<void>;
  /**
   * Idempotent: the same name again replaces its interval. The first run is due at once.
   *
   * @throws CallsealError JOBS_DOWN
   */
  schedule(schedule: Schedule, signal: AbortSignal): Promise<void>;
  /**
   * The same `id` of a name twice is one job, while that job waits or runs; then the id is free again.
   *
   * @throws CallsealError JOBS_DOWN
   */
  add(name: string, id: string, payload: JobPayload, signal: AbortSignal): Promise<void>;
  /** Aborts what runs and waits for it, for a bounded time. @throws CallsealError STOPPING - it did not stop */
  close(): Promise<void>;
}
