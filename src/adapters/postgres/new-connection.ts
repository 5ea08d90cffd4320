import type { ClientBase } from 'pg';
import { CallsealError } from '../../domain/errors.ts';

/**
 * What every new connection must be, also after a failover: of a role that row-level security holds for, on a server
 * that writes, and one that says "committed" only when it is.
 *
 * @param code - of the refusal: BAD_CONFIG while the program opens, REGISTRY_DOWN in a program that runs
 * @throws CallsealError
 */
export async function refuseUnsafe(client: ClientBase, code: 'BAD_CONFIG' | 'REGISTRY_DOWN'): Promise<void> {
  const { rows } = await client.query<Record<string, string>>(
    `select rolsuper::text as superuser, rolbypassrls::text as bypasses,
       current_setting('synchronous_commit') as synchronous_commit, pg_is_in_recovery()::text as standby
     from pg_roles where rolname = current_user`,
  );
  const found = rows[0];
  if (found?.['superuser'] !== 'false') {
    throw new CallsealError(code, 'the registry is never opened as a superuser', { hint: ROLE_HINT });
  }
  if (found['bypasses'] !== 'false') {
    throw new CallsealError(code, 'the registry is never opened by a role with BYPASSRLS', {
      hint: ROLE_HINT,
    });
  }
  if (found['synchronous_commit'] === 'off') {
    throw new CallsealError(code, 'synchronous_commit is off: the database would lose what it acknowledged', {
      hint: 'alter system set synchronous_commit = on; select pg_reload_conf(); and look at alter role, alter database',
    });
  }
  if (found['standby'] === 'true') {
    throw new CallsealError('REGISTRY_DOWN', 'the database is a standby: it only reads');
  }
}

const ROLE_HINT = 'use callseal_worker, callseal_operator or callseal_reader (docs/registry.md)';
