import { setTimeout } from 'node:timers/promises';

/** A limit on requests per second, in order of asking, with one second's worth at once after a rest. */
export interface RequestRate {
  /** Takes the next free place. @returns milliseconds until it may be used. */
  reserve(nowMs: number): number;
  /** Resolves when the place has come. A place whose caller left is not given to another: the rate is a limit. */
  take(signal: AbortSignal): Promise<void>;
}

export function requestRate(perSecond: number): RequestRate {
  const spacingMs = 1000 / perSecond;
  const restMs = 1000 - spacingMs;
  let nextMs = Number.NEGATIVE_INFINITY;

  const reserve = (nowMs: number): number => {
    const placeMs = Math.max(nextMs, nowMs - restMs);
    nextMs = placeMs + spacingMs;
    return Math.max(0, placeMs - nowMs);
  };
  return {
    reserve,
    take: async (signal) => {
      signal.throwIfAborted();
      const delayMs = reserve(performance.now());
      if (delayMs === 0) return;
      await setTimeout(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
  };
}
