import { describe, expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../src/adapters/postgres/connection.ts';
import { SCHEMA_VERSION } from '../../src/adapters/registry/migrate.ts';
import { postgresAdmin } from '../../src/adapters/registry/postgres-admin.ts';
import { POSTGRES_TYPES, protection } from '../../src/adapters/registry/postgres-tables.ts';
import { whatIsMissing } from '../services/env.ts';
import {
  asOwner,
  dropSchema,
  emptySchema,
  migrationFact,
  postgresOptions,
} from '../services/postgres-schema.ts';
import { firstRelease, found, WHAT_IS_FOUND } from './registry-migration-suite.ts';
import { never } from './registry-proposals.ts';

const missing = await whatIsMissing('postgres');
/** Of the first release; the tables that came later are made by the migration. */
const SECURED = ['answers', 'calls', 'attempts', 'receipts'];

describe.skipIf(missing)(`a migration of a server ${missing ?? ''}`, () => {
  test('what the first release parked is found after it, also where row-level security hides it from the owner', async () => {
    const schema = await emptySchema();
    onTestFinished(async () => await dropSchema(schema));
    const owner = await openPostgres(postgresOptions('owner', schema));
    await firstRelease(owner, POSTGRES_TYPES);
    await owner.close();
    const functions = protection(schema).filter((statement) =>
      statement.includes('callseal_meets(tenant text)'),
    );
    const forced = SECURED.map((table) =>
      [
        `alter table ${table} enable row level security`,
        `alter table ${table} force row level security`,
        `create policy callseal_all on ${table} for all using (callseal_meets(tenant))`,
      ].join(';'),
    );
    await asOwner(schema, [...functions, ...forced].join(';'));
    const admin = await postgresAdmin(postgresOptions('owner', schema));
    expect(await admin.migrate(migrationFact(), never)).toEqual({ from: 1, to: SCHEMA_VERSION });
    await admin.close();
    const operator = await openPostgres(postgresOptions('operator', schema));
    expect(await found(operator)).toEqual(WHAT_IS_FOUND);
    await operator.close();
  });
});
