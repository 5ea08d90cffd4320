import { DatabaseError } from 'pg';
import type { AuditFact } from '../../domain/audit-event.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { Migrated, RegistryAdmin } from '../../ports/registry-admin.ts';
import { openPostgres, type PostgresOptions } from '../postgres/connection.ts';
import { insertFacts } from './audit-rows.ts';
import { migrate, SCHEMA_VERSION } from './migrate.ts';
import { checkPostgres } from './postgres-check.ts';
import { OWNER, POSTGRES_TYPES, protection, ROLES } from './postgres-tables.ts';
import { tablesVersion } from './postgres-version.ts';
import { text } from './rows.ts';
import type { Sql, SqlDatabase } from './sql.ts';

/** A migration may take its time, and so may waiting for another one. */
const PATIENT = { statementMs: 0, replyMs: 0, lockMs: 600_000 };

/** The user is `callseal_owner` for `migrate`, anybody of the four roles for `check`. */
export async function postgresAdmin(options: PostgresOptions): Promise<RegistryAdmin> {
  const database = await openPostgres({ ...options, pool: 1, timeouts: { ...PATIENT, ...options.timeouts } });
  return {
    migrate: async (fact, signal) => {
      signal.throwIfAborted();
      return await migratePostgres(database, options.schema ?? 'public', fact);
    },
    check: async (signal) => {
      signal.throwIfAborted();
      return await checkPostgres(database);
    },
    close: async () => await database.close(),
  };
}

async function migratePostgres(database: SqlDatabase, schema: string, fact: AuditFact): Promise<Migrated> {
  try {
    return await database.transaction(undefined, async (sql) => {
      await sql.query(
        `select pg_advisory_xact_lock(hashtextextended('callseal migrate ' || current_schema(), 0))`,
      );
      await requireRoles(sql);
      const from = await tablesVersion(sql);
      await migrate(within(sql), POSTGRES_TYPES);
      for (const statement of protection(schema)) await sql.query(statement);
      if (from !== SCHEMA_VERSION) await insertFacts(sql, [fact]);
      return { from, to: SCHEMA_VERSION };
    });
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== NOT_ALLOWED) throw error;
    throw new CallsealError('REFUSED', 'this user may not change the tables of the registry', {
      cause: error,
      hint: `migrate as the role that owns them: --user ${OWNER} --password-file FILE`,
    });
  }
}

const NOT_ALLOWED = '42501';

async function requireRoles(sql: Sql): Promise<void> {
  const rows = await sql.query('select rolname::text as name from pg_roles');
  const there = rows.map((row) => text(row, 'name'));
  const missing = ROLES.filter((role) => !there.includes(role));
  if (missing.length === 0) return;
  throw new CallsealError('REFUSED', `the database has no role ${missing.join(', ')}`, {
    hint: 'an administrator makes the four roles once: docs/registry.md, "Roles"',
  });
}

/** All migrations in the transaction that is open. */
function within(sql: Sql): SqlDatabase {
  return {
    query: async (statement, values) => await sql.query(statement, values),
    transaction: async (_tenant, work) => await work(sql),
    script: async (statements) => void (await sql.query(statements)),
    close: async () => undefined,
  };
}
