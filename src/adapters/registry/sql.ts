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

export interface SqlDatabase extends Sql {
  /**
   * Runs `work` in one transaction that sees and locks as if it were alone, commits, and returns its value.
   * Rolls back when `work` throws, and throws the same.
   *
   * @param tenant - for row-level security where the database has it; undefined: work across tenants
   * @throws CallsealError COMMIT_UNKNOWN - COMMIT was sent and its reply is lost
   */
  transaction<T>(tenant: string | undefined, work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Several statements, no parameters: a migration. */
  script(text: string): Promise<void>;
  close(): Promise<void>;
}
