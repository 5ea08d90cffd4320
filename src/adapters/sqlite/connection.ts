import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallsealError } from '../../domain/errors.ts';
import type { Sql, SqlDatabase, SqlRow, SqlValue } from '../registry/sql.ts';

/** So long a lock of another process or connection is waited for. */
const BUSY_LIMIT_MS = 15_000;
const BUSY_DELAYS_MS = [1, 2, 5, 10, 20];

interface SqliteOptions {
  /** What `callseal_now()` gives, in milliseconds. The machine's clock unless a test turns its own. */
  readonly now?: () => number;
}

/**
 * One connection to the embedded profile's SQLite file (WAL, synchronous=FULL: what was acknowledged survives
 * `kill -9` and a power cut).
 *
 * A transaction holds the connection to its end and everything else waits in a queue: interleaved asynchronous
 * transactions on one connection lose acknowledged rows. It always begins `immediate`: a deferred one fails at its
 * first write with SQLITE_BUSY_SNAPSHOT, whatever the busy timeout says.
 *
 * @throws CallsealError REGISTRY_DAMAGED - the file is no database, or a damaged one
 * @throws CallsealError REGISTRY_DOWN - the file cannot be opened or written
 */
export function openSqlite(path: string, options: SqliteOptions = {}): SqlDatabase {
  const database = opened(path, options.now ?? Date.now);
  const prepared = new Map<string, StatementSync>();
  let tail: Promise<unknown> = Promise.resolve();

  const run = (text: string, values: readonly SqlValue[] = []): readonly SqlRow[] => {
    try {
      let statement = prepared.get(text);
      if (!statement) prepared.set(text, (statement = database.prepare(text)));
      // Positional `$1` is not bound by position in SQLite: it is a name.
      const named = Object.fromEntries(values.map((value, i) => [`$${i + 1}`, value]));
      return statement.all(named);
    } catch (cause) {
      throw translated(cause);
    }
  };
  /** Busy is a clean no; after any other failure a later recovery may still find the commit in the log. */
  const commit = (): void => {
    try {
      database.exec('commit');
    } catch (cause) {
      if (resultOf(cause) === SQLITE_BUSY) throw translated(cause);
      throw new CallsealError('COMMIT_UNKNOWN', 'the database did not say whether it committed', { cause });
    }
  };
  const queued = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const before = tail;
    const mine = before.then(work, work);
    tail = mine.catch(() => undefined);
    return await mine;
  };
  const inTransaction: Sql = { query: async (text, values) => run(text, values) };

  return {
    query: async (text, values) => await queued(async () => await whileBusy(() => run(text, values))),
    script: async (text) =>
      await queued(
        async () =>
          await whileBusy(() => {
            try {
              database.exec(text);
            } catch (cause) {
              throw translated(cause);
            }
          }),
      ),
    transaction: async (_tenant, work) =>
      await queued(async () => {
        await whileBusy(() => run('begin immediate'));
        try {
          const value = await work(inTransaction);
          commit();
          return value;
        } catch (error) {
          if (database.isTransaction) run('rollback');
          throw error;
        }
      }),
    close: async () =>
      await queued(() => {
        prepared.clear();
        if (database.isOpen) database.close();
      }),
  };
}

/**
 * Waits for a lock without holding the event loop: SQLite's own busy handler sleeps in the thread, and where the
 * lock belongs to another connection of this process, its transaction could never come to its end.
 */
async function whileBusy<T>(work: () => T): Promise<T> {
  const until = performance.now() + BUSY_LIMIT_MS;
  for (let turn = 0; ; turn++) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CallsealError) || resultOf(error.cause) !== SQLITE_BUSY) throw error;
      if (performance.now() > until) throw error;
      await sleep(BUSY_DELAYS_MS[Math.min(turn, BUSY_DELAYS_MS.length - 1)]);
    }
  }
}

function opened(path: string, now: () => number): DatabaseSync {
  try {
    const database = new DatabaseSync(path, { timeout: BUSY_LIMIT_MS });
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;');
    database.exec('pragma busy_timeout = 0');
    // A bigint: a number would come back as a float, and so would everything that is reckoned from it.
    database.function('callseal_now', () => BigInt(now()));
    return database;
  } catch (cause) {
    throw translated(cause);
  }
}

const SQLITE_ERROR = 1;
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_CONSTRAINT = 19;
const SQLITE_MISUSE = 21;
const SQLITE_NOTADB = 26;

/** SQLite's primary result code: the low byte of `errcode`; 0 for an error that is not SQLite's. */
function resultOf(cause: unknown): number {
  const code = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) : 0;
  return code & 0xff;
}

/** What a delivery should do about it. A wrong statement is a defect of ours and stays what it is. */
function translated(cause: unknown): unknown {
  const result = resultOf(cause);
  switch (result) {
    case 0:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
      return cause;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new CallsealError('REGISTRY_DAMAGED', 'the database file is damaged or is no database', {
        cause,
        hint: 'stop every callseal process, keep the file as it is, and restore the data folder from a backup',
      });
    default:
      return new CallsealError('REGISTRY_DOWN', `the database cannot be used now (SQLite result ${result})`, {
        cause,
      });
  }
}
