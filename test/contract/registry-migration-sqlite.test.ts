import { expect, test } from 'vitest';
import { migrate, SQLITE_TYPES } from '../../src/adapters/registry/migrate.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { firstRelease, found, WHAT_IS_FOUND } from './registry-migration-suite.ts';

test('what the first release parked is found by stage and fingerprint after a migration', async () => {
  const database = openSqlite(':memory:');
  await firstRelease(database, SQLITE_TYPES);
  await migrate(database, SQLITE_TYPES);
  expect(await found(database)).toEqual(WHAT_IS_FOUND);
  await database.close();
});
