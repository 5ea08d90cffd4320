import { CallsealError } from '../../domain/errors.ts';
import { registryTables } from './migrations/0001-registry.ts';
import { deadLetterTables } from './migrations/0002-dead-letters.ts';
import { campaignTables } from './migrations/0003-campaigns.ts';
import { int } from './rows.ts';
import type { Sql, SqlDatabase } from './sql.ts';

/** What the two databases name differently. */
export interface ColumnTypes {
  readonly bytes: string;
  /** A primary key that counts up with each insert. */
  readonly rowNumber: string;
  /** A text field of a JSON object in a text column, as an expression. */
  readonly jsonField: (column: string, field: string) => string;
}

export const SQLITE_TYPES: ColumnTypes = {
  bytes: 'blob',
  rowNumber: 'integer primary key autoincrement',
  jsonField: (column, field) => `json_extract(${column}, '$.${field}')`,
};

interface Migration {
  readonly version: number;
  readonly statements: (types: ColumnTypes) => readonly string[];
}

/** Forward only: a migration that was released is never changed, the next one is added behind it. */
const MIGRATIONS: readonly Migration[] = [
  { version: 1, statements: registryTables },
  { version: 2, statements: deadLetterTables },
  { version: 3, statements: campaignTables },
];

/** The version of the tables that this program works with. */
export const SCHEMA_VERSION = MIGRATIONS.at(-1)?.version ?? 0;

/**
 * Brings the registry's tables to the newest version, each migration in a transaction of its own with its version
 * row. Idempotent, also with several processes at once.
 *
 * @throws CallsealError BAD_CONFIG - the tables are newer than this program
 */
export async function migrate(database: SqlDatabase, types: ColumnTypes): Promise<void> {
  for (const { version, statements } of MIGRATIONS) {
    await database.transaction(undefined, async (sql) => {
      if ((await schemaVersion(sql)) >= version) return;
      for (const statement of statements(types)) await sql.query(statement);
      await sql.query('insert into registry_versions (version) values ($1)', [version]);
    });
  }
  refuseNewer(await schemaVersion(database));
}

/** @throws CallsealError BAD_CONFIG */
export function refuseNewer(found: number): void {
  if (found <= SCHEMA_VERSION) return;
  throw new CallsealError(
    'BAD_CONFIG',
    `the registry's tables are of version ${found}, this program knows ${SCHEMA_VERSION}`,
    { hint: 'run the newer callseal that last wrote this registry' },
  );
}

async function schemaVersion(sql: Sql): Promise<number> {
  await sql.query('create table if not exists registry_versions (version bigint primary key)');
  const [row] = await sql.query('select coalesce(max(version), 0) as version from registry_versions');
  return row ? int(row, 'version') : 0;
}
