import { KEY_CLASSES } from '../../domain/artifacts.ts';
import type { Tombstone } from '../../ports/registry.ts';
import { text, word } from './rows.ts';
import type { Sql } from './sql.ts';

/** Every call of the tenant, or every class of the call: no id may hold this character. */
const ALL = '*';

/** Leaves the tombstone and deletes every wrapped key under it. @returns how many keys */
export async function applyTombstone(sql: Sql, tombstone: Tombstone): Promise<number> {
  const { tenant, call = ALL, keyClass = ALL, at } = tombstone;
  await sql.query(
    `insert into tombstones (tenant, call, key_class, at) values ($1, $2, $3, $4)
     on conflict (tenant, call, key_class) do nothing`,
    [tenant, call, keyClass, at],
  );
  const where = ['tenant = $1'];
  const values = [tenant];
  if (call !== ALL) where.push(`call = $${values.push(call)}`);
  if (keyClass !== ALL) where.push(`key_class = $${values.push(keyClass)}`);
  const deleted = await sql.query(
    `delete from call_keys where ${where.join(' and ')} returning name`,
    values,
  );
  return deleted.length;
}

export async function readTombstones(sql: Sql, newest?: number): Promise<Tombstone[]> {
  const limit = newest === undefined ? '' : 'limit $1';
  const rows = await sql.query(
    `select tenant, call, key_class, at from tombstones order by at desc, tenant desc, call desc ${limit}`,
    newest === undefined ? [] : [newest],
  );
  return rows.toReversed().map((row) => {
    const call = text(row, 'call');
    const keyClass = word(row, 'key_class', [ALL, ...KEY_CLASSES]);
    return {
      tenant: text(row, 'tenant'),
      ...(call === ALL ? {} : { call }),
      ...(keyClass === ALL ? {} : { keyClass }),
      at: text(row, 'at'),
    };
  });
}
