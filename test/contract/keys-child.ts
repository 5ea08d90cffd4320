import { keyfileKeys } from '../../src/adapters/keys/keyfile.ts';
import { CallsealError } from '../../src/domain/errors.ts';

/**
 * Another process on one key file: `keys-child.ts PATH TENANT COUNT` makes KEKs `TENANT-0:phi` and so on, one by
 * one, and prints a line for each that it was told is there: its name and material id, or the code it failed with.
 */
const [path = '', tenant = '', count = ''] = process.argv.slice(2);
const keys = keyfileKeys({ path, onCreated: () => process.stdout.write('created\n') });
for (let i = 0; i < Number(count); i++) {
  const kek = `${tenant}-${i}:phi`;
  try {
    const { materialId } = await keys.ensure(kek, new AbortController().signal);
    process.stdout.write(`${kek} ${materialId}\n`);
  } catch (error) {
    if (!(error instanceof CallsealError)) throw error;
    process.stdout.write(`${error.code}\n`);
  }
}
