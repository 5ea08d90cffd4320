import { writeFile } from 'node:fs/promises';
import { withKernelLock } from '../../src/adapters/files/kernel-lock.ts';
import { keyfileKeys } from '../../src/adapters/keys/keyfile.ts';
import { CallsealError } from '../../src/domain/errors.ts';

/**
 * Another process on one key file:
 *
 *   keys-child.ts PATH TENANT COUNT   makes KEKs `TENANT-0:phi` and so on, one by one; prints a line for each that it
 *                                     was told is there, name and material id, or the code it failed with
 *   keys-child.ts PATH die            dies as by `kill -9` in the middle of a change: under the lock, with half a
 *                                     file written
 */
const [path = '', tenant = '', count = ''] = process.argv.slice(2);
const { signal } = new AbortController();
if (tenant === 'die') {
  await withKernelLock(
    `${path}.lock`,
    0,
    async () => {
      await writeFile(`${path}.new`, 'half a key file', { mode: 0o600 });
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => setInterval(() => undefined, 1000));
    },
    signal,
  );
}
const keys = keyfileKeys({ path, onCreated: () => process.stdout.write('created\n') });
for (let i = 0; i < Number(count); i++) {
  const kek = `${tenant}-${i}:phi`;
  try {
    const { materialId } = await keys.ensure(kek, signal);
    process.stdout.write(`${kek} ${materialId}\n`);
  } catch (error) {
    if (!(error instanceof CallsealError)) throw error;
    process.stdout.write(`${error.code}\n`);
  }
}
