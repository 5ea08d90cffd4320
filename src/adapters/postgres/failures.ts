import { DatabaseError } from 'pg';
import { CallsealError } from '../../domain/errors.ts';

/** Another transaction was in the way and nothing was committed: the whole transaction may be tried again. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}

/** SQLSTATEs, or their classes of two characters, by what a delivery should do about them. */
const CONFLICT = ['40001', '40P01'];
const DAMAGED = ['XX001', 'XX002'];
/** Connection, resources, operator's hand, system: and a query or a lock that took too long, or a read-only standby. */
const DOWN = ['08', '53', '57', '58', '55P03', '25006', '28', '3D000'];

/**
 * What a delivery should do about a failed statement. A wrong statement or a missing right is a defect of ours and
 * stays what it is; what is no answer of the server means that the connection is gone.
 */
export function translated(cause: unknown): unknown {
  if (cause instanceof CallsealError) return cause;
  const state = stateOf(cause);
  if (state === undefined) return down('the connection to the database was lost', cause);
  if (isOneOf(state, CONFLICT)) return new Conflict(`the database found a conflict (${state})`, { cause });
  if (isOneOf(state, DAMAGED)) {
    return new CallsealError('REGISTRY_DAMAGED', `the database found damage in its files (${state})`, {
      cause,
      hint: 'stop every callseal process, keep the database as it is, and look into the server log',
    });
  }
  if (isOneOf(state, DOWN)) return down(`the database cannot be used now (${state})`, cause);
  return cause;
}

/** Whether the server itself said, in answer to COMMIT, that the transaction is gone. */
export function isRefusedCommit(cause: unknown): boolean {
  const state = stateOf(cause);
  // A conflict found at the end, a constraint that was deferred, a transaction that had failed before. Not 40003.
  return state !== undefined && isOneOf(state, [...CONFLICT, '23', '25P02']);
}

/** What is wrong with a new connection, in words; `code` is BAD_CONFIG while the program opens. */
export function connectFailure(cause: unknown, code: 'BAD_CONFIG' | 'REGISTRY_DOWN'): CallsealError {
  if (cause instanceof CallsealError) return cause;
  const state = stateOf(cause);
  if (state !== undefined && isOneOf(state, ['28', '42501'])) {
    return new CallsealError(code, 'the database does not let this user in', {
      cause,
      hint: 'look at the user and the password file: registry.user, registry.passwordFile, or --user, --password-file',
    });
  }
  if (state === '3D000') return new CallsealError(code, 'there is no such database', { cause });
  if (state !== undefined) return down(`the database takes no connection now (${state})`, cause);
  const reason = networkCode(cause);
  const why = reason === '' ? '' : ` (${reason})`;
  return down(`the database cannot be reached${why}`, cause, tlsHint(cause));
}

function tlsHint(cause: unknown): string | undefined {
  if (/CERT|ERR_TLS|ERR_SSL|VERIFY/.test(networkCode(cause))) {
    return 'TLS failed: look at registry.ca, the name in the server certificate and registry.minVersion';
  }
  const hasNoTls = cause instanceof Error && cause.message.includes('does not support SSL');
  return hasNoTls ? 'the server speaks no TLS: turn ssl on there' : undefined;
}

/** `ECONNREFUSED`, `SELF_SIGNED_CERT_IN_CHAIN`, …, or nothing. */
function networkCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function down(message: string, cause: unknown, hint?: string): CallsealError {
  return new CallsealError('REGISTRY_DOWN', message, { cause, ...(hint === undefined ? {} : { hint }) });
}

function stateOf(cause: unknown): string | undefined {
  return cause instanceof DatabaseError ? cause.code : undefined;
}

function isOneOf(state: string, states: readonly string[]): boolean {
  return states.some((one) => state.startsWith(one));
}
