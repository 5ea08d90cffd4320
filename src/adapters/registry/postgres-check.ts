import type { RegistryFinding } from '../../ports/registry-admin.ts';
import { SCHEMA_VERSION } from './migrate.ts';
import { policiesOf, ROLES, type Role, rightsOf, TABLES } from './postgres-tables.ts';
import { tablesVersion } from './postgres-version.ts';
import { text, textOrNone } from './rows.ts';
import type { Sql, SqlDatabase } from './sql.ts';

const MIGRATE = 'callseal registry migrate --user callseal_owner --password-file FILE';

/** Looks at everything that the promises of the registry rest on; changes nothing. */
export async function checkPostgres(database: SqlDatabase): Promise<RegistryFinding[]> {
  return await database.transaction(undefined, async (sql) => {
    const version = await tablesVersion(sql);
    return [
      versionFinding(version),
      await transport(sql),
      await roles(sql),
      ...(version === 0 ? [] : [await rowSecurity(sql), await policies(sql), await rights(sql)]),
      await synchronousCommit(sql),
      await standby(sql),
      await durability(sql),
    ];
  });
}

function versionFinding(found: number): RegistryFinding {
  const name = 'tables';
  if (found === SCHEMA_VERSION) return ok(name, `version ${found}`);
  const hint = found > SCHEMA_VERSION ? 'run the newer callseal that last wrote this registry' : MIGRATE;
  return bad(name, `version ${found}, this program needs ${SCHEMA_VERSION}`, hint);
}

async function transport(sql: Sql): Promise<RegistryFinding> {
  const [row] = await sql.query('select version, cipher from pg_stat_ssl where pid = pg_backend_pid()');
  const version = row && textOrNone(row, 'version');
  return version === undefined
    ? loud('tls', 'no TLS: passwords and wrapped keys travel in clear', 'only loopback may do without')
    : ok('tls', `${version}, ${(row && textOrNone(row, 'cipher')) ?? 'unknown cipher'}`);
}

async function roles(sql: Sql): Promise<RegistryFinding> {
  const rows = await sql.query(
    `select rolname::text as name, (rolsuper or rolbypassrls)::text as mighty from pg_roles
     where rolname = any (string_to_array($1, ' '))`,
    [['callseal_owner', ...ROLES].join(' ')],
  );
  const missing = ROLES.filter((role) => !rows.some((row) => text(row, 'name') === role));
  const mighty = rows.filter((row) => text(row, 'mighty') === 'true').map((row) => text(row, 'name'));
  if (missing.length > 0) return bad('roles', `missing: ${missing.join(', ')}`, 'docs/registry.md, "Roles"');
  if (mighty.length > 0) {
    const hint = mighty.map((role) => `alter role ${role} nosuperuser nobypassrls`).join('; ');
    return bad('roles', `row-level security does not hold for ${mighty.join(', ')}`, hint);
  }
  return ok('roles', 'none is superuser or has BYPASSRLS');
}

/** Every table with a column `tenant`, also one that this program does not know. */
async function rowSecurity(sql: Sql): Promise<RegistryFinding> {
  const rows = await sql.query(
    `select c.relname::text as name, (c.relrowsecurity and c.relforcerowsecurity)::text as forced
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
     where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace order by 1`,
  );
  const open = rows.filter((row) => text(row, 'forced') !== 'true').map((row) => text(row, 'name'));
  return open.length === 0
    ? ok('row-level security', `forced on ${rows.length} tables with tenants`)
    : bad('row-level security', `not forced on ${open.join(', ')}`, MIGRATE);
}

