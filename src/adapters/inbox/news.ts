import { endOfTurn } from './group-commit.ts';

/**
 * Wakes the readers of one database when something was written through its connection in this process. What other
 * processes wrote is found by looking every POLL_MS: SQLite tells nobody.
 */
export const POLL_MS = 200;

const listeners = new WeakMap<object, Set<() => void>>();

export function tellNews(database: object): void {
  for (const listener of listeners.get(database) ?? []) listener();
}

/** A bell that stays rung until somebody has waited for it: what rings before the wait is not lost. */
export interface Bell {
  readonly ring: () => void;
  /** Resolves at the next ring, or now if it was rung since the last wait, or after `ms`. */
  readonly wait: (ms: number) => Promise<void>;
}

export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    wait: async (ms) => {
      await endOfTurn();
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = undefined;
      rung = false;
    },
  };
}

/** Calls `listener` after every write through `database` in this process. @returns what ends it */
export function onNews(database: object, listener: () => void): () => void {
  const set = listeners.get(database) ?? new Set();
  listeners.set(database, set.add(listener));
  return () => set.delete(listener);
}
