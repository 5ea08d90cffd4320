import { endOfTurn } from './group-commit.ts';

/**
 * Wakes the readers of one database when something was written through its connection in this process. What other
 * processes wrote is found by looking every POLL_MS: SQLite tells nobody.
 */
export const POLL_MS = 200;

/** What was written: records to deliver, or records to read. */
export type News = 'inputs' | 'outputs';

const listeners = new WeakMap<object, Record<News, Set<() => void>>>();

function listenersOf(database: object): Record<News, Set<() => void>> {
  const there = listeners.get(database);
  if (there !== undefined) return there;
  const made = { inputs: new Set<() => void>(), outputs: new Set<() => void>() };
  listeners.set(database, made);
  return made;
}

export function tellNews(database: object, what: News): void {
  for (const listener of listenersOf(database)[what]) listener();
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

/** Calls `listener` after every such write through `database` in this process. @returns what ends it */
export function onNews(database: object, what: News, listener: () => void): () => void {
  const heard = listenersOf(database)[what];
  heard.add(listener);
  return () => heard.delete(listener);
}

/** One listener's bell, and whether news came, apart from other rings of the same bell. */
export interface Listening {
  readonly bell: Bell;
  /** Whether news came since the last call. */
  readonly heard: () => boolean;
  readonly stop: () => void;
}

export function listenFor(database: object, what: News): Listening {
  const bell = createBell();
  let came = false;
  const stop = onNews(database, what, () => {
    came = true;
    bell.ring();
  });
  const heard = (): boolean => {
    const was = came;
    came = false;
    return was;
  };
  return { bell, heard, stop };
}
