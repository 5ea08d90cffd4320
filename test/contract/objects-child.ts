import { codeOf } from '../../src/domain/errors.ts';
import { CountedParts, patterned } from './objects-parts.ts';
import { openObjects } from './objects-worlds.ts';

/**
 * Another process on the object store under test:
 *
 *   objects-child.ts KIND LOCATION NAME BYTES SEED [DIE-AT-PART]
 *
 * Creates one object, in parts as large as a store of many parts wants them, and prints `created` or the code it
 * failed with. Dies as by `kill -9` before the given part.
 */
const PART_BYTES = 8 * 2 ** 20;

const [kind = '', location = '', name = '', bytes = '', seed = '', dieAt = ''] = process.argv.slice(2);
const objects = openObjects({ kind, location });
const parts = new CountedParts(patterned(Number(bytes), Number(seed)), PART_BYTES);
const stream = parts.stream((part) => {
  if (dieAt !== '' && part === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
});
try {
  await objects.create(name, stream, new AbortController().signal);
  process.stdout.write('created\n');
} catch (error) {
  process.stdout.write(`${codeOf(error)}\n`);
}
await objects.close();
