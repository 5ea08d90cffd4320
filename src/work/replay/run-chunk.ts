import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditFact } from '../../domain/audit-event.ts';
import { fault } from '../../domain/crash-points.ts';
import { deliveredDigest } from '../../domain/deliveries.ts';
import { CallsealError, codeOf, dispositionOf } from '../../domain/errors.ts';
import type { Letter } from '../../domain/letter.ts';
import { patchEvent } from '../../domain/patch-event.ts';
import { mayGoOn, type PlannedReplay, planHash, type ReplayFinding } from '../../domain/replay.ts';
import type { Campaign, CampaignRecord, Campaigns } from '../../ports/campaigns.ts';
import type { Events } from '../../ports/events.ts';
import type { Inbox } from '../../ports/inbox.ts';
import { findLetters } from './find-letters.ts';
import { type LetterOpener, type LetterParts, letterOpener } from './open-letter.ts';
import { paceOf } from './pace.ts';

export interface RunParts extends LetterParts {
  readonly registry: LetterParts['registry'] & Campaigns;
  readonly events: Pick<Events, 'read'>;
  readonly inbox: Pick<Inbox, 'replay'>;
  readonly now: () => Date;
}

/** Records of one job. */
export const CHUNK = 100;

/**
 * What a run of a chunk came to. `moved`: something was published, or the campaign has ended. `waiting`: nothing before
 * the canary has its answers. `halted`: it is paused, stopped, cancelled, or none of ours to run.
 */
export type ChunkEnd = 'moved' | 'waiting' | 'halted';

export function chunkOf(number: number): number {
  return Math.floor(number / CHUNK);
}

/**
 * Runs one chunk of a campaign. What to do is read from the registry alone: a chunk that is not the next one, of a
 * campaign that is not running, does nothing, whoever asked for it.
 *
 * Each record is claimed, published, marked, in this order. Whoever is killed in between leaves claims that are not
 * marked; the next run publishes them again, and of the two records of one replay number only the one that decides
 * publishes outputs (docs/replay.md, "Why nothing doubles").
 */
export function chunkRunner(parts: RunParts) {
  const verified = new Set<string>();
  return async (uid: string, chunk: number, signal: AbortSignal): Promise<ChunkEnd> => {
    const campaign = await parts.registry.campaign(uid, signal);
    if (campaign === undefined || campaign.state === 'planned') return 'halted';
    const work: Work = { parts, campaign, opener: letterOpener(parts), published: 0 };
    await publishUnmarked(work, signal);
    const end = campaign.state === 'running' ? await runNext(work, chunk, verified, signal) : 'halted';
    return work.published > 0 ? 'moved' : end;
  };
}

async function runNext(
  work: Work,
  chunk: number,
  verified: Set<string>,
  signal: AbortSignal,
): Promise<ChunkEnd> {
  const { registry } = work.parts;
  const { uid } = work.campaign;
  const next = await registry.nextRecord(uid, 'ready', signal);
  if (next === undefined) return await finish(work, signal);
  if (chunkOf(next) !== chunk) return 'halted';
  if (!verified.has(uid)) await verify(work, signal);
  verified.add(uid);
  const end = await publishReady(work, await readyOf(work, chunk, signal), signal);
  const isLast = end === 'moved' && (await registry.nextRecord(uid, 'ready', signal)) === undefined;
  return isLast ? await finish(work, signal) : end;
}

interface Work {
  readonly parts: RunParts;
  readonly campaign: Campaign;
  readonly opener: LetterOpener;
  /** Records that this run published. */
  published: number;
}

interface Opened {
  readonly record: CampaignRecord;
  readonly letter: Letter;
}

const PAGE = 1_000;

