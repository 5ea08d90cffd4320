import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, type QueryResultRow } from 'pg';
import { openPostgres, type PostgresOptions } from '../../src/adapters/postgres/connection.ts';
import { postgresAdmin } from '../../src/adapters/registry/postgres-admin.ts';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import { newUid } from '../../src/domain/ids.ts';
import { type PostgresRole, readSecret, servicesEnv } from './env.ts';

/** The real server, as one of the roles, with the tables in a schema of their own. */
export function postgresOptions(role: PostgresRole, schema: string, base?: number): PostgresOptions {
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

/** What no role of ours may do: sets the scene, and never goes through the product. */
export async function asSuperuser(statements: string, base?: number): Promise<QueryResultRow[]> {
  const { postgres, tls } = servicesEnv(base);
  const { host, port, database, users } = postgres;
  const { user, passwordFile } = users.superuser;
  const client = new Client({
    host,
    port,
    database,
    user,
    password: readSecret(passwordFile),
    ssl: { ca: readFileSync(tls.ca) },
  });
  await client.connect();
  try {
    return (await client.query(statements)).rows;
  } finally {
    await client.end();
  }
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
