import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openPostgres, type PostgresOptions } from '../../src/adapters/postgres/connection.ts';
import type { SqlDatabase } from '../../src/adapters/registry/sql.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import type { CrashPoint } from '../../src/domain/crash-points.ts';
import { failureCode } from '../contract/failure-code.ts';
import { never, open, place, sealing, sealProposal } from '../contract/registry-proposals.ts';
import { isUp, servicesEnv, whatIsMissing } from '../services/env.ts';
import { asSuperuser, migratedSchema, postgresOptions } from '../services/postgres-schema.ts';

/** A server of its own, since what is killed here would take the connections of every other suite with it. */
const CHECKOUT = join(import.meta.dirname, '../..');
const BASE = 2000 + Number(env['CALLSEAL_SERVICES_BASE'] ?? 0);
const HOME = join(CHECKOUT, `.services/base-${BASE}`);
const missing = await whatIsMissing('postgres');

function services(word: 'up' | 'down'): void {
  const only = word === 'up' ? ['--only', 'postgres'] : [];
  execFileSync(join(CHECKOUT, 'scripts/services'), [word, ...only, '--base', String(BASE)], {
    stdio: 'pipe',
  });
}

/** Backends outlive a postmaster that was killed, for as long as they have something to do. */
function killWithChildren(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  for (const one of [pid, ...children.map(Number)]) process.kill(one, 'SIGKILL');
}

describe.skipIf(missing)(`kill -9 of PostgreSQL ${missing ?? ''}`, () => {
  let schema: string;
  beforeAll(async () => {
    services('up');
    schema = await migratedSchema(BASE);
  });
  afterAll(() => {
    services('down');
    rmSync(HOME, { recursive: true, force: true });
  });

  async function connected(changes: Partial<PostgresOptions> = {}): Promise<SqlDatabase> {
    const database = await openPostgres({ ...postgresOptions('worker', schema, BASE), pool: 1, ...changes });
    onTestFinished(async () => await database.close());
    return database;
  }
  function at(point: CrashPoint, act: () => void): void {
    let done = false;
    globalThis.callsealCrashHook = (reached) => {
      if (reached !== point || done) return;
      done = true;
      act();
    };
    onTestFinished(() => {
      globalThis.callsealCrashHook = undefined;
    });
  }
  const backendOf = async (database: SqlDatabase): Promise<number> =>
    Number((await database.query('select pg_backend_pid()::bigint as pid'))[0]?.['pid']);
  const answersAgain = async (): Promise<void> =>
    await vi.waitFor(async () => void (await asSuperuser('select 1', BASE)), {
      timeout: 30_000,
      interval: 200,
    });

  test('a backend that dies inside the decision leaves nothing of it, and the attempt can win afterwards', async () => {
    const database = await connected();
    const registry = sqlRegistry(database);
    const of = sealing({ origin: place(1) });
    const wanted = sealProposal(of, await open(registry, of));
    const backend = await backendOf(database);
    at('in-decision', () => process.kill(backend, 'SIGKILL'));
    // It had sent COMMIT before it could see that nobody was there to hear it.
    expect(['COMMIT_UNKNOWN', 'REGISTRY_DOWN']).toContain(await failureCode(registry.decide(wanted, never)));
    await answersAgain();
    const fresh = sqlRegistry(await connected());
    expect(await fresh.answerOf({ ...of, deliveredDigest: of.digest }, never)).toBeUndefined();
    expect(await fresh.decide(wanted, never)).toMatchObject({ adopted: false, row: { answer: 'sealed' } });
  });

  test('a server that dies keeps what it acknowledged, and half a decision of nobody', async () => {
    const acknowledged: string[] = [];
    const postmaster = Number.parseInt(readFileSync(join(servicesEnv(BASE).run, 'postgres.pid'), 'utf8'), 10);
    const registry = sqlRegistry(await connected({ pool: 4 }));
    let decisions = 0;
    globalThis.callsealCrashHook = (point) => {
      if (point === 'in-decision' && ++decisions === 25) killWithChildren(postmaster);
    };
    onTestFinished(() => {
      globalThis.callsealCrashHook = undefined;
    });
    const lane = async (first: number): Promise<void> => {
      for (let offset = first; offset < first + 100; offset += 4) {
        const of = sealing({ origin: place(offset), call: `c-${offset}` });
        const decided = await registry.decide(sealProposal(of, await open(registry, of)), never);
        if (decided.kind === 'answered') acknowledged.push(decided.row.uid);
      }
    };
    const ends = await Promise.allSettled([100, 101, 102, 103].map(lane));
    expect(ends.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
    expect(acknowledged.length).toBeGreaterThan(10);
    await vi.waitFor(async () => expect(await isUp('postgres', BASE)).toBe(false), { timeout: 30_000 });
    // The number of a dead process that nobody has waited for yet is still taken: the new server would take it for alive.
    rmSync(join(HOME, 'data/postgres/cluster/postmaster.pid'));
    services('up');
    await answersAgain();

    const database = await connected();
    const answers = await sqlRegistry(database).answers({ limit: 1_000 }, never);
    expect(answers.map(({ uid }) => uid)).toEqual(expect.arrayContaining(acknowledged));
    const [halves] = await database.query(
      `select (select count(*) from answers where answer = 'sealed') as answers, (select count(*) from receipts) as receipts,
         (select count(*) from call_keys) as keys, (select count(*) from attempts where state = 'won') as won`,
      [],
      '*',
    );
    const { answers: sealed } = halves ?? {};
    expect(halves).toEqual({ answers: sealed, receipts: sealed, keys: sealed, won: sealed });
  });

  describe('with a synchronous standby that is away', () => {
    beforeAll(async () => {
      await asSuperuser(`alter system set synchronous_standby_names = 'away'`, BASE);
      await asSuperuser('select pg_reload_conf()', BASE);
    });
    afterAll(async () => {
      await asSuperuser('alter system reset synchronous_standby_names', BASE);
      await asSuperuser('select pg_reload_conf()', BASE);
    });
    const write = async (database: SqlDatabase, tenant: string): Promise<unknown> =>
      await database.transaction(
        tenant,
        async (sql) => await sql.query('insert into tenants (tenant) values ($1)', [tenant]),
      );

    test('COMMIT is never cut short by the statement timeout: nobody sees it before the standby has it', async () => {
      const impatient = await connected({ timeouts: { statementMs: 200, replyMs: 2_000 } });
      expect(await failureCode(write(impatient, 't-1'))).toBe('COMMIT_UNKNOWN');
      const seen = await (await connected()).query(
        `select tenant from tenants where tenant = 't-1'`,
        [],
        '*',
      );
      expect(seen).toEqual([]);
    });

    test('a wait that somebody cut short is COMMIT_UNKNOWN, though the server answers COMMIT', async () => {
      const database = await connected();
      const backend = await backendOf(database);
      const written = failureCode(write(database, 't-2'));
      const isWaiting = `select wait_event from pg_stat_activity where pid = ${backend}`;
      await vi.waitFor(
        async () => expect(await asSuperuser(isWaiting, BASE)).toEqual([{ wait_event: 'SyncRep' }]),
        { timeout: 30_000 },
      );
      await asSuperuser(`select pg_cancel_backend(${backend})`, BASE);
      expect(await written).toBe('COMMIT_UNKNOWN');
    });
  });
});