/** Somebody who can write the database could make a plan into another one: it must still be what was applied. */
async function verify({ parts, campaign }: Work, signal: AbortSignal): Promise<void> {
  const { uid, plannedAt, filter, patch, cap, hash } = campaign;
  const records: CampaignRecord[] = [];
  for (let from = 0; from < campaign.records; from += PAGE) {
    records.push(...(await parts.registry.campaignRecords(uid, from, PAGE, signal)));
  }
  if (planHash({ uid, plannedAt, filter, patch, cap }, records.map(asPlanned)) === hash) return;
  const stopped = { from: ['running'], to: 'stopped', code: 'PLAN_CHANGED', at: at(parts) } as const;
  await parts.registry.changeCampaign(uid, stopped, factOf(parts, campaign, 'campaign.pause'), signal);
  throw new CallsealError('NOT_AUTHENTIC', 'a plan in the registry is not the one that was applied');
}

/** What was left out only while the campaign ran was to be taken when it was planned. */
function asPlanned(record: CampaignRecord): PlannedReplay {
  const isLate = record.finding === 'NOT_PARKED' || record.finding === 'LETTER_CHANGED';
  const wasLate = isLate || (record.finding === 'LETTER_MISSING' && record.digest !== '');
  return wasLate ? { ...record, finding: undefined } : record;
}

async function readyOf({ parts, campaign }: Work, chunk: number, signal: AbortSignal) {
  const records = await parts.registry.campaignRecords(campaign.uid, chunk * CHUNK, CHUNK, signal);
  return records.filter(({ state }) => state === 'ready');
}

/** Claims of whoever was killed before the mark, whatever became of the campaign: a number that is taken goes out. */
async function publishUnmarked(work: Work, signal: AbortSignal): Promise<void> {
  const { registry } = work.parts;
  const { uid } = work.campaign;
  for (;;) {
    const first = await registry.nextRecord(uid, 'claimed', signal);
    if (first === undefined) return;
    const page = await registry.campaignRecords(uid, first, CHUNK, signal);
    const claimed = page.filter(({ state }) => state === 'claimed');
    const opened = await openAll(work, claimed, signal);
    if (opened.length < claimed.length) {
      throw new CallsealError(
        'NOT_FOUND',
        'the dead letter of a claimed replay is not on its topic any more',
      );
    }
    await publish(work, opened, signal);
  }
}

async function publishReady(work: Work, ready: CampaignRecord[], signal: AbortSignal): Promise<ChunkEnd> {
  const { parts, campaign } = work;
  const { limits } = campaign;
  if (limits === undefined) throw new CallsealError('BUG', 'a campaign runs without limits');
  const pace = paceOf(limits);
  for (let left = ready; left.length > 0; ) {
    const go = mayGoOn(await parts.registry.tally(campaign.uid, signal), limits);
    if (go === 'wait') return 'waiting';
    if (go === 'stop') return await stop(work, signal);
    const few = left.slice(0, go.publish);
    const batch = few.slice(0, pace.fits(few.map(({ bytes }) => bytes)));
    left = left.slice(batch.length);
    const opened = await openAll(work, batch, signal);
    const claimed = await claim(work, opened, signal);
    if (claimed === undefined) return 'halted';
    await publish(work, claimed, signal);
    const bytes = claimed.reduce((sum, { record }) => sum + record.bytes, 0);
    await sleep(pace.restMs(claimed.length, bytes), undefined, { signal });
  }
  return 'moved';
}

/** @returns undefined where the campaign is not running any more */
async function claim(
  { parts, campaign }: Work,
  opened: readonly Opened[],
  signal: AbortSignal,
): Promise<Opened[] | undefined> {
  if (opened.length === 0) return [];
  const numbers = await parts.registry.claimReplays(
    campaign.uid,
    opened.map(({ record }) => record),
    (record) => replayFact(parts, campaign, record),
    signal,
  );
  fault('after-replay-claim');
  const claimed = opened.filter(({ record }) => numbers.includes(record.number));
  if (claimed.length > 0) return claimed;
  const now = await parts.registry.campaign(campaign.uid, signal);
  return now?.state === 'running' ? [] : undefined;
}

