import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseError } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openPostgres, type PostgresOptions } from '../../src/adapters/postgres/connection.ts';
import { postgresRegistry } from '../../src/adapters/registry/postgres.ts';
import type { SqlDatabase } from '../../src/adapters/registry/sql.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { failureCode } from '../contract/failure-code.ts';
import { never, open, PARK, place, proposal, sealing, sealProposal } from '../contract/registry-proposals.ts';
import { servicesEnv, whatIsMissing } from '../services/env.ts';
import { type CommitFate, type PostgresProxy, postgresProxy } from '../services/postgres-proxy.ts';
import {
  asOwner,
  asSuperuser,
  dropSchema,
  migratedSchema,
  migrationFact,
  postgresOptions,
} from '../services/postgres-schema.ts';

const missing = await whatIsMissing('postgres');

describe.skipIf(missing)(`a connection to PostgreSQL ${missing ?? ''}`, () => {
  let schema: string;
  const connected = async (changes: Partial<PostgresOptions> = {}): Promise<SqlDatabase> => {
    const database = await openPostgres({ ...postgresOptions('worker', schema), ...changes });
    onTestFinished(async () => await database.close());
    return database;
  };
  const refusal = async (changes: Partial<PostgresOptions>): Promise<string> =>
    await failureCode(connected(changes));

  beforeAll(async () => {
    schema = await migratedSchema();
  });
  afterAll(async () => await dropSchema(schema));

  describe('a reply to COMMIT that is lost', () => {
    async function throughProxy(): Promise<{ proxy: PostgresProxy; database: SqlDatabase }> {
      const { postgres, tls } = servicesEnv();
      const proxy = await postgresProxy(postgres, tls);
      onTestFinished(async () => await proxy.close());
      return { proxy, database: await connected({ port: proxy.port }) };
    }

    for (const [offset, fate, isThere] of [
      [100, 'lost', true],
      [101, 'unsent', false],
    ] as const satisfies readonly (readonly [number, CommitFate, boolean])[]) {
      test(`is COMMIT_UNKNOWN, ${fate}: a fresh read says whether it happened, and asking again gives one answer`, async () => {
        const { proxy, database } = await throughProxy();
        const registry = sqlRegistry(database);
        const of = sealing({ origin: place(offset), call: `c-${offset}` });
        const wanted = sealProposal(of, await open(registry, of));
        proxy.meetNextCommit(fate);
        expect(await failureCode(registry.decide(wanted, never))).toBe('COMMIT_UNKNOWN');
        const known = await registry.answerOf({ ...of, deliveredDigest: of.digest }, never);
        expect(known !== undefined).toBe(isThere);
        expect(await registry.decide(wanted, never)).toMatchObject({ kind: 'answered', adopted: isThere });
      });
    }

    test('of a single statement is REGISTRY_DOWN: all of them are made to be asked again', async () => {
      const { proxy, database } = await throughProxy();
      proxy.meetNextCommit('lost');
      expect(await failureCode(database.query('select 1'))).toBe('REGISTRY_DOWN');
      expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
    });

    test('is not what a connection is that breaks before COMMIT: REGISTRY_DOWN, and nothing happened', async () => {
      const { proxy, database } = await throughProxy();
      const cut = database.transaction('t-1', async (sql) => {
        await sql.query(`insert into tenants (tenant) values ('t-1')`);
        proxy.cut();
        await sql.query('select 1');
      });
      expect(await failureCode(cut)).toBe('REGISTRY_DOWN');
      expect(await database.query('select tenant from tenants', [], '*')).toEqual([]);
    });
  });

  test('a deadlock is tried again: both transactions happen', async () => {
    const [one, two] = [await connected(), await connected()];
    const calls = ['c-deadlock-1', 'c-deadlock-2'];
    for (const call of calls) await sqlRegistry(one).viewCall('t-1', call, 1, never);
    const bothLocked = Promise.withResolvers<void>();
    let locked = 0;
    const lockIn = async (database: SqlDatabase, order: readonly string[]): Promise<void> =>
      await database.transaction('t-1', async (sql) => {
        for (const call of order) {
          await sql.query('update calls set version = version + 1 where tenant = $1 and call = $2', [
            't-1',
            call,
          ]);
          if (++locked >= 2) bothLocked.resolve();
          await bothLocked.promise;
        }
      });
    await Promise.all([lockIn(one, calls), lockIn(two, calls.toReversed())]);
    const rows = await one.query(`select version from calls where call like 'c-deadlock-%'`, [], 't-1');
    expect(rows).toEqual([{ version: 2n }, { version: 2n }]);
  });

  test('a lock that nobody lets go of is REGISTRY_DOWN in time', async () => {
    const [holder, waiter] = [await connected(), await connected({ timeouts: { lockMs: 100 } })];
    const lock = 'insert into calls (tenant, call, call_uid, version) values ($1, $2, $3, 0)';
    await holder.transaction('t-1', async (sql) => {
      await sql.query(lock, ['t-1', 'c-held', 'uid-held']);
      const waiting = waiter.query(lock, ['t-1', 'c-held', 'uid-other'], 't-1');
      expect(await failureCode(waiting)).toBe('REGISTRY_DOWN');
    });
  });

  test('a transaction whose failed statement was overlooked is not taken for committed', async () => {
    const database = await connected();
    const careless = database.transaction('t-1', async (sql) => {
      await sql.query('select nothing from nowhere').catch(() => undefined);
    });
    expect(await failureCode(careless)).toBe('BUG');
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('what fails in a transaction undoes it, and the connection stays good', async () => {
    const database = await connected({ pool: 1 });
    const failing = database.transaction('t-9', async (sql) => {
      await sql.query(`insert into tenants (tenant) values ('t-9')`);
      throw new TypeError('a defect');
    });
    await expect(failing).rejects.toThrow('a defect');
    expect(await database.query(`select tenant from tenants where tenant = 't-9'`, [], '*')).toEqual([]);
  });

  test('the server that ends the connection is REGISTRY_DOWN once, then there is a new one', async () => {
    const database = await connected({ pool: 1 });
    const [row] = await database.query('select pg_backend_pid()::bigint as pid');
    const ended = database.transaction(undefined, async (sql) => {
      await asSuperuser(`select pg_terminate_backend(${String(row?.['pid'])})`);
      await sql.query('select 1');
    });
    expect(await failureCode(ended)).toBe('REGISTRY_DOWN');
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
  });

  describe('is refused', () => {
    async function roleLike(changes: string): Promise<Partial<PostgresOptions>> {
      const user = `t_${randomBytes(6).toString('hex')}`;
      const folder = mkdtempSync(join(tmpdir(), 'callseal-role-'));
      const passwordFile = join(folder, 'password');
      writeFileSync(passwordFile, user, { mode: 0o600 });
      await asSuperuser(
        `create role ${user} login password '${user}' in role callseal_worker; alter role ${user} ${changes}`,
      );
      onTestFinished(async () => {
        rmSync(folder, { recursive: true });
        await asSuperuser(`drop role ${user}`);
      });
      return { user, passwordFile };
    }

    test('as a superuser', async () => {
      expect(await refusal(postgresOptions('superuser', schema))).toBe('BAD_CONFIG');
    });

    test('as a role that row-level security does not hold for', async () => {
      expect(await refusal(await roleLike('bypassrls'))).toBe('BAD_CONFIG');
    });

    test('where synchronous_commit is off, whoever turned it off', async () => {
      expect(await refusal(await roleLike('set synchronous_commit = off'))).toBe('BAD_CONFIG');
      expect(await refusal(await roleLike('set synchronous_commit = on'))).toBe('none');
    });

    test('with a wrong password, or no file of one', async () => {
      const { passwordFile } = postgresOptions('reader', schema);
      expect(await refusal({ passwordFile })).toBe('BAD_CONFIG');
      expect(await refusal({ passwordFile: '/nonexistent' })).toBe('BAD_CONFIG');
    });

    test('to a database that is not there, and to a port that nobody listens on', async () => {
      expect(await refusal({ database: 'nowhere' })).toBe('BAD_CONFIG');
      expect(await refusal({ port: 1 })).toBe('REGISTRY_DOWN');
    });

    test('where the certificate is not believed, is of another name, or there is no TLS', async () => {
      expect(await refusal({ ca: null })).toBe('REGISTRY_DOWN');
      expect(
        await refusal({ host: 'localhost.localdomain', port: postgresOptions('worker', schema).port }),
      ).toBe('REGISTRY_DOWN');
      expect(await refusal({ plaintext: true })).toBe('BAD_CONFIG');
    });

    test('by the registry where its tables are missing or of a newer program', async () => {
      const options = postgresOptions('worker', schema);
      expect(await failureCode(postgresRegistry({ ...options, schema: 'nowhere' }))).toBe('BAD_CONFIG');
      await asOwner(schema, 'insert into registry_versions values (1000)');
      expect(await failureCode(postgresRegistry(options))).toBe('BAD_CONFIG');
      await asOwner(schema, 'delete from registry_versions where version = 1000');
    });
  });

  test('a password that was changed is read again for the next connection', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'callseal-password-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'first\n');
    const user = `t_${randomBytes(6).toString('hex')}`;
    await asSuperuser(`create role ${user} login password 'first' in role callseal_worker`);
    onTestFinished(async () => void (await asSuperuser(`drop role ${user}`)));
    const database = await connected({ user, passwordFile, pool: 1 });
    await asSuperuser(`alter role ${user} password 'second'`);
    writeFileSync(passwordFile, 'second\n');
    const [row] = await database.query('select pg_backend_pid()::bigint as pid');
    await asSuperuser(`select pg_terminate_backend(${String(row?.['pid'])})`);
    await database.query('select 1').catch(() => undefined);
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('a new connection is looked at before anything runs on it; where that throws, it is not used', async () => {
    const seen: unknown[] = [];
    let isGood = true;
    const database = await connected({
      pool: 1,
      onConnect: async (connection) => {
        seen.push((await connection.query('select pg_backend_pid()::bigint as pid'))[0]?.['pid']);
        if (!isGood) throw new DatabaseError('no good', 0, 'error');
      },
    });
    const [row] = await database.query('select pg_backend_pid()::bigint as pid');
    expect(seen).toEqual([row?.['pid']]);
    isGood = false;
    await asSuperuser(`select pg_terminate_backend(${String(row?.['pid'])})`);
    await database.query('select 1').catch(() => undefined);
    expect(await failureCode(database.query('select 1'))).toBe('REGISTRY_DOWN');
    expect(seen.length).toBeGreaterThan(1);
  });

  test('nothing is decided while the registry is declared to have gone back, and nothing after', async () => {
    const [declaring, deciding] = [await connected(), await connected()];
    const registry = sqlRegistry(deciding);
    const inDecision = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const held = deciding.transaction('t-1', async (sql) => {
      await sql.query('select 1');
      inDecision.resolve();
      await mayEnd.promise;
      return await sql.query('select went_back from meta');
    });
    await inDecision.promise;
    const { call: _, ...unreadable } = proposal(sealing({ origin: place(200) }), PARK);
    const declared = sqlRegistry(declaring).declareWentBack([], migrationFact(), never);
    const waiting = `select count(*)::int as found from pg_locks where locktype = 'advisory' and not granted`;
    await vi.waitFor(async () => expect(await asSuperuser(waiting)).toEqual([{ found: 1 }]), {
      timeout: 10_000,
    });
    mayEnd.resolve();
    expect(await held).toEqual([{ went_back: 0n }]);
    await declared;
    expect(await failureCode(registry.decide(unreadable, never))).toBe('REGISTRY_WENT_BACK');
  });
});
