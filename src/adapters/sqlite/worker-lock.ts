import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CallsealError } from '../../domain/errors.ts';

/**
 * At most one worker per data folder. The lock is the kernel's lock on `worker.lock`, an SQLite file that is held
 * exclusively: it is gone with the process, also after `kill -9`. `worker.pid` only names the holder for people.
 *
 * Nothing here may open `worker.lock` but through SQLite: closing any descriptor of a file drops every POSIX lock
 * that the process has on it.
 */
export interface WorkerLock {
  release(): void;
}

/** How long a start waits for somebody who is only asking. */
const ASKING_MS = 500;

/**
 * @throws CallsealError WORKER_RUNNING - names the process that holds it
 * @throws CallsealError INBOX_DOWN - the folder cannot be written
 */
export function holdWorkerLock(folder: string): WorkerLock {
  const database = lockedFile(folder);
  return {
    release: () => {
      if (!database.isOpen) return;
      rmSync(pidFile(folder), { force: true });
      database.close();
    },
  };
}

function lockedFile(folder: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(lockFile(folder), { timeout: ASKING_MS });
    database.exec('pragma locking_mode = exclusive; begin exclusive; commit');
    writePid(folder);
    return database;
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) throw alreadyRunning(folder, cause);
    throw new CallsealError('INBOX_DOWN', 'the lock of the data folder cannot be taken', {
      cause,
      hint: 'the data folder must be a local folder that this user may write',
    });
  }
}

/** Whether a worker holds the folder, and its process id where that is known. Takes no lock that would stop one. */
export function workerOf(folder: string): { readonly running: boolean; readonly pid: number | undefined } {
  if (!existsSync(lockFile(folder))) return { running: false, pid: undefined };
  const database = new DatabaseSync(lockFile(folder), { readOnly: true });
  try {
    database.exec('select count(*) from sqlite_schema');
    return { running: false, pid: undefined };
  } catch (error) {
    if (!isBusy(error)) throw error;
    return { running: true, pid: pidOf(folder) };
  } finally {
    database.close();
  }
}

function alreadyRunning(folder: string, cause: unknown): CallsealError {
  const pid = pidOf(folder);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new CallsealError('WORKER_RUNNING', `${who} is the worker of this data folder`, {
    cause,
    hint:
      pid === undefined
        ? 'try again when it has ended, or use another data folder'
        : `end it first (kill ${pid}), or use another data folder; every other command works beside it`,
  });
}

const lockFile = (folder: string): string => join(folder, 'worker.lock');
const pidFile = (folder: string): string => join(folder, 'worker.pid');

/** Renamed into place, so a reader sees a whole number or none. */
function writePid(folder: string): void {
  writeFileSync(`${pidFile(folder)}.new`, `${process.pid}\n`);
  renameSync(`${pidFile(folder)}.new`, pidFile(folder));
}

/** Believed only while the lock is held: the file of a killed worker stays behind. */
function pidOf(folder: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile(folder), 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  return typeof error.errcode === 'number' && (error.errcode & 0xff) === SQLITE_BUSY;
}
