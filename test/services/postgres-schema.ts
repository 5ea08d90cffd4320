import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, type QueryResult, type QueryResultRow } from 'pg';
import { openPostgres, type PostgresOptions } from '../../src/adapters/postgres/connection.ts';
import { postgresAdmin } from '../../src/adapters/registry/postgres-admin.ts';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import { newUid } from '../../src/domain/ids.ts';
import { type PostgresRole, readSecret, servicesEnv } from './env.ts';

/** The real server, as one of the roles, with the tables in a schema of their own. */
export function postgresOptions(
  role: PostgresRole,
  schema: string,
  base?: number,
): Omit<PostgresOptions, 'onConnect'> {
  const { postgres, tls } = servicesEnv(base);
  const { host, port, database, users } = postgres;
  return { host, port, database, ...users[role], ca: tls.ca, pool: 4, schema };
}

/** @returns the name of a new schema without tables */
export async function emptySchema(base?: number): Promise<string> {
  const schema = `t_${randomBytes(6).toString('hex')}`;
  await asOwner(schema, `create schema ${schema}`, base);
  return schema;
}

/** @returns the name of a new schema with the registry's tables */
export async function migratedSchema(base?: number): Promise<string> {
  const schema = await emptySchema(base);
  const admin = await postgresAdmin(postgresOptions('owner', schema, base));
  try {
    await admin.migrate(migrationFact(), new AbortController().signal);
  } finally {
    await admin.close();
  }
  // A registry as a suite expects it: nothing has happened yet.
  await asOwner(schema, 'delete from audit_events', base);
  return schema;
}

export async function dropSchema(schema: string, base?: number): Promise<void> {
  await asOwner(schema, `drop schema ${schema} cascade`, base);
}

export async function asOwner(schema: string, script: string, base?: number): Promise<void> {
  const database = await openPostgres(postgresOptions('owner', schema, base));
  try {
    await database.script(script);
  } finally {
    await database.close();
  }
}

/** Statements as they are, past the product: as a superuser, to set a scene; as a role, to see what it may do. */
export async function plainSql(
  role: PostgresRole,
  statements: string,
  { schema = 'public', base }: { readonly schema?: string; readonly base?: number } = {},
): Promise<QueryResultRow[]> {
  const { host, port, database, user, passwordFile = '' } = postgresOptions(role, schema, base);
  const client = new Client({
    host,
    port,
    database,
    user,
    password: readSecret(passwordFile),
    ssl: { ca: readFileSync(servicesEnv(base).tls.ca) },
    options: `-c search_path=${schema}`,
  });
  await client.connect();
  try {
    const results: QueryResult | readonly QueryResult[] = await client.query(statements);
    return [results].flat().at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

export async function asSuperuser(statements: string, base?: number): Promise<QueryResultRow[]> {
  return await plainSql('superuser', statements, base === undefined ? {} : { base });
}

export function migrationFact(): AuditFact {
  return {
    eventUid: newUid(),
    writer: { instance: 'test', version: '0' },
    time: new Date(0).toISOString(),
    actor: { kind: 'operator', id: 'test' },
    action: 'registry.migrate',
    outcome: { status: 'ok' },
  };
}
