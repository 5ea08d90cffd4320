import { int } from './rows.ts';
import type { Sql } from './sql.ts';

/** @returns 0 where there are no tables yet */
export async function tablesVersion(sql: Sql): Promise<number> {
  const [known] = await sql.query(`select to_regclass('registry_versions')::text as found`);
  if (known?.['found'] === null) return 0;
  const [row] = await sql.query('select coalesce(max(version), 0) as version from registry_versions');
  return row ? int(row, 'version') : 0;
}
