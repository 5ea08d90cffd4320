import type { ReplayLimits } from '../../domain/replay.ts';

/** Most records of one claim, and most bytes of it. */
const MOST = { records: 50, bytes: 4 * 1024 * 1024 };

export interface Pace {
  /** How many of these may go together: at least one, and about a second's worth. */
  fits(bytes: readonly number[]): number;
  /** How long to rest after so much was published. */
  restMs(records: number, bytes: number): number;
}

/** Rests after what was published, so whoever goes on in another process inherits no debt and no credit. */
export function paceOf({ perSecond, bytesPerSecond }: ReplayLimits): Pace {
  const records = Math.min(MOST.records, Math.max(1, Math.floor(perSecond ?? MOST.records)));
  const bytesAtOnce = Math.min(MOST.bytes, bytesPerSecond ?? MOST.bytes);
  return {
    fits: (bytes) => {
      let sum = 0;
      let count = 0;
      for (const one of bytes.slice(0, records)) {
        sum += one;
        if (count > 0 && sum > bytesAtOnce) break;
        count++;
      }
      return count;
    },
    restMs: (count, bytes) =>
      1000 *
      Math.max(
        perSecond === undefined ? 0 : count / perSecond,
        bytesPerSecond === undefined ? 0 : bytes / bytesPerSecond,
      ),
  };
}
