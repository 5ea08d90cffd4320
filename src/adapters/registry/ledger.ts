import type { DeadLetterKey, Ledger } from '../../ports/registry.ts';
import { insertFacts } from './audit-rows.ts';
import { bytes, placeholders, text, texts } from './rows.ts';
import { acrossTenants, ofTenant, type SqlDatabase, type SqlRow } from './sql.ts';

export function ledger(database: SqlDatabase): Ledger {
  return {
    createTenant: async (tenant, fact, signal) => {
      signal.throwIfAborted();
      await database.transaction(tenant, async (sql) => {
        const made = await sql.query(
          'insert into tenants (tenant) values ($1) on conflict (tenant) do nothing returning tenant',
          [tenant],
        );
        if (made.length > 0) await insertFacts(sql, [fact]);
      });
    },
    tenants: async (signal) => {
      signal.throwIfAborted();
      const rows = await acrossTenants(database).query('select tenant from tenants order by tenant');
      return rows.map((row) => text(row, 'tenant'));
    },
    addOneCallSources: async (sources, signal) => {
      signal.throwIfAborted();
      if (sources.length === 0) return;
      await acrossTenants(database).query(
        `insert into one_call_sources (tenant, call, revision, source_key, path)
         values ${placeholders(sources.length, 5)}
         on conflict (tenant, call, revision, source_key) do update set path = excluded.path`,
        sources.flatMap(({ tenant, call, revision, key, path }) => [tenant, call, revision, key, path]),
      );
    },
    oneCallSource: async ({ tenant, call, revision, key }, signal) => {
      signal.throwIfAborted();
      const [row] = await ofTenant(database, tenant).query(
        `select path from one_call_sources
         where tenant = $1 and call = $2 and revision = $3 and source_key = $4`,
        [tenant, call, revision, key],
      );
      return row && text(row, 'path');
    },
    removeOneCallSources: async (tenant, call, revision, signal) => {
      signal.throwIfAborted();
      await ofTenant(database, tenant).query(
        'delete from one_call_sources where tenant = $1 and call = $2 and revision = $3',
        [tenant, call, revision],
      );
    },
    addDeadLetterKey: async (key, signal) => {
      signal.throwIfAborted();
      await database.query(
        `insert into dead_letter_keys (name, worker, day, wrapped, kek, material_id, context, created_at)
         values ${placeholders(1, 8)} on conflict (name) do nothing`,
        [
          key.name,
          key.worker,
          key.day,
          key.wrapped,
          key.kek,
          key.materialId,
          JSON.stringify(key.context),
          key.createdAt,
        ],
      );
    },
    deadLetterKey: async (name, signal) => {
      signal.throwIfAborted();
      const [row] = await database.query('select * from dead_letter_keys where name = $1', [name]);
      return row && deadLetterKeyOfRow(row);
    },
    keyMaterials: async (signal) => {
      signal.throwIfAborted();
      const rows = await acrossTenants(database).query(
        'select material_id from call_keys union select material_id from dead_letter_keys',
      );
      return rows.map((row) => text(row, 'material_id'));
    },
  };
}

function deadLetterKeyOfRow(row: SqlRow): DeadLetterKey {
  return {
    name: text(row, 'name'),
    worker: text(row, 'worker'),
    day: text(row, 'day'),
    wrapped: bytes(row, 'wrapped'),
    kek: text(row, 'kek'),
    materialId: text(row, 'material_id'),
    context: texts(row, 'context'),
    createdAt: text(row, 'created_at'),
  };
}
