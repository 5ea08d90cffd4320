import { setTimeout } from 'node:timers/promises';

/** Whether `ended` resolved within `ms`; its failure is the caller's. Leaves no timer behind. */
export async function within(ms: number, ended: Promise<unknown>): Promise<boolean> {
  const waited = new AbortController();
  const timer = setTimeout(ms, false, { signal: waited.signal });
  try {
    return await Promise.race([ended.then(() => true), timer.catch(() => false)]);
  } finally {
    waited.abort();
  }
}
