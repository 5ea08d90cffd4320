import { readFile } from 'node:fs/promises';
import { setTimeout as rest } from 'node:timers/promises';
import type { SecureVersion } from 'node:tls';
import { type ClientBase, type CustomTypesConfig, Pool, type PoolConfig, types } from 'pg';
import { CallsealError } from '../../domain/errors.ts';
import { ALL_TENANTS, type SqlDatabase } from '../registry/sql.ts';
import { Conflict, connectFailure, translated } from './failures.ts';
import { refuseUnsafe } from './new-connection.ts';
import { alone, inTransaction } from './transaction.ts';

export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Read again for every new connection, so that a password can be changed. */
  readonly passwordFile?: string | undefined;
  /** PEM file of the authorities that are trusted; those of Node.js where there is none. */
  readonly ca?: string | null | undefined;
  readonly minVersion?: SecureVersion | undefined;
  /** No TLS. Whether that is allowed is decided by the settings: on loopback only. */
  readonly plaintext?: boolean | undefined;
  /** Most connections. */
  readonly pool: number;
  /** Where the tables are. */
  readonly schema?: string | undefined;
  readonly timeouts?: Partial<PostgresTimeouts>;
  /** Runs on every new connection before anything else does; where it throws, the connection is not used. */
  readonly onConnect?: (connection: SqlDatabase) => Promise<void>;
}

/** In milliseconds; 0 is none. */
export interface PostgresTimeouts {
  /** Until there is a connection: a free one or a new one. */
  readonly connectMs: number;
  /** On the server, for one statement. COMMIT is not meant: PostgreSQL never cuts a wait for its standby short by it. */
  readonly statementMs: number;
  /** On the server, for one lock. */
  readonly lockMs: number;
  /** Here, for one reply, COMMIT's too: then the connection is given up. */
  readonly replyMs: number;
}

const TIMEOUTS: PostgresTimeouts = {
  connectMs: 10_000,
  statementMs: 30_000,
  lockMs: 15_000,
  replyMs: 45_000,
};

/** A transaction that met a conflict is tried so often; deadlocks need two who do it at the same time. */
const TRIES = 5;
const IDLE_MS = 60_000;
/** Connections are made anew, so that what is checked on a new one is checked again. */
const LIFETIME_SECONDS = 1_800;

/**
 * A pool of connections to PostgreSQL, verified by TLS. Every statement is in a transaction that says whose rows it
 * meets (docs/registry.md, "Whose rows").
 *
 * @throws CallsealError BAD_CONFIG - wrong password, no such database, a superuser, `synchronous_commit=off`
 * @throws CallsealError REGISTRY_DOWN - it cannot be reached, or its certificate is not believed
 */
export async function openPostgres(options: PostgresOptions): Promise<SqlDatabase> {
  let isOpen = false;
  const code = (): 'BAD_CONFIG' | 'REGISTRY_DOWN' => (isOpen ? 'REGISTRY_DOWN' : 'BAD_CONFIG');
  const inspect = async (client: ClientBase): Promise<void> => {
    await refuseUnsafe(client, code());
    await options.onConnect?.(databaseOn(async (work) => await work(client)));
  };
  const pool = new Pool({
    ...(await poolOptions(options)),
    verify: (client, ready) => void inspect(client).then(() => ready(), ready),
  });
  // A connection that breaks while nobody waits for a reply: the next statement on it says so.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));

  const database = databaseOn(async (work) => {
    const client = await pool.connect().catch((cause: unknown) => {
      throw connectFailure(cause, code());
    });
    let isClean = false;
    try {
      const value = await work(client);
      isClean = true;
      return value;
    } catch (error) {
      isClean = !isLost(error) && (await rollBack(client));
      throw error;
    } finally {
      client.release(!isClean);
    }
  });
  const opened = { ...database, close: async () => await pool.end() };
  try {
    await opened.query('select 1');
    isOpen = true;
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function poolOptions(options: PostgresOptions): Promise<PoolConfig> {
  const { host, port, database, user, passwordFile, schema = 'public' } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  return {
    host,
    port,
    database,
    user,
    ...(passwordFile === undefined ? {} : { password: async () => await secretOf(passwordFile) }),
    ssl: options.plaintext ? false : await tlsOptions(options),
    enableChannelBinding: true,
    pipeline: true,
    application_name: 'callseal',
    options: `-c search_path=${schema} -c client_min_messages=warning`,
    types: TYPES,
    max: options.pool,
    idleTimeoutMillis: IDLE_MS,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    connectionTimeoutMillis: timeouts.connectMs,
    statement_timeout: timeouts.statementMs,
    lock_timeout: timeouts.lockMs,
    idle_in_transaction_session_timeout: timeouts.statementMs,
    query_timeout: timeouts.replyMs,
    keepAlive: true,
  };
}

async function tlsOptions({ host, ca, minVersion = 'TLSv1.3' }: PostgresOptions) {
  // `host` is what the certificate is checked against, an address too.
  const checked = { host, rejectUnauthorized: true, minVersion };
  return typeof ca === 'string'
    ? { ...checked, ca: await fileOf(ca, 'file of trusted authorities') }
    : checked;
}

async function secretOf(path: string): Promise<string> {
  return (await fileOf(path, 'password file')).trim();
}

async function fileOf(path: string, what: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CallsealError('BAD_CONFIG', `the ${what} of the registry cannot be read`, { cause });
  });
}

type Use = <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;

function databaseOn(use: Use): SqlDatabase {
  return {
    query: async (text, values = [], tenant = '') =>
      await sayingDown(
        async () =>
          await tryingAgain(
            async () => await use(async (client) => await alone(client, tenant, text, values)),
          ),
      ),
    transaction: async (tenant, work) =>
      await tryingAgain(
        async () => await use(async (client) => await inTransaction(client, tenant ?? ALL_TENANTS, work)),
      ),
    script: async (text) => {
      await use(async (client) => {
        await client.query(text).catch((cause: unknown) => {
          throw translated(cause);
        });
      });
    },
    close: async () => undefined,
  };
}

async function tryingAgain<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      if (tries === TRIES) {
        throw new CallsealError('REGISTRY_DOWN', 'the database finds a conflict each time', { cause: error });
      }
      await rest(Math.random() * 20 * 2 ** tries);
    }
  }
}

/** Single statements are all made to be asked again, so not knowing is the same as not having happened. */
async function sayingDown<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CallsealError) || error.code !== 'COMMIT_UNKNOWN') throw error;
    throw new CallsealError('REGISTRY_DOWN', error.message, { cause: error });
  }
}

function isLost(error: unknown): boolean {
  return error instanceof CallsealError && ['COMMIT_UNKNOWN', 'REGISTRY_DOWN'].includes(error.code);
}

async function rollBack(client: ClientBase): Promise<boolean> {
  return await client.query('rollback').then(
    () => true,
    () => false,
  );
}

/** A plain array, as SQLite gives: a Buffer would be one only almost. */
function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.slice('\\x'.length), 'hex'));
}

const TYPES: CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    if (oid === types.builtins.INT8) return BigInt;
    if (oid === types.builtins.BYTEA) return bytesOf;
    return types.getTypeParser(oid, format);
  },
};
