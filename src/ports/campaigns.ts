import type { AuditFact } from '../domain/audit-event.ts';
import type {
  CampaignState,
  PlannedReplay,
  ReplayFinding,
  ReplayLimits,
  ReplayPlan,
  ReplayState,
  ReplayTally,
} from '../domain/replay.ts';

export interface Campaign extends ReplayPlan {
  readonly hash: string;
  readonly state: CampaignState;
  /** Why it was stopped. */
  readonly code: string | undefined;
  readonly records: number;
  /** Since it was applied. */
  readonly ticket: string | undefined;
  readonly limits: ReplayLimits | undefined;
  readonly appliedAt: string | undefined;
  readonly endedAt: string | undefined;
}

export interface CampaignRecord extends PlannedReplay {
  readonly state: ReplayState;
}

/** How a campaign moves now, by the database's clock. */
export interface CampaignPace {
  /** Since the first record was published. */
  readonly elapsedMs: number;
  /** Published within the last minute. */
  readonly lately: number;
}

/** What a campaign changes into; a change from any other state than these is none. */
export interface CampaignChange {
  readonly from: readonly CampaignState[];
  readonly to: CampaignState;
  readonly code?: string;
  readonly at: string;
}

/**
 * Plans and campaigns of replays. The answer row of replay 0 is the ledger of a delivery: a claim counts it up, once,
 * while the last replay is answered and parked. Every method is one transaction with its audit rows; all reject as the
 * registry does.
 */
export interface Campaigns {
  /** Writes a plan; nothing else is changed. */
  addPlan(
    plan: ReplayPlan & { readonly hash: string },
    records: readonly PlannedReplay[],
    fact: AuditFact,
    signal: AbortSignal,
  ): Promise<void>;
  /** By uid or by hash. */
  campaign(ref: string, signal: AbortSignal): Promise<Campaign | undefined>;
  /** Newest first. */
  campaigns(limit: number, signal: AbortSignal): Promise<Campaign[]>;
  /** Those with something to publish: running, or with a claim that is not marked. */
  openCampaigns(signal: AbortSignal): Promise<Campaign[]>;
  /** In order, from a number on. */
  campaignRecords(uid: string, from: number, limit: number, signal: AbortSignal): Promise<CampaignRecord[]>;
  /** The lowest number that is in this state. */
  nextRecord(uid: string, state: ReplayState, signal: AbortSignal): Promise<number | undefined>;
  tally(uid: string, signal: AbortSignal): Promise<ReplayTally>;
  pace(uid: string, signal: AbortSignal): Promise<CampaignPace>;
  /** @returns false where it was not `planned`: applied before, nothing was changed */
  applyPlan(
    uid: string,
    limits: ReplayLimits,
    applied: { readonly at: string; readonly ticket: string; readonly fact: AuditFact },
    signal: AbortSignal,
  ): Promise<boolean>;
  /** @returns whether it was in one of the states to change from */
  changeCampaign(uid: string, change: CampaignChange, fact: AuditFact, signal: AbortSignal): Promise<boolean>;
  /**
   * Takes the next replay number of each record, as far as the campaign is running at this moment; where the delivery
   * is not parked (any more), is discarded or has had its number taken, the record is left out with `NOT_PARKED`.
   *
   * @returns the numbers that were claimed, each with its audit fact
   * @throws CallsealError REGISTRY_WENT_BACK - the ledger may have forgotten numbers that were published
   */
  claimReplays(
    uid: string,
    records: readonly PlannedReplay[],
    factOf: (record: PlannedReplay) => AuditFact,
    signal: AbortSignal,
  ): Promise<number[]>;
  /** `claimed` → `published`. */
  markReplayed(uid: string, numbers: readonly number[], signal: AbortSignal): Promise<void>;
  /** `ready` → `left-out`. */
  leaveOut(uid: string, number: number, finding: ReplayFinding, signal: AbortSignal): Promise<void>;
}
