import { isCode } from '../../domain/errors.ts';
import {
  CAMPAIGN_STATES,
  FINDINGS,
  type PlannedReplay,
  REPLAY_STATES,
  type ReplayFinding,
  type ReplayLimits,
  type ReplayPlan,
} from '../../domain/replay.ts';
import type { Campaign, CampaignRecord } from '../../ports/campaigns.ts';
import { int, intOrNone, orNull, placeholders, text, textOrNone, word } from './rows.ts';
import type { Sql, SqlRow, SqlValue } from './sql.ts';

type StoredPlan = Omit<ReplayPlan, 'patch'> & { readonly patch: string | null };

export function planText({ uid, plannedAt, filter, patch, cap }: ReplayPlan): string {
  return JSON.stringify({ uid, plannedAt, filter, patch: patch ?? null, cap } satisfies StoredPlan);
}

export function campaignOfRow(row: SqlRow): Campaign {
  const plan: StoredPlan = JSON.parse(text(row, 'plan'));
  const limits = textOrNone(row, 'limits');
  return {
    ...plan,
    patch: plan.patch ?? undefined,
    hash: text(row, 'hash'),
    state: word(row, 'state', CAMPAIGN_STATES),
    code: textOrNone(row, 'code'),
    records: int(row, 'records'),
    ticket: textOrNone(row, 'ticket'),
    limits: limits === undefined ? undefined : limitsOf(limits),
    appliedAt: textOrNone(row, 'applied_at'),
    endedAt: textOrNone(row, 'ended_at'),
  };
}

/** JSON has no `undefined`. */
type StoredLimits = Omit<ReplayLimits, 'perSecond' | 'bytesPerSecond'> & {
  readonly perSecond: number | null;
  readonly bytesPerSecond: number | null;
};

export function limitsText({ perSecond, bytesPerSecond, canary, stopAt }: ReplayLimits): string {
  const stored: StoredLimits = {
    perSecond: perSecond ?? null,
    bytesPerSecond: bytesPerSecond ?? null,
    canary,
    stopAt,
  };
  return JSON.stringify(stored);
}

function limitsOf(stored: string): ReplayLimits {
  const { perSecond, bytesPerSecond, canary, stopAt }: StoredLimits = JSON.parse(stored);
  return { perSecond: perSecond ?? undefined, bytesPerSecond: bytesPerSecond ?? undefined, canary, stopAt };
}

const COLUMNS = [
  'campaign',
  'record_number',
  'answer_uid',
  'origin_topic',
  'origin_partition',
  'origin_offset',
  'replay',
  'tenant',
  'call',
  'call_uid',
  'revision',
  'delivered_digest',
  'bytes',
  'letter_after',
  'finding',
  'state',
] as const;

/** Records of one statement; PostgreSQL takes 65,535 parameters, SQLite 32,766. */
const PAGE = 500;

export async function insertRecords(
  sql: Sql,
  campaign: string,
  records: readonly PlannedReplay[],
): Promise<void> {
  for (let from = 0; from < records.length; from += PAGE) {
    const page = records.slice(from, from + PAGE);
    await sql.query(
      `insert into campaign_records (${COLUMNS.join(', ')}) values ${placeholders(page.length, COLUMNS.length)}`,
      page.flatMap((record) => valuesOf(campaign, record)),
    );
  }
}

function valuesOf(campaign: string, record: PlannedReplay): SqlValue[] {
  return [
    campaign,
    record.number,
    record.answerUid,
    record.origin.topic,
    record.origin.partition,
    record.origin.offset,
    record.replay,
    orNull(record.tenant),
    orNull(record.call),
    orNull(record.callUid),
    orNull(record.revision),
    record.digest,
    record.bytes,
    orNull(record.after),
    orNull(record.finding),
    record.finding === undefined ? 'ready' : 'left-out',
  ];
}

export function recordOfRow(row: SqlRow): CampaignRecord {
  return {
    number: int(row, 'record_number'),
    answerUid: text(row, 'answer_uid'),
    origin: {
      topic: text(row, 'origin_topic'),
      partition: int(row, 'origin_partition'),
      offset: int(row, 'origin_offset'),
    },
    replay: int(row, 'replay'),
    tenant: textOrNone(row, 'tenant'),
    call: textOrNone(row, 'call'),
    callUid: textOrNone(row, 'call_uid'),
    revision: intOrNone(row, 'revision'),
    digest: text(row, 'delivered_digest'),
    bytes: int(row, 'bytes'),
    after: textOrNone(row, 'letter_after'),
    finding: findingOf(row),
    state: word(row, 'state', REPLAY_STATES),
  };
}

function findingOf(row: SqlRow): ReplayFinding | undefined {
  const finding = textOrNone(row, 'finding');
  if (finding === undefined || isCode(finding)) return finding;
  return word(row, 'finding', FINDINGS);
}
