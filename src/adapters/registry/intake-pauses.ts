import type { IntakePause, IntakePauses } from '../../ports/parked.ts';
import { insertFacts } from './audit-rows.ts';
import { int, text } from './rows.ts';
import { acrossTenants, type SqlDatabase, type SqlRow } from './sql.ts';

export function intakePauses(database: SqlDatabase): IntakePauses {
  return {
    pauseIntake: async (tenant, fact, signal) => {
      signal.throwIfAborted();
      return await database.transaction(tenant, async (sql) => {
        const paused = await sql.query(
          `insert into intake_pauses (tenant, paused_at, paused_by, ticket) values ($1, callseal_now(), $2, $3)
           on conflict (tenant) do nothing returning tenant`,
          [tenant, fact.actor.id, fact.ticket ?? ''],
        );
        if (paused.length > 0) await insertFacts(sql, [fact]);
        return paused.length > 0;
      });
    },
    resumeIntake: async (tenant, fact, signal) => {
      signal.throwIfAborted();
      return await database.transaction(tenant, async (sql) => {
        const resumed = await sql.query('delete from intake_pauses where tenant = $1 returning tenant', [
          tenant,
        ]);
        if (resumed.length > 0) await insertFacts(sql, [fact]);
        return resumed.length > 0;
      });
    },
    intakePauses: async (signal) => {
      signal.throwIfAborted();
      const rows = await acrossTenants(database).query(
        'select * from intake_pauses order by paused_at, tenant',
      );
      return rows.map(pauseOfRow);
    },
  };
}

function pauseOfRow(row: SqlRow): IntakePause {
  return {
    tenant: text(row, 'tenant'),
    at: new Date(int(row, 'paused_at')).toISOString(),
    by: text(row, 'paused_by'),
    ticket: text(row, 'ticket'),
  };
}
