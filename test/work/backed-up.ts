import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { Registry } from '../../src/ports/registry.ts';
import type { World } from './world.ts';

/** A registry that can be backed up and put back, beside events and objects that cannot. */
export async function backedUp(world: World): Promise<() => Promise<Registry>> {
  const database = openSqlite(join(world.data, 'callseal.db'));
  const backup = join(world.folder, 'backup.db');
  await database.script(`vacuum into '${backup}'`);
  await database.close();
  return async () => {
    const restored = join(world.folder, `restored-${newUid()}.db`);
    copyFileSync(backup, restored);
    const registry = sqlRegistry(openSqlite(restored));
    onTestFinished(async () => await registry.close());
    return registry;
  };
}
