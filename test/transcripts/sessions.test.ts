import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { nameOf, runSession } from './session.ts';

const isUpdate = process.env['CALLSEAL_UPDATE'] === '1';

/** `*.root.txt` mounts a small disk and takes another user's place. */
function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-mount-'));
  return spawnSync('sh', ['-c', 'mount -t tmpfs -o size=64k none "$0" && umount "$0"', folder]).status === 0;
}

const isPrivileged = mayMount();

for (const file of globSync('test/transcripts/sessions/*.txt').toSorted()) {
  const written = readFileSync(file, 'utf8');
  const skip = file.endsWith('.root.txt') && !isPrivileged;
  const reason = skip ? ' (skipped: needs root that may mount)' : '';
  // Sessions share nothing, and a process that starts waits for the disk a good part of its time.
  test.concurrent(`${basename(file)}: ${nameOf(written)}${reason}`, { timeout: 180_000, skip }, async () => {
    const went = await runSession(written);
    if (isUpdate) writeFileSync(file, went);
    expect(went).toBe(readFileSync(file, 'utf8'));
  });
}
