import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPostgres } from '../../src/adapters/postgres/connection.ts';
import { migrate, SQLITE_TYPES } from '../../src/adapters/registry/migrate.ts';
import type { SqlDatabase } from '../../src/adapters/registry/sql.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { dropSchema, migratedSchema, postgresOptions } from '../services/postgres-schema.ts';

/** One registry under test. `kind` and `location` are all that another process needs to open it too. */
export interface RegistryWorld {
  readonly kind: string;
  readonly location: string;
  /** Transactions that write wait for each other from their beginning on. */
  readonly oneWriter?: true;
  dispose(): Promise<void>;
}

interface RegistryWorldKind {
  make(): Promise<RegistryWorld>;
  /** A connection of its own; makes the tables where they are missing. */
  open(location: string): Promise<SqlDatabase>;
}

const sqlite: RegistryWorldKind = {
  make: async () => {
    const location = await mkdtemp(join(tmpdir(), 'callseal-registry-'));
    return {
      kind: 'sqlite',
      location,
      oneWriter: true,
      dispose: async () => await rm(location, { recursive: true, force: true }),
    };
  },
  open: async (location) => {
    const database = openSqlite(join(location, 'callseal.db'));
    await migrate(database, SQLITE_TYPES);
    return database;
  },
};

/** A schema of its own on the server that runs; opened as the worker, whom row-level security holds for. */
const postgres: RegistryWorldKind = {
  make: async () => {
    const location = await migratedSchema();
    return { kind: 'postgres', location, dispose: async () => await dropSchema(location) };
  },
  open: async (location) => await openPostgres(postgresOptions('worker', location)),
};

export const REGISTRY_WORLDS: Readonly<Record<string, RegistryWorldKind>> = { sqlite, postgres };

export async function openWorldDatabase(
  world: Pick<RegistryWorld, 'kind' | 'location'>,
): Promise<SqlDatabase> {
  const kind = REGISTRY_WORLDS[world.kind];
  if (!kind) throw new Error(`no registry of kind ${world.kind}`);
  return await kind.open(world.location);
}
