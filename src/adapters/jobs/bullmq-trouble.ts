import type { CallsealError, Code } from '../../domain/errors.ts';

/** `times`: how often it happened since it was told last, this time included. */
export type OnTrouble = (error: CallsealError, times: number) => void;

/**
 * Tells of the first trouble of a code at once, then at most once in `everyMs`: an outage of an hour is an hour of
 * failed connects, several a second.
 */
export function rarely(tell: OnTrouble, everyMs: number): (error: CallsealError) => void {
  const silent = new Map<Code, { readonly until: number; times: number }>();
  return (error) => {
    const now = performance.now();
    const before = silent.get(error.code);
    if (before !== undefined && now < before.until) {
      before.times++;
      return;
    }
    silent.set(error.code, { until: now + everyMs, times: 0 });
    tell(error, 1 + (before?.times ?? 0));
  };
}
