import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { nameOf, runSession } from './session.ts';

const isUpdate = process.env['CALLSEAL_UPDATE'] === '1';

/** `*.root.txt` mounts a small disk and takes another user's place. */
const isRoot = process.getuid?.() === 0;

for (const file of globSync('test/transcripts/sessions/*.txt').toSorted()) {
  const written = readFileSync(file, 'utf8');
  // Sessions share nothing, and a process that starts waits for the disk a good part of its time.
  const skip = file.endsWith('.root.txt') && !isRoot;
  const name = `${basename(file)}: ${nameOf(written)}${skip ? ' (skipped: needs root)' : ''}`;
  test.concurrent(name, { timeout: 180_000, skip }, async () => {
    const went = await runSession(written);
    if (isUpdate) writeFileSync(file, went);
    else expect(went).toBe(written);
  });
}
