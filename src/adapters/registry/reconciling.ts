import type { Answered, Reconciling } from '../../ports/reconciling.ts';
import { ANSWER_COLUMNS, answerOfRow } from './answer-rows.ts';
import { factOfRow } from './audit-rows.ts';
import { receiptOfRow } from './sealed-rows.ts';
import { ALL_TENANTS, acrossTenants, ofTenant, type SqlDatabase } from './sql.ts';

export function reconciling(database: SqlDatabase): Reconciling {
  return {
    answersBehind: async ({ decidedAt, uid }, limit, signal) => {
      signal.throwIfAborted();
      const rows = await acrossTenants(database).query(
        `select ${ANSWER_COLUMNS} from answers a
         where a.decided_at >= $1 and (a.decided_at > $1 or a.uid > $2)
         order by a.decided_at, a.uid limit $3`,
        [decidedAt, uid, limit],
      );
      return rows.map(answerOfRow);
    },
    answersOf: async (deliveries, signal) => {
      signal.throwIfAborted();
      if (deliveries.length === 0) return [];
      const rows = await acrossTenants(database).query(
        `select ${ANSWER_COLUMNS} from (values ${deliveries.map((_, i) => wanted(i)).join(', ')}) as w
         join answers a on a.origin_topic = w.column1 and a.origin_partition = w.column2
           and a.origin_offset = w.column3 and a.replay = w.column4`,
        deliveries.flatMap(({ origin: { topic, partition, offset }, replay }: Answered) => [
          topic,
          partition,
          offset,
          replay,
        ]),
      );
      return rows.map(answerOfRow);
    },
    currentReceipts: async ({ tenant, callUid }, limit, signal) => {
      signal.throwIfAborted();
      const rows = await ofTenant(database, tenant ?? ALL_TENANTS).query(
        `select r.receipt from calls c join receipts r on r.tenant = c.tenant and r.call = c.call
           and r.revision = c.current_revision and r.generation = c.current_generation
         where c.call_uid > $1 ${tenant === undefined ? '' : 'and c.tenant = $3'}
           and not exists (select 1 from tombstones t
             where t.tenant = c.tenant and t.call in (c.call, '*') and t.key_class = '*')
         order by c.call_uid limit $2`,
        [callUid, limit, ...(tenant === undefined ? [] : [tenant])],
      );
      return rows.map(receiptOfRow);
    },
    oldestUnpublished: async (signal) => {
      signal.throwIfAborted();
      const [chained] = await database.query(
        `select fact from audit_events where seq > (select published_seq from relay) order by seq limit 1`,
      );
      if (chained) return factOfRow(chained).time;
      const [row] = await database.query(
        'select fact from audit_events where seq is null order by row_number limit 1',
      );
      return row && factOfRow(row).time;
    },
  };
}

/** The database takes a parameter in a list of values for text unless told otherwise. */
function wanted(row: number): string {
  const [topic, ...numbers] = [1, 2, 3, 4].map((column) => `$${row * 4 + column}`);
  return `(${[`cast(${topic} as text)`, ...numbers.map((each) => `cast(${each} as bigint)`)].join(', ')})`;
}