/** One policy that nobody asked for opens a table: several are joined by `or`. */
async function policies(sql: Sql): Promise<RegistryFinding> {
  const rows = await sql.query(
    `select tablename::text as name, policyname::text as policy, cmd, permissive, array_to_string(roles, ' ') as roles,
       qual, with_check from pg_policies where schemaname = current_schema()`,
  );
  const found = new Map<string, string[]>();
  for (const row of rows) {
    const { policy, cmd, permissive, roles: to, qual, with_check: check } = row;
    const name = text(row, 'name');
    found.set(name, [...(found.get(name) ?? []), JSON.stringify([policy, cmd, permissive, to, qual, check])]);
  }
  const wrong = Object.entries(TABLES).filter(([name, table]) => {
    const wanted = policiesOf(table).map(({ name: policy, command, using, check }) =>
      JSON.stringify([policy, command, 'PERMISSIVE', 'public', using, check]),
    );
    return (found.get(name) ?? []).toSorted().join() !== wanted.toSorted().join();
  });
  return wrong.length === 0
    ? ok('policies', 'as they should be')
    : bad('policies', `not ours on ${wrong.map(([name]) => name).join(', ')}`, MIGRATE);
}

async function rights(sql: Sql): Promise<RegistryFinding> {
  const wrong: string[] = [];
  for (const role of ROLES) {
    const found = await rightsFound(sql, role);
    for (const [name, table] of Object.entries(TABLES)) {
      const has = (found.get(name) ?? []).toSorted().join(', ');
      const wanted = rightsOf(role, table).toSorted().join(', ');
      if (has !== wanted)
        wrong.push(`${role} on ${name}: ${has || 'nothing'} instead of ${wanted || 'nothing'}`);
    }
    for (const name of found.keys()) if (!(name in TABLES)) wrong.push(`${role} on ${name}: not ours`);
  }
  return wrong.length === 0
    ? ok('rights', `as they should be, for ${ROLES.length} roles`)
    : bad('rights', wrong.join('; '), MIGRATE);
}

/** By asking the server what the role could do, however it came by it: a group, or everybody's rights. */
async function rightsFound(sql: Sql, role: Role): Promise<Map<string, string[]>> {
  const rows = await sql.query(
    `select c.relname::text as name, p.privilege as may from pg_class c
       cross join unnest(array['select', 'insert', 'delete', 'update', 'truncate', 'trigger', 'references']) as p (privilege)
       where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
         and has_table_privilege($1, c.oid, p.privilege)
     union all
     select c.relname::text, 'update(' || a.attname || ')' from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
         and has_column_privilege($1, c.oid, a.attnum, 'update') and not has_table_privilege($1, c.oid, 'update')`,
    [role],
  );
  const found = new Map<string, string[]>();
  for (const row of rows) {
    const name = text(row, 'name');
    found.set(name, [...(found.get(name) ?? []), text(row, 'may')]);
  }
  return found;
}

async function synchronousCommit(sql: Sql): Promise<RegistryFinding> {
  const name = 'synchronous_commit';
  const value = await setting(sql, name);
  const hint = 'alter system set synchronous_commit = on; select pg_reload_conf()';
  if (value === 'off') return bad(name, 'off: what was acknowledged can be lost', hint);
  if (value === 'local') return loud(name, 'local: no commit waits for a standby', hint);
  return ok(name, value);
}

async function standby(sql: Sql): Promise<RegistryFinding> {
  const names = await setting(sql, 'synchronous_standby_names');
  return names === ''
    ? loud(
        'standby',
        'no synchronous standby: when this machine is lost, so are the wrapped keys of the last calls',
        'set synchronous_standby_names, and keep backups: docs/registry.md, "What is promised"',
      )
    : ok('standby', `commits wait for ${names}`);
}

async function durability(sql: Sql): Promise<RegistryFinding> {
  const off: string[] = [];
  for (const name of ['fsync', 'full_page_writes']) if ((await setting(sql, name)) !== 'on') off.push(name);
  return off.length === 0
    ? ok('durability', 'fsync and full_page_writes are on')
    : bad(
        'durability',
        `${off.join(' and ')} off: a crash of the machine damages the database`,
        'turn it on',
      );
}

async function setting(sql: Sql, name: string): Promise<string> {
  const [row] = await sql.query('select current_setting($1) as value', [name]);
  return row ? text(row, 'value') : '';
}

function ok(name: string, finding: string): RegistryFinding {
  return { name, status: 'ok', finding };
}

function bad(name: string, finding: string, hint: string): RegistryFinding {
  return { name, status: 'bad', finding, hint };
}

function loud(name: string, finding: string, hint: string): RegistryFinding {
  return { name, status: 'loud', finding, hint };
}
