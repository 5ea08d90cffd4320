import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openSqliteEvents } from '../../src/adapters/events/sqlite.ts';
import { topicNames } from '../../src/adapters/inbox/topics.ts';
import { filesObjects } from '../../src/adapters/objects/files.ts';
import { SCHEMA_VERSION } from '../../src/adapters/registry/migrate.ts';
import { postgresRegistry } from '../../src/adapters/registry/postgres.ts';
import { postgresAdmin } from '../../src/adapters/registry/postgres-admin.ts';
import { TABLES } from '../../src/adapters/registry/postgres-tables.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { RegistryAdmin, RegistryFinding } from '../../src/ports/registry-admin.ts';
import { auditor } from '../../src/work/auditor.ts';
import { noticeRestore } from '../../src/work/registry-restored.ts';
import { relayPending } from '../../src/work/relay-audit.ts';
import { failureCode } from '../contract/failure-code.ts';
import { fact, never, place, sealing, sealWhole } from '../contract/registry-proposals.ts';
import { type PostgresRole, whatIsMissing } from '../services/env.ts';
import {
  asOwner,
  asSuperuser,
  dropSchema,
  emptySchema,
  migratedSchema,
  migrationFact,
  plainSql,
  postgresOptions,
} from '../services/postgres-schema.ts';

const missing = await whatIsMissing('postgres');

describe.skipIf(missing)(`row-level security ${missing ?? ''}`, () => {
  let schema: string;
  beforeAll(async () => {
    schema = await migratedSchema();
    const registry = await postgresRegistry(postgresOptions('worker', schema));
    for (const [offset, tenant] of ['t-1', 't-2'].entries()) {
      await registry.createTenant(tenant, fact('tenant.create'), never);
      await sealWhole(registry, sealing({ origin: place(offset), tenant }));
      const shred = { uid: newUid(), fact: fact('call.shred'), at: '2026-11-24T10:00:00.000Z' };
      await registry.shred({ tenant, call: 'c-gone' }, shred, never);
      const source = { tenant, call: 'c-1', revision: 1, key: 'k', path: '/p' };
      await registry.addOneCallSources([source], never);
      await registry.pauseIntake(tenant, fact('intake.pause', { tenant, ticket: 'OPS-1' }), never);
    }
    await registry.close();
  });
  afterAll(async () => await dropSchema(schema));

  const WITH_TENANTS = Object.entries(TABLES).filter(([, { isolation }]) => isolation !== 'none');
  const ONE_TENANT = WITH_TENANTS.filter(([, { isolation }]) => isolation === 'tenant').map(([name]) => name);

  async function tenantsIn(role: PostgresRole, table: string, scope: string | undefined): Promise<unknown[]> {
    const say = scope === undefined ? '' : `select set_config('callseal.tenant', '${scope}', true);`;
    const forgetful = `select distinct tenant from ${table} order by tenant`;
    const rows = await plainSql(role, `begin; ${say} ${forgetful}`, { schema });
    return rows.map((row) => row['tenant']);
  }

  for (const role of ['worker', 'operator', 'owner'] as const) {
    test(`shows callseal_${role} one tenant's rows where a condition was forgotten, and none where the tenant was`, async () => {
      for (const table of ONE_TENANT) {
        expect([table, await tenantsIn(role, table, 't-1')]).toEqual([table, ['t-1']]);
        expect([table, await tenantsIn(role, table, undefined)]).toEqual([table, []]);
        expect([table, await tenantsIn(role, table, '*')]).toEqual([table, ['t-1', 't-2']]);
      }
    });
  }

  test('would show a superuser everything: the rule above is not true by itself', async () => {
    for (const table of ONE_TENANT) {
      expect([table, await tenantsIn('superuser', table, 't-1')]).toEqual([table, ['t-1', 't-2']]);
    }
  });

  test('lets a delivery be found by its origin before its tenant is known, but not by nobody', async () => {
    for (const table of ['answers', 'attempts']) {
      expect([table, await tenantsIn('worker', table, 't-1')]).toEqual([table, ['t-1', 't-2']]);
      expect([table, await tenantsIn('worker', table, undefined)]).toEqual([table, []]);
    }
  });

  test("writes no other tenant's rows", async () => {
    const scoped = `begin; select set_config('callseal.tenant', 't-1', true);`;
    const changed = `${scoped} update attempts set state = 'lost' returning tenant`;
    expect(await plainSql('worker', changed, { schema })).toEqual([{ tenant: 't-1' }]);
    const deleted = `${scoped} delete from call_keys returning tenant`;
    expect(await plainSql('worker', deleted, { schema })).toEqual([{ tenant: 't-1' }]);
    const foreign = `${scoped} insert into tombstones values ('t-2', 'c', '*', '')`;
    await expect(plainSql('worker', foreign, { schema })).rejects.toThrow('row-level security');
  });

  test('hides wrapped keys, reasons and paths from callseal_reader, who writes nothing', async () => {
    const hidden = ['call_keys', 'dead_letter_keys', 'sealed_reasons', 'one_call_sources'];
    for (const table of hidden) {
      await expect(plainSql('reader', `select from ${table}`, { schema })).rejects.toThrow(
        'permission denied',
      );
    }
    await expect(plainSql('reader', 'delete from open_intents', { schema })).rejects.toThrow(
      'permission denied',
    );
    const registry = await postgresRegistry(postgresOptions('reader', schema));
    expect(await registry.calls({}, never)).toHaveLength(4);
    await registry.close();
  });

  test('lets nobody change an answer, a receipt, a tombstone or an audit event, or delete one', async () => {
    const acts = [
      `update answers set answer = 'sealed'`,
      `update receipts set receipt = ''`,
      'delete from tombstones',
      `update audit_events set fact = ''`,
      'delete from audit_events',
      'delete from calls',
      'truncate open_intents',
    ];
    for (const role of ['worker', 'operator'] as const) {
      for (const act of acts) {
        await expect(plainSql(role, act, { schema })).rejects.toThrow('permission denied');
      }
    }
  });
});

