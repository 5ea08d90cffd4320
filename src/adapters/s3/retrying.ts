import { setTimeout } from 'node:timers/promises';
import { failureOf } from './failures.ts';

export interface Patience {
  /** Tries in all. */
  readonly attempts: number;
  /** Longest wait before the second try; doubled for each further one. The real one is random below it. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** A few seconds in all. What takes longer is an outage, and an outage is the intake's to wait for. */
export const PATIENCE: Patience = { attempts: 5, firstDelayMs: 100, maxDelayMs: 2_000 };

/**
 * Runs `send` until it succeeds, fails for good, or patience ends. `send` must make the same request each time.
 *
 * @throws what the last try threw; the signal's reason when it aborts
 */
export async function retrying<T>(
  send: () => Promise<T>,
  { attempts, firstDelayMs, maxDelayMs }: Patience,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await send();
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= attempts || failureOf(error)?.again !== true) throw error;
      await pause(Math.random() * Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1)), signal);
    }
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  // `setTimeout` rejects with an error of its own; everybody else here with the signal's reason.
  await setTimeout(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}
