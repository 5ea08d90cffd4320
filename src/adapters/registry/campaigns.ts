import { ANSWERS, type Answer } from '../../domain/answers.ts';
import type { ReplayTally } from '../../domain/replay.ts';
import type { CampaignChange, CampaignPace, Campaigns } from '../../ports/campaigns.ts';
import { insertFacts } from './audit-rows.ts';
import { claimReplays } from './campaign-claims.ts';
import { campaignOfRow, insertRecords, limitsText, planText, recordOfRow } from './campaign-rows.ts';
import type { KnownEpoch } from './known-epoch.ts';
import { int, intOrNone, orNull, placeholders, text, word } from './rows.ts';
import { acrossTenants, type Sql, type SqlDatabase } from './sql.ts';

export function campaigns(database: SqlDatabase, known: KnownEpoch): Campaigns {
  const all = acrossTenants(database);
  return {
    addPlan: async (plan, records, fact, signal) => {
      signal.throwIfAborted();
      await database.transaction(undefined, async (sql) => {
        await sql.query(
          `insert into campaigns (uid, hash, state, plan, records, claims, planned_at)
           values ($1, $2, 'planned', $3, $4, 0, $5)`,
          [plan.uid, plan.hash, planText(plan), records.length, plan.plannedAt],
        );
        await insertRecords(sql, plan.uid, records);
        await insertFacts(sql, [fact]);
      });
    },
    campaign: async (ref, signal) => {
      signal.throwIfAborted();
      const [row] = await all.query('select * from campaigns where uid = $1 or hash = $1', [ref]);
      return row && campaignOfRow(row);
    },
    campaigns: async (limit, signal) => {
      signal.throwIfAborted();
      const rows = await all.query('select * from campaigns order by planned_at desc, uid limit $1', [limit]);
      return rows.map(campaignOfRow);
    },
    openCampaigns: async (signal) => {
      signal.throwIfAborted();
      const rows = await all.query(
        `select * from campaigns c where c.state = 'running'
           or exists (select 1 from campaign_records r where r.campaign = c.uid and r.state = 'claimed')
         order by c.applied_at, c.uid`,
      );
      return rows.map(campaignOfRow);
    },
    campaignRecords: async (uid, from, limit, signal) => {
      signal.throwIfAborted();
      const rows = await all.query(
        `select * from campaign_records where campaign = $1 and record_number >= $2
         order by record_number limit $3`,
        [uid, from, limit],
      );
      return rows.map(recordOfRow);
    },
    nextRecord: async (uid, state, signal) => {
      signal.throwIfAborted();
      const [row] = await all.query(
        'select min(record_number) as next from campaign_records where campaign = $1 and state = $2',
        [uid, state],
      );
      return row && intOrNone(row, 'next');
    },
    tally: async (uid, signal) => {
      signal.throwIfAborted();
      return await readTally(all, uid);
    },
    pace: async (uid, signal) => {
      signal.throwIfAborted();
      return await readPace(all, uid);
    },
    applyPlan: async (uid, limits, { at, ticket, fact }, signal) => {
      signal.throwIfAborted();
      return await database.transaction(undefined, async (sql) => {
        const applied = await sql.query(
          `update campaigns set state = 'running', limits = $2, applied_at = $3, ticket = $4
           where uid = $1 and state = 'planned' returning uid`,
          [uid, limitsText(limits), at, ticket],
        );
        if (applied.length > 0) await insertFacts(sql, [fact]);
        return applied.length > 0;
      });
    },
    changeCampaign: async (uid, change, fact, signal) => {
      signal.throwIfAborted();
      return await database.transaction(undefined, async (sql) => {
        const changed = await changeState(sql, uid, change);
        if (changed) await insertFacts(sql, [fact]);
        return changed;
      });
    },
    claimReplays: async (uid, records, factOf, signal) => {
      signal.throwIfAborted();
      return await claimReplays(database, known, uid, records, factOf);
    },
    markReplayed: async (uid, numbers, signal) => {
      signal.throwIfAborted();
      if (numbers.length === 0) return;
      await all.query(
        `update campaign_records set state = 'published', published_at = callseal_now()
         where campaign = $1 and state = 'claimed' and record_number in ${placeholders(1, numbers.length, 1)}`,
        [uid, ...numbers],
      );
    },
    leaveOut: async (uid, number, finding, signal) => {
      signal.throwIfAborted();
      await all.query(
        `update campaign_records set state = 'left-out', finding = $3
         where campaign = $1 and record_number = $2 and state = 'ready'`,
        [uid, number, finding],
      );
    },
  };
}

async function changeState(sql: Sql, uid: string, { from, to, code, at }: CampaignChange): Promise<boolean> {
  const ends = to === 'cancelled' || to === 'finished';
  const rows = await sql.query(
    `update campaigns set state = $2, code = $3, ended_at = $4
     where uid = $1 and state in ${placeholders(1, from.length, 4)} returning uid`,
    [uid, to, orNull(code), ends ? at : null, ...from],
  );
  return rows.length > 0;
}

async function readTally(sql: Sql, uid: string): Promise<ReplayTally> {
  const counts = await sql.query(
    'select state, count(*) as found from campaign_records where campaign = $1 group by state',
    [uid],
  );
  const of = (state: string): number => {
    const row = counts.find((one) => text(one, 'state') === state);
    return row ? int(row, 'found') : 0;
  };
  const rows = await sql.query(
    `select a.answer, count(*) as found from campaign_records r join answers a
       on a.origin_topic = r.origin_topic and a.origin_partition = r.origin_partition
         and a.origin_offset = r.origin_offset and a.replay = r.replay
     where r.campaign = $1 and r.state in ('claimed', 'published') group by a.answer`,
    [uid],
  );
  const answers: Partial<Record<Answer, number>> = {};
  for (const row of rows) answers[word(row, 'answer', ANSWERS)] = int(row, 'found');
  const [ready, leftOut, claimed, published] = [
    of('ready'),
    of('left-out'),
    of('claimed'),
    of('published'),
  ] as const;
  return { total: ready + leftOut + claimed + published, ready, leftOut, claimed, published, answers };
}

const LATELY_MS = 60_000;

async function readPace(sql: Sql, uid: string): Promise<CampaignPace> {
  const [row] = await sql.query(
    `select callseal_now() - min(claimed_at) as elapsed,
       sum(case when published_at > callseal_now() - ${LATELY_MS} then 1 else 0 end) as lately
     from campaign_records where campaign = $1 and claimed_at is not null`,
    [uid],
  );
  return {
    elapsedMs: (row && intOrNone(row, 'elapsed')) ?? 0,
    lately: (row && intOrNone(row, 'lately')) ?? 0,
  };
}
