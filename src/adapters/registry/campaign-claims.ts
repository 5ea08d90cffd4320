import type { AuditFact } from '../../domain/audit-event.ts';
import type { PlannedReplay } from '../../domain/replay.ts';
import { insertFacts } from './audit-rows.ts';
import { registryEpoch } from './call-row.ts';
import type { KnownEpoch } from './known-epoch.ts';
import type { Sql, SqlDatabase } from './sql.ts';

/**
 * Claims in one transaction. It writes the campaign's row first: a pause or a cancel waits for it or comes before it,
 * so nothing is claimed once either is acknowledged.
 */
export async function claimReplays(
  database: SqlDatabase,
  known: KnownEpoch,
  uid: string,
  records: readonly PlannedReplay[],
  factOf: (record: PlannedReplay) => AuditFact,
): Promise<number[]> {
  return await database.transaction(undefined, async (sql) => {
    await registryEpoch(sql, known);
    const running = await sql.query(
      `update campaigns set claims = claims + 1 where uid = $1 and state = 'running' returning uid`,
      [uid],
    );
    if (running.length === 0) return [];
    const claimed: PlannedReplay[] = [];
    // Two campaigns that meet the same deliveries lock their rows in one order.
    for (const record of records.toSorted(byOrigin)) {
      if (await claim(sql, uid, record)) claimed.push(record);
    }
    await insertFacts(sql, claimed.map(factOf));
    return claimed.map(({ number }) => number);
  });
}

function byOrigin({ origin: a }: PlannedReplay, { origin: b }: PlannedReplay): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition || a.offset - b.offset;
}

async function claim(sql: Sql, uid: string, record: PlannedReplay): Promise<boolean> {
  const { number, replay } = record;
  const ready = await sql.query(
    `select 1 from campaign_records where campaign = $1 and record_number = $2 and state = 'ready'`,
    [uid, number],
  );
  if (ready.length === 0) return false;
  const taken = await countUp(sql, record);
  await sql.query(
    taken
      ? `update campaign_records set state = 'claimed', claimed_at = callseal_now()
           where campaign = $1 and record_number = $2 and state = 'ready' and replay = $3`
      : `update campaign_records set state = 'left-out', finding = 'NOT_PARKED'
           where campaign = $1 and record_number = $2 and state = 'ready' and replay = $3`,
    [uid, number, replay],
  );
  return taken;
}

/** The ledger: the number is the next one, and the last replay is answered, parked, and not discarded. */
async function countUp(sql: Sql, { origin, replay }: PlannedReplay): Promise<boolean> {
  const rows = await sql.query(
    `update answers set replays = replays + 1
     where origin_topic = $1 and origin_partition = $2 and origin_offset = $3 and replay = 0 and replays = $4
       and exists (select 1 from answers p
         where p.origin_topic = $1 and p.origin_partition = $2 and p.origin_offset = $3 and p.replay = $4
           and p.answer = 'parked'
           and not exists (select 1 from discarded_letters d where d.answer_uid = p.uid))
     returning uid`,
    [origin.topic, origin.partition, origin.offset, replay - 1],
  );
  return rows.length > 0;
}
