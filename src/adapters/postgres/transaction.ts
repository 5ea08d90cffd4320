import { type ClientBase, escapeLiteral } from 'pg';
import { CallsealError } from '../../domain/errors.ts';
import type { Sql, SqlRow, SqlValue } from '../registry/sql.ts';
import { isRefusedCommit, translated } from './failures.ts';

/**
 * Every transaction of the registry holds this lock together with the others; whoever changes the registry's state
 * row (a restore was noticed or accepted) takes it alone, so no transaction is half before and half after.
 */
const TOGETHER = `pg_advisory_xact_lock_shared(hashtextextended('callseal ' || current_schema(), 0))`;

/**
 * One transaction on a connection.
 *
 * @returns what `work` returned
 * @throws CallsealError COMMIT_UNKNOWN - COMMIT was sent, and what became of it is not known
 * @throws Conflict - nothing was committed, it may be tried again
 */
export async function inTransaction<T>(
  client: ClientBase,
  tenant: string,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  try {
    await client.query(beginText(tenant));
  } catch (cause) {
    throw translated(cause);
  }
  const value = await work({ query: async (text, values) => await rowsOf(client, text, values) });
  await commit(client);
  return value;
}

/** One statement in a transaction of its own, all of it sent at once: one round trip. */
export async function alone(
  client: ClientBase,
  tenant: string,
  text: string,
  values: readonly SqlValue[],
): Promise<readonly SqlRow[]> {
  const [begun, answered, committed] = await Promise.allSettled([
    client.query(beginText(tenant)),
    rowsOf(client, text, values),
    commit(client),
  ]);
  if (begun.status === 'rejected') throw translated(begun.reason);
  if (answered.status === 'rejected') throw answered.reason;
  if (committed.status === 'rejected') throw committed.reason;
  return answered.value;
}

function beginText(tenant: string): string {
  const scope = `set_config('callseal.tenant', ${escapeLiteral(tenant)}, true)`;
  return `begin isolation level read committed; select ${scope}, ${TOGETHER}`;
}

async function rowsOf(
  client: ClientBase,
  text: string,
  values: readonly SqlValue[] = [],
): Promise<readonly SqlRow[]> {
  try {
    return (await client.query<SqlRow>(text, [...values])).rows;
  } catch (cause) {
    throw translated(cause);
  }
}

async function commit(client: ClientBase): Promise<void> {
  const warnings: string[] = [];
  const onNotice = ({ code }: { readonly code?: string | undefined }): void => {
    if (code !== undefined) warnings.push(code);
  };
  client.on('notice', onNotice);
  try {
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') {
      throw new CallsealError('BUG', 'a transaction was rolled back where it should commit');
    }
  } catch (cause) {
    if (cause instanceof CallsealError || isRefusedCommit(cause)) throw translated(cause);
    throw commitUnknown(cause);
  } finally {
    client.off('notice', onNotice);
  }
  // "canceling wait for synchronous replication": it is committed here and perhaps nowhere else.
  if (warnings.includes('01000')) throw commitUnknown(undefined);
}

function commitUnknown(cause: unknown): CallsealError {
  return new CallsealError('COMMIT_UNKNOWN', 'the database did not say whether it committed', { cause });
}
