import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { errnoOf } from './errno.ts';

const RETRY_MS = { least: 5, most: 25 } as const;

/**
 * Runs `work` while this process, and nobody else, holds the lock file at `path`.
 *
 * The lock is the kernel's, taken by SQLite on an empty database: `kill -9` frees it, so there is no stale lock
 * to break. The file stays; removing it would let two holders lock two files of one name.
 *
 * @returns undefined when the lock was not free within `waitMs`; `work` did not run.
 */
export async function withKernelLock<T>(
  path: string,
  waitMs: number,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<{ readonly value: T } | undefined> {
  makeLockFile(path);
  // No busy timeout: SQLite would wait on the only thread.
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    const deadline = performance.now() + waitMs;
    while (!isTaken(lock)) {
      if (performance.now() >= deadline) return undefined;
      const delay = RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least);
      await setTimeout(delay, undefined, { signal });
    }
    return { value: await work() };
  } finally {
    lock.close();
  }
}

/**
 * Ours alone: whoever can open the file can keep us from the lock. In one synchronous step, and only where it is
 * missing: closing a file gives up every lock that this process has on it, so nobody may hold one yet.
 */
function makeLockFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

const SQLITE_BUSY = 5;

function isTaken(lock: DatabaseSync): boolean {
  try {
    lock.exec('begin exclusive');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