async function publish(work: Work, opened: readonly Opened[], signal: AbortSignal): Promise<void> {
  const { parts, campaign } = work;
  const published = await Promise.allSettled(
    opened.map(async ({ record: { origin, replay }, letter }) => {
      await parts.inbox.replay({ origin, replay, ...letter }, signal);
    }),
  );
  const failure = published.find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
  fault('after-replay-publish');
  await parts.registry.markReplayed(
    campaign.uid,
    opened.map(({ record }) => record.number),
    signal,
  );
  work.published += opened.length;
  fault('after-replay-mark');
}

/** In the order of the letters. What cannot be opened, or is other bytes than were planned, is left out. */
async function openAll(
  { parts, campaign, opener }: Work,
  records: readonly CampaignRecord[],
  signal: AbortSignal,
): Promise<Opened[]> {
  const byUid = new Map(records.map((record) => [record.answerUid, record]));
  const opened: Opened[] = [];
  const leaveOut = async (record: CampaignRecord, finding: ReplayFinding): Promise<void> =>
    await parts.registry.leaveOut(campaign.uid, record.number, finding, signal);
  const after = records[0]?.after;
  const from = after === undefined ? {} : { after };
  for await (const found of findLetters(parts.events, [...byUid.keys()], from, signal)) {
    const record = byUid.get(found.answerUid);
    if (record === undefined) continue;
    byUid.delete(found.answerUid);
    const letter = await letterOf(campaign, async () => await opener.open(found.record, signal));
    if (letter === undefined || deliveredDigest(letter.value) !== record.digest) {
      await leaveOut(record, 'LETTER_CHANGED');
    } else {
      opened.push({ record, letter });
    }
  }
  for (const record of byUid.values()) await leaveOut(record, 'LETTER_MISSING');
  return opened;
}

async function letterOf({ patch }: Campaign, open: () => Promise<Letter>): Promise<Letter | undefined> {
  try {
    const letter = await open();
    return patch === undefined ? letter : patchEvent(letter, patch);
  } catch (error) {
    const code = codeOf(error);
    if (dispositionOf(code) === 'pause' || dispositionOf(code) === 'stop') throw error;
    return undefined;
  }
}

async function finish({ parts, campaign }: Work, signal: AbortSignal): Promise<ChunkEnd> {
  const finished = { from: ['running'], to: 'finished', at: at(parts) } as const;
  await parts.registry.changeCampaign(
    campaign.uid,
    finished,
    factOf(parts, campaign, 'campaign.finish'),
    signal,
  );
  return 'moved';
}

async function stop({ parts, campaign }: Work, signal: AbortSignal): Promise<ChunkEnd> {
  const stopped = { from: ['running'], to: 'stopped', code: 'TOO_MANY_FAILED', at: at(parts) } as const;
  const fact = factOf(parts, campaign, 'campaign.pause', 'TOO_MANY_FAILED');
  await parts.registry.changeCampaign(campaign.uid, stopped, fact, signal);
  return 'halted';
}

function replayFact(
  { auditor }: RunParts,
  { ticket }: Campaign,
  { origin, tenant, callUid }: PlannedReplay,
): AuditFact {
  return auditor.fact('call.replay', {
    ...(tenant !== undefined && { tenant }),
    ...(callUid !== undefined && { subject: { kind: 'call', uid: callUid } }),
    ...(ticket !== undefined && { ticket }),
    delivery: { topic: origin.topic, partition: origin.partition, offset: origin.offset },
  });
}

function factOf(
  { auditor }: RunParts,
  { uid, ticket }: Campaign,
  action: 'campaign.finish' | 'campaign.pause',
  code?: string,
): AuditFact {
  return auditor.fact(action, {
    outcome: { status: 'ok', ...(code !== undefined && { code }) },
    subject: { kind: 'campaign', uid },
    ...(ticket !== undefined && { ticket }),
  });
}

function at({ now }: RunParts): string {
  return now().toISOString();
}
