import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const GREEN = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0, success: true };

/** The closing line of .ci/run, given the steps it wrote down and the reports of vitest. */
async function total(steps: string, reports: Readonly<Record<string, object>>) {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-ci-'));
  await writeFile(join(folder, 'steps'), steps);
  for (const [name, report] of Object.entries(reports)) {
    await writeFile(join(folder, `${name}.json`), JSON.stringify(report));
  }
  const projects = ['unit', 'contract'];
  return await new Promise<{ failed: boolean; last: string | undefined }>((resolve) => {
    execFile(process.execPath, ['tools/ci-total.ts', folder, ...projects], (error, stdout) =>
      resolve({ failed: error !== null, last: stdout.trim().split('\n').at(-1) }),
    );
  });
}

test('all green: the sum over everything, exit 0', async () => {
  const ran = await total('lint 0 1s\nunit 0 2s\ncontract 0 3s\n', { unit: GREEN, contract: GREEN });
  expect(ran).toEqual({ failed: false, last: '6 passed, 0 failed, 2 skipped' });
});

test('a check that failed counts as one failure', async () => {
  const ran = await total('lint 1 1s\nunit 0 2s\ncontract 0 3s\n', { unit: GREEN, contract: GREEN });
  expect(ran).toEqual({ failed: true, last: '6 passed, 1 failed, 2 skipped' });
});

test('a suite that ended badly without a failed test (a hook, an unhandled rejection) counts as one failure', async () => {
  const ran = await total('unit 1 2s\ncontract 0 3s\n', { unit: GREEN, contract: GREEN });
  expect(ran).toEqual({ failed: true, last: '6 passed, 1 failed, 2 skipped' });
});

test('failed tests count once each, and not once more for their suite', async () => {
  const red = { ...GREEN, numFailedTests: 2 };
  const ran = await total('unit 1 2s\ncontract 0 3s\n', { unit: red, contract: GREEN });
  expect(ran).toEqual({ failed: true, last: '6 passed, 2 failed, 2 skipped' });
});

test('a suite without a report is a failure', async () => {
  const ran = await total('unit 0 2s\ncontract 0 3s\n', { unit: GREEN });
  expect(ran).toEqual({ failed: true, last: '3 passed, 1 failed, 1 skipped' });
});

test('nothing that passed is a failure', async () => {
  const none = { ...GREEN, numPassedTests: 0 };
  const ran = await total('unit 0 2s\ncontract 0 3s\n', { unit: none, contract: none });
  expect(ran.failed).toBe(true);
});
