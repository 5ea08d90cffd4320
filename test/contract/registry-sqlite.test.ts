import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { migrate, SQLITE_TYPES } from '../../src/adapters/registry/migrate.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { sqliteRegistry } from '../../src/adapters/registry/sqlite.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { failureCode } from './failure-code.ts';
import { never, place, sealing, sealWhole } from './registry-proposals.ts';
import { registryContract } from './registry-suite.ts';

registryContract('sqlite');

async function databaseFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-damaged-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return join(folder, 'callseal.db');
}

test('a file that is no database is REGISTRY_DAMAGED', async () => {
  const path = await databaseFile();
  await writeFile(path, 'not a database at all, but long enough to look like one'.repeat(100));
  expect(await failureCode(sqliteRegistry({ path }))).toBe('REGISTRY_DAMAGED');
});

test('a database with overwritten pages is REGISTRY_DAMAGED, and stays as it is', async () => {
  const path = await databaseFile();
  const registry = await sqliteRegistry({ path });
  for (let offset = 0; offset < 50; offset++) {
    await sealWhole(registry, sealing({ origin: place(offset), call: `c-${offset}` }));
  }
  await registry.close();
  const { size } = await stat(path);
  const file = await open(path, 'r+');
  // The first page stays: it is a database, and its tables are named.
  await file.write(Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  await file.close();
  const damaged = async (): Promise<void> => {
    const reopened = await sqliteRegistry({ path });
    try {
      await reopened.calls({}, never);
    } finally {
      await reopened.close();
    }
  };
  expect(await failureCode(damaged())).toBe('REGISTRY_DAMAGED');
});

test('a folder that is not there is REGISTRY_DOWN', async () => {
  const path = join(await databaseFile(), 'nowhere', 'callseal.db');
  expect(await failureCode(sqliteRegistry({ path }))).toBe('REGISTRY_DOWN');
});

test('tables of a newer program are refused with BAD_CONFIG', async () => {
  const database = openSqlite(':memory:');
  await migrate(database, SQLITE_TYPES);
  await database.query('insert into registry_versions (version) values (1000)');
  expect(await failureCode(migrate(database, SQLITE_TYPES))).toBe('BAD_CONFIG');
});

test('a migration runs once, whoever comes first', async () => {
  const path = await databaseFile();
  const databases = [openSqlite(path), openSqlite(path)];
  await Promise.all(databases.map(async (database) => await migrate(database, SQLITE_TYPES)));
  for (const database of databases) expect((await sqlRegistry(database).state(never)).epoch).toBe(1);
  for (const database of databases) await database.close();
});
