import type { Sign } from './kafka-group.ts';

/** Longest silence that is not a failure of ours: a broker that is away comes back, and the client with it. */
const SILENCE_MS = 15 * 60_000;

/**
 * Notices a consumer that has come to a standstill without saying so. While brokers are away fetches fail and
 * nothing is to be done; after so long it is more likely that this process is at fault, and a new one is better.
 */
export function createWatchdog(now: () => number, silenceMs = SILENCE_MS) {
  const last: Record<Sign, number> = { fetch: now(), heartbeat: now(), join: now() };
  return {
    saw: (sign: Sign): void => {
      last[sign] = now();
    },
    /** A sentence where the consumer has stood still for too long. */
    verdict: (): string | undefined => {
      const silent = now() - Math.max(last.fetch, last.heartbeat, last.join);
      return silent > silenceMs
        ? `no fetch, heartbeat or join of the group for ${Math.round(silent / 60_000)} min`
        : undefined;
    },
  };
}
