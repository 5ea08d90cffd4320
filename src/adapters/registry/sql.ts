/**
 * The little of a database that the registry, the embedded inbox and the embedded events need: one SQL text runs on
 * SQLite and on PostgreSQL. Parameters are `$1`, `$2`, …; whole numbers may come back as number or bigint; JSON and
 * times are text; `callseal_now()` is the database's clock in milliseconds.
 */
export type SqlValue = string | number | bigint | Uint8Array | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface Sql {
  query(text: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

/** Said instead of a tenant: rows of every tenant, where a statement has no tenant to ask for. */
export const ALL_TENANTS = '*';

/**
 * Whose rows a statement meets is said outside of its text, so that a forgotten condition shows no other tenant's
 * rows: a tenant, `ALL_TENANTS`, or nothing, which meets tables without a tenant only. PostgreSQL enforces it by
 * row-level security (docs/registry.md); an embedded registry has no such thing and takes no notice.
 */
export interface SqlDatabase extends Sql {
  query(text: string, values?: readonly SqlValue[], tenant?: string): Promise<readonly SqlRow[]>;
  /**
   * Runs `work` in one transaction that sees and locks as if it were alone, commits, and returns its value.
   * Rolls back when `work` throws, and throws the same.
   *
   * @param tenant - undefined: work across tenants
   * @throws CallsealError COMMIT_UNKNOWN - COMMIT was sent and its reply is lost
   */
  transaction<T>(tenant: string | undefined, work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Several statements, no parameters: a migration. */
  script(text: string): Promise<void>;
  close(): Promise<void>;
}

/** Single statements about one tenant. */
export function ofTenant(database: SqlDatabase, tenant: string): Sql {
  return { query: async (text, values) => await database.query(text, values, tenant) };
}

/** Single statements that find their rows by something else than a tenant: an origin, a name, a uid. */
export function acrossTenants(database: SqlDatabase): Sql {
  return ofTenant(database, ALL_TENANTS);
}
