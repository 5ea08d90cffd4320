import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { patterned } from './objects-parts.ts';
import { sourcesContract } from './sources-suite.ts';
import { oneCallWorld } from './sources-worlds.ts';

sourcesContract('files named for one call', oneCallWorld);

const never = new AbortController().signal;

describe('files named for one call', () => {
  let world: Awaited<ReturnType<typeof oneCallWorld>>;

  beforeEach(async () => {
    world = await oneCallWorld();
    return async () => await world.dispose();
  });

  for (const other of [{ tenant: 't-43' }, { call: 'c-2' }, { revision: 2 }]) {
    test(`a file named for one call is not there for ${JSON.stringify(other)}`, async () => {
      await world.put('audio', patterned(10));
      const ref = { ...world.ref('audio'), ...other };
      await expect(world.sources.open(ref, never)).rejects.toMatchObject({ code: 'SOURCE_KEY_FORBIDDEN' });
    });
  }

  test('a link that has taken the place of the named file is refused', async () => {
    const path = await world.put('audio', patterned(10));
    await writeFile(join(world.folder, 'other'), patterned(10));
    await rename(path, `${path}.old`);
    await symlink(join(world.folder, 'other'), path);
    await expect(world.sources.open(world.ref('audio'), never)).rejects.toMatchObject({
      code: 'SOURCE_NOT_A_FILE',
    });
  });
});
