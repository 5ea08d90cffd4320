import { createHash } from 'node:crypto';
import type { Answer } from './answers.ts';
import { canonical } from './canonical.ts';
import type { Place } from './deliveries.ts';
import { type Code, dispositionOf, isCode } from './errors.ts';

/**
 * Where a campaign stands (docs/replay.md, "States").
 *
 *   planned ──apply──► running ◄──resume── paused, stopped
 *                        │ pause, stop-at          every state before the end ──cancel──► cancelled
 *                        ▼
 *                      finished: nothing is left to publish
 */
export const CAMPAIGN_STATES = ['planned', 'running', 'paused', 'stopped', 'cancelled', 'finished'] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

/**
 * A record of a plan. `claimed`: its replay number is taken and the event is to be published; `published`: it was.
 * A claim is published whatever becomes of its campaign, so that no delivery is left between two numbers.
 */
export const REPLAY_STATES = ['ready', 'left-out', 'claimed', 'published'] as const;
export type ReplayState = (typeof REPLAY_STATES)[number];

/** How often a delivery may be replayed before it is `quarantined`: no plan takes it unless told so. */
export const REPLAY_CAP = 5;
/** Nobody has asked for a cap: for a plan that takes quarantined letters too. */
export const NO_CAP = 1_000_000;

export function isQuarantined({ replay }: { readonly replay: number }): boolean {
  return replay >= REPLAY_CAP;
}

/** Findings of the preflight that are no code of an error. */
export const FINDINGS = [
  'LETTER_MISSING',
  'LETTER_UNREADABLE',
  'ALREADY_SEALED',
  'QUARANTINED',
  'PATCH_FAILED',
  'PATCH_MOVES_CALL',
  'NOT_PARKED',
  'LETTER_CHANGED',
] as const;
export type ReplayFinding = (typeof FINDINGS)[number] | Code;

/** Something outside of the event stands in its way and may come back: a source, a key, a dependency. */
export function isTemporary(finding: ReplayFinding): boolean {
  if (!isCode(finding)) return false;
  const disposition = dispositionOf(finding);
  return disposition === 'retry' || disposition === 'pause';
}

/** One parked answer in a plan, as it was when the plan was made. */
export interface PlannedReplay {
  /** From 0, in the order of the letters on their topic. */
  readonly number: number;
  /** Of the parked answer. */
  readonly answerUid: string;
  readonly origin: Place;
  /** The number that it will have: one more than the parked answer's. */
  readonly replay: number;
  readonly tenant: string | undefined;
  readonly call: string | undefined;
  readonly callUid: string | undefined;
  readonly revision: number | undefined;
  /** SHA-256, hex, of the bytes to publish: the letter's, or what the patch makes of them. Empty without a letter. */
  readonly digest: string;
  /** Of those bytes. */
  readonly bytes: number;
  /** Where a reader of the dead letters has to begin to meet this one; undefined: at the start. */
  readonly after: string | undefined;
  /** Why it is not taken. */
  readonly finding: ReplayFinding | undefined;
}

export interface ReplayPlan {
  readonly uid: string;
  readonly plannedAt: string;
  /** What was asked for, in the words of the command; for people, and part of the hash. */
  readonly filter: Readonly<Record<string, string | number | boolean>>;
  /** JSON Patch (RFC 6902) of the event's data, as canonical JSON. */
  readonly patch: string | undefined;
  readonly cap: number;
}

/**
 * Binds a plan: what was asked for, the patch, and of every record which answer, which bytes and whether it is taken.
 * SHA-256 of canonical JSON (RFC 8785), hex.
 */
export function planHash(plan: ReplayPlan, records: readonly PlannedReplay[]): string {
  const hash = createHash('sha256').update(
    canonical({ ...plan, patch: plan.patch ?? null, records: records.length }),
  );
  for (const { number, answerUid, origin, replay, digest, finding } of records) {
    hash.update(canonical({ number, answerUid, origin, replay, digest, finding: finding ?? null }));
  }
  return hash.digest('hex');
}

/** How a campaign is let loose; nothing of it changes what is replayed. */
export interface ReplayLimits {
  readonly perSecond: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** So many first; the rest only after each of them has its answer. 0: none. */
  readonly canary: number;
  /** Stops when more than this share of the answers is `parked` again; from 0 to 1. */
  readonly stopAt: number;
}

/** What became of a campaign's records. */
export interface ReplayTally {
  readonly total: number;
  readonly ready: number;
  readonly leftOut: number;
  /** Claimed and not yet marked published. */
  readonly claimed: number;
  readonly published: number;
  /** Of the published: those with an answer, by answer. */
  readonly answers: Readonly<Partial<Record<Answer, number>>>;
}

export function answeredOf({ answers }: ReplayTally): number {
  return Object.values(answers).reduce((sum, count) => sum + count, 0);
}

/** Fewer answers than this say nothing of a share, unless they are all there will be. */
const FEWEST_ANSWERS = 20;

/** What may be published next: so many records, nothing before more answers are there, or no more at all. */
export type Go = { readonly publish: number } | 'wait' | 'stop';

/** The canary and the automatic stop. A record that is not answered yet says nothing. */
export function mayGoOn(tally: ReplayTally, { canary, stopAt }: ReplayLimits): Go {
  const published = tally.published + tally.claimed;
  const answered = answeredOf(tally);
  const failed = tally.answers.parked ?? 0;
  const inCanary = canary > 0 && published <= canary && tally.ready > 0;
  const counts =
    answered >= FEWEST_ANSWERS || (answered > 0 && answered === published && published >= canary);
  if (counts && failed > stopAt * answered) return 'stop';
  if (!inCanary) return { publish: tally.ready };
  if (published < canary) return { publish: Math.min(tally.ready, canary - published) };
  return answered < published ? 'wait' : { publish: tally.ready };
}
