import { CallsealError } from '../../domain/errors.ts';
import { bad, clockFinding, down, type Finding, loud, ok } from '../../domain/findings.ts';
import { openPostgres, type PostgresOptions } from '../postgres/connection.ts';
import { probeTls } from '../tls/probe.ts';
import { checkPostgres } from './postgres-check.ts';
import { OWNER } from './postgres-tables.ts';
import { int, text } from './rows.ts';
import type { SqlDatabase } from './sql.ts';

/**
 * The registry's database as the worker's role opens it. Reads only.
 *
 * @throws the signal's reason
 */
export async function probePostgres(options: PostgresOptions, signal: AbortSignal): Promise<Finding[]> {
  const { host, port, ca, minVersion, plaintext = false } = options;
  const tls = plaintext
    ? undefined
    : await probeTls({ host, port, ca, minVersion, protocol: 'postgres' }, signal);
  if (tls?.usable === false) return [...tls.findings];
  return [...(tls?.findings ?? []), ...(await insideOf(options, signal))];
}

async function insideOf(options: PostgresOptions, signal: AbortSignal): Promise<Finding[]> {
  let database: SqlDatabase;
  try {
    database = await openPostgres({ ...options, pool: 1 });
  } catch (error) {
    return [failure('login', error)];
  }
  try {
    signal.throwIfAborted();
    const { plaintext = false } = options;
    // The handshake has told about TLS already, before a password was sent.
    const checked = (await checkPostgres(database)).filter(({ name }) => plaintext || name !== 'tls');
    return [await login(database), await clock(database), ...checked];
  } catch (error) {
    signal.throwIfAborted();
    return [failure('check', error)];
  } finally {
    await database.close();
  }
}

async function login(database: SqlDatabase): Promise<Finding> {
  const [row] = await database.query(
    `select current_user::text as name, coalesce(pg_has_role(current_user, to_regrole($1), 'member'), false)::text as owns`,
    [OWNER],
  );
  const user = row ? text(row, 'name') : 'unknown';
  return row && text(row, 'owns') === 'true'
    ? loud(
        'login',
        `${user} owns the tables: it may change what it should only use`,
        'set registry.user to callseal_worker',
      )
    : ok('login', `as ${user}: no superuser, no BYPASSRLS`);
}

async function clock(database: SqlDatabase): Promise<Finding> {
  const asked = Date.now();
  const [row] = await database.query(
    'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now',
  );
  if (!row) throw new CallsealError('REGISTRY_DOWN', 'the database does not say what time it is');
  return clockFinding((asked + Date.now()) / 2 - int(row, 'now'));
}

function failure(name: string, error: unknown): Finding {
  if (!(error instanceof CallsealError))
    return bad(
      name,
      'the database answered in a way that is not known',
      'callseal registry check, and see its log',
    );
  const hint = error.hint ?? 'look at the registry block, and at the database: docs/registry.md';
  return error.code === 'REGISTRY_DOWN' ? down(name, error.message, hint) : bad(name, error.message, hint);
}
