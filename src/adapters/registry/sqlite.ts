import type { Registry } from '../../ports/registry.ts';
import { openSqlite } from '../sqlite/connection.ts';
import { migrate, SQLITE_TYPES } from './migrate.ts';
import { type SqlRegistryOptions, sqlRegistry } from './sql-registry.ts';

export interface SqliteRegistryOptions extends SqlRegistryOptions {
  /** The embedded profile's database file; other parts of the profile may keep tables of their own in it. */
  readonly path: string;
}

/**
 * The embedded registry; makes its tables where they are missing.
 *
 * @throws CallsealError REGISTRY_DAMAGED, REGISTRY_DOWN, BAD_CONFIG (tables of a newer callseal)
 */
export async function sqliteRegistry({ path, ...options }: SqliteRegistryOptions): Promise<Registry> {
  const database = openSqlite(path);
  try {
    await migrate(database, SQLITE_TYPES);
    return sqlRegistry(database, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}
