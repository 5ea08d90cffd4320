import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdWorkerLock, workerOf } from '../../../src/adapters/sqlite/worker-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-lock-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a held folder has a worker and names its process; a released one has none', () => {
  expect(workerOf(folder)).toEqual({ running: false, pid: undefined });
  const lock = holdWorkerLock(folder);
  expect(workerOf(folder)).toEqual({ running: true, pid: process.pid });
  lock.release();
  lock.release();
  expect(workerOf(folder)).toEqual({ running: false, pid: undefined });
});

test('a second holder is refused, with the pid and with what to do', () => {
  const lock = holdWorkerLock(folder);
  expect(() => holdWorkerLock(folder)).toThrow(
    expect.objectContaining({
      code: 'WORKER_RUNNING',
      message: `process ${process.pid} is the worker of this data folder`,
      hint: expect.stringContaining(`kill ${process.pid}`),
    }),
  );
  lock.release();
  holdWorkerLock(folder).release();
});

test('asking leaves the lock where it is', () => {
  const lock = holdWorkerLock(folder);
  workerOf(folder);
  expect(() => holdWorkerLock(folder)).toThrow('is the worker');
  lock.release();
});

test('a pid file that a killed worker left behind means nothing', () => {
  holdWorkerLock(folder).release();
  writeFileSync(join(folder, 'worker.pid'), '1\n');
  expect(workerOf(folder)).toEqual({ running: false, pid: undefined });
});

test('a holder whose pid is not known yet is called another process', () => {
  const lock = holdWorkerLock(folder);
  writeFileSync(join(folder, 'worker.pid'), '');
  expect(workerOf(folder)).toEqual({ running: true, pid: undefined });
  expect(() => holdWorkerLock(folder)).toThrow('another process is the worker');
  lock.release();
});

test('a folder that is not there is the reason, not another worker', () => {
  expect(() => holdWorkerLock(join(folder, 'nowhere'))).toThrow(
    expect.objectContaining({ code: 'INBOX_DOWN' }),
  );
  expect(existsSync(join(folder, 'nowhere'))).toBe(false);
});