describe.skipIf(missing)(`a registry that went back ${missing ?? ''}`, () => {
  test('is noticed by the next new connection, and refuses from then on', async () => {
    const schema = await migratedSchema();
    onTestFinished(async () => await dropSchema(schema));
    const folder = mkdtempSync(join(tmpdir(), 'callseal-went-back-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const topics = topicNames('callseal', ['in']);
    const events = await openSqliteEvents({ database: openSqlite(':memory:'), topics });
    const objects = filesObjects({ root: folder });
    const actor = { kind: 'worker', id: 'test' } as const;
    const told = auditor({ writer: { instance: 'test', version: '0' }, actor, now: () => new Date(0) });
    const registry = await postgresRegistry({
      ...postgresOptions('worker', schema),
      pool: 2,
      onConnect: async (connection) =>
        void (await noticeRestore({ registry: connection, events, objects, auditor: told }, never)),
    });
    onTestFinished(async () => await registry.close());
    await registry.append([fact('worker.start'), fact('worker.stop')], never);
    await relayPending({ audit: registry, events }, { holder: 'h', leaseMs: 1_000, batch: 10 }, never);
    const of = sealing({ tenant: 't-1' });
    expect(await sealWhole(registry, of)).toMatchObject({ kind: 'answered' });

    // What a backup from before the last event would hold.
    await asOwner(
      schema,
      'delete from audit_events where seq > 1; update relay set head_seq = 1, published_seq = 1',
    );
    await asSuperuser(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'callseal_worker'`,
    );
    await registry.pending(never).catch(() => undefined);
    expect((await registry.state(never)).wentBack).toBe(true);
    expect(await failureCode(sealWhole(registry, sealing({ origin: place(1) })))).toBe('REGISTRY_WENT_BACK');
  });
});

describe.skipIf(missing)(`migration and check ${missing ?? ''}`, () => {
  async function freshSchema(make: () => Promise<string>): Promise<string> {
    const schema = await make();
    onTestFinished(async () => await dropSchema(schema));
    return schema;
  }
  async function admin(role: PostgresRole, schema: string): Promise<RegistryAdmin> {
    const opened = await postgresAdmin(postgresOptions(role, schema));
    onTestFinished(async () => await opened.close());
    return opened;
  }
  async function checked(schema: string): Promise<Record<string, RegistryFinding>> {
    const findings = await (await admin('worker', schema)).check(never);
    return Object.fromEntries(findings.map((finding) => [finding.name, finding]));
  }

  test('two migrators at once: one makes the tables, the other finds them', async () => {
    const schema = await freshSchema(emptySchema);
    const migrators = [await admin('owner', schema), await admin('owner', schema)];
    const migrated = await Promise.all(
      migrators.map(async (one) => await one.migrate(migrationFact(), never)),
    );
    expect(new Set(migrated.map(({ from }) => from))).toEqual(new Set([0, SCHEMA_VERSION]));
    const events = await plainSql('worker', 'select action from audit_events', { schema });
    expect(events).toEqual([{ action: 'registry.migrate' }]);
  });

  test('a migration that fails leaves nothing of it', async () => {
    const schema = await freshSchema(emptySchema);
    await asOwner(schema, 'create table dead_letter_keys (name text)');
    await expect((await admin('owner', schema)).migrate(migrationFact(), never)).rejects.toThrow(
      'already exists',
    );
    expect((await checked(schema))['tables']).toMatchObject({ status: 'bad', finding: /^version 0/ });
  });

  test('nobody but the owner migrates', async () => {
    const schema = await freshSchema(migratedSchema);
    expect(await failureCode((await admin('worker', schema)).migrate(migrationFact(), never))).toBe(
      'REFUSED',
    );
  });

  test('tables of a newer program are not touched', async () => {
    const schema = await freshSchema(migratedSchema);
    await asOwner(schema, 'insert into registry_versions values (1000)');
    expect(await failureCode((await admin('owner', schema)).migrate(migrationFact(), never))).toBe(
      'BAD_CONFIG',
    );
    expect((await checked(schema))['tables']).toMatchObject({ status: 'bad' });
  });

  test('what the migration made is found good, TLS 1.3 and a missing standby said', async () => {
    const found = await checked(await freshSchema(migratedSchema));
    expect(Object.values(found).filter(({ status }) => status === 'bad')).toEqual([]);
    expect(found['tls']).toMatchObject({ status: 'ok', finding: /^TLSv1\.3, / });
    expect(found['standby']).toMatchObject({ status: 'loud' });
  });

  const BROKEN = [
    ['alter table call_keys no force row level security', 'row-level security', 'call_keys'],
    ['alter table answers disable row level security', 'row-level security', 'answers'],
    ['create table stray (tenant text)', 'row-level security', 'stray'],
    ['drop policy callseal_all on receipts', 'policies', 'receipts'],
    ['create policy open_to_all on call_keys using (true)', 'policies', 'call_keys'],
    ['grant delete on audit_events to callseal_worker', 'rights', 'callseal_worker on audit_events'],
    ['grant update on answers to public', 'rights', 'callseal_reader on answers'],
    ['grant update (receipt) on receipts to callseal_operator', 'rights', 'callseal_operator on receipts'],
    ['revoke insert on calls from callseal_worker', 'rights', 'callseal_worker on calls'],
    ['grant select on call_keys to callseal_reader', 'rights', 'callseal_reader on call_keys'],
  ] as const;
  for (const [statement, name, said] of BROKEN) {
    test(`after "${statement}" the check says so, and a migration mends it`, async () => {
      const schema = await freshSchema(migratedSchema);
      await asOwner(schema, statement);
      const found = (await checked(schema))[name];
      expect(found).toMatchObject({ status: 'bad' });
      expect(found?.finding).toContain(said);
      if (said === 'stray') return; // not ours to change
      await (await admin('owner', schema)).migrate(migrationFact(), never);
      expect((await checked(schema))[name]).toMatchObject({ status: 'ok' });
    });
  }
});
