import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../src/adapters/postgres/connection.ts';
import { migrate, SQLITE_TYPES } from '../../src/adapters/registry/migrate.ts';
import { ALL_TENANTS, type SqlDatabase } from '../../src/adapters/registry/sql.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { runHistory } from '../model/history.ts';
import { type Stage, takeSnapshot } from '../model/world.ts';
import { whatIsMissing } from '../services/env.ts';
import { asOwner, dropSchema, migratedSchema, postgresOptions } from '../services/postgres-schema.ts';

/** The model's histories on databases that other processes could use too: two connections, taken in turn. */
const HISTORIES = process.env['CALLSEAL_LONG'] === '1' ? 300 : 25;
const FIRST = Number(process.env['CALLSEAL_SEED'] ?? 1);
const missing = await whatIsMissing('postgres');

/** Statements and transactions go to one connection after the other. */
function inTurn(
  databases: readonly SqlDatabase[],
  before: () => Promise<void> = async () => undefined,
): SqlDatabase {
  let turn = 0;
  const next = async (): Promise<SqlDatabase> => {
    await before();
    return databases[turn++ % databases.length] as SqlDatabase;
  };
  return {
    query: async (text, values, tenant = ALL_TENANTS) => await (await next()).query(text, values, tenant),
    transaction: async (tenant, work) => await (await next()).transaction(tenant, work),
    script: async (text) => await (await next()).script(text),
    close: async () => {
      for (const database of databases) await database.close();
    },
  };
}

/** @returns what the histories met */
async function histories(stage: Stage): Promise<string[]> {
  const met = new Set<string>();
  for (let seed = FIRST; seed < FIRST + HISTORIES; seed++) {
    for (const one of await runHistory(stage, seed)) met.add(one);
  }
  return [...met];
}

const MUCH = expect.arrayContaining(['sealed', 'refused CALL_SHREDDED', 'won', 'unknown', 'carried over']);

test('no history breaks a promise on two connections to one SQLite file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-model-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const clock = { now: 0 };
  const path = join(folder, 'registry.db');
  const database = inTurn([1, 2].map(() => openSqlite(path, { now: () => clock.now })));
  onTestFinished(async () => await database.close());
  await migrate(database, SQLITE_TYPES);
  expect(await histories({ database, clock, empty: await takeSnapshot(database) })).toEqual(MUCH);
});

/** The database's clock is a row that the model turns, and the worker may put a backup back. */
async function modelSchema(): Promise<string> {
  const schema = await migratedSchema();
  onTestFinished(async () => await dropSchema(schema));
  await asOwner(
    schema,
    `create table model_clock (now bigint not null);
     insert into model_clock values (0);
     create or replace function callseal_now() returns bigint language sql stable as $$ select now from model_clock $$;
     grant all on all tables in schema ${schema} to callseal_worker`,
  );
  return schema;
}

describe.skipIf(missing)(`on PostgreSQL ${missing ?? ''}`, () => {
  test('no history breaks a promise on two connections, under row-level security', async () => {
    const options = postgresOptions('worker', await modelSchema());
    const connections = [
      await openPostgres({ ...options, pool: 1 }),
      await openPostgres({ ...options, pool: 1 }),
    ];
    const clock = { now: 0 };
    let shown = 0;
    const database = inTurn(connections, async () => {
      if (shown === clock.now) return;
      shown = clock.now;
      await connections[0]?.query('update model_clock set now = $1', [shown]);
    });
    onTestFinished(async () => await database.close());
    expect(await histories({ database, clock, empty: await takeSnapshot(database) })).toEqual(MUCH);
  });
});
