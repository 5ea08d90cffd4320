import { CallsealError } from '../../domain/errors.ts';
import type { Registry } from '../../ports/registry.ts';
import { openPostgres, type PostgresOptions } from '../postgres/connection.ts';
import { refuseNewer, SCHEMA_VERSION } from './migrate.ts';
import { tablesVersion } from './postgres-version.ts';
import type { SqlDatabase } from './sql.ts';
import { type SqlRegistryOptions, sqlRegistry } from './sql-registry.ts';

export interface PostgresRegistryOptions extends Omit<PostgresOptions, 'onConnect'>, SqlRegistryOptions {
  /** Is given every new connection as a registry of its own, before anything else runs on it. */
  readonly onConnect?: (connection: Registry) => Promise<void>;
}

/**
 * The registry in PostgreSQL, as one of the runtime roles; its tables are made by `callseal registry migrate`.
 *
 * @throws CallsealError BAD_CONFIG - tables missing, older or newer than this program; see also `openPostgres`
 * @throws CallsealError REGISTRY_DOWN
 */
export async function postgresRegistry({
  onConnect,
  ...options
}: PostgresRegistryOptions): Promise<Registry> {
  const look = async (connection: SqlDatabase): Promise<void> => await onConnect?.(sqlRegistry(connection));
  const database = await openPostgres({ ...options, onConnect: look });
  try {
    await requireTables(database);
    return sqlRegistry(database, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function requireTables(database: SqlDatabase): Promise<void> {
  const found = await tablesVersion(database);
  refuseNewer(found);
  if (found === SCHEMA_VERSION) return;
  const what =
    found === 0 ? 'has no tables' : `has tables of version ${found}, this program needs ${SCHEMA_VERSION}`;
  throw new CallsealError('BAD_CONFIG', `the registry ${what}`, {
    hint: 'callseal registry migrate --user callseal_owner --password-file FILE',
  });
}
