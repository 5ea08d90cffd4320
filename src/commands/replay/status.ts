import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { CallsealError } from '../../domain/errors.ts';
import { answeredOf, type ReplayTally } from '../../domain/replay.ts';
import type { Campaign, CampaignPace, Campaigns } from '../../ports/campaigns.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import type { Column } from '../voice.ts';
import { DEFAULT_LIMIT, id, limit } from '../words.ts';
import { spanText } from './words.ts';

const FOLLOW_EVERY_MS = 1_000;

const COLUMNS: readonly Column<Campaign>[] = [
  { title: 'CAMPAIGN', of: ({ uid }) => uid },
  { title: 'PLANNED AT', of: ({ plannedAt }) => plannedAt },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'RECORDS', of: ({ records }) => records, align: 'right' },
  { title: 'TICKET', of: ({ ticket }) => ticket },
];

/** `callseal replay status|ls`: how far campaigns are. */
export function registerStatus(replay: Command, app: App): void {
  example(
    replay
      .command('status')
      .description('how far a campaign is, how fast it goes, how long it will take')
      .argument('<campaign>', 'its uid, or the hash of its plan', id)
      .option('--follow', 'go on until all that was published is answered, or it halts')
      .action((ref: string, options: { follow?: boolean }) => status(app, ref, options.follow ?? false)),
    'callseal replay status 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10 --follow',
  );
  example(
    replay
      .command('ls')
      .description('list plans and campaigns, newest first')
      .option('--limit <n>', 'at most this many', limit, DEFAULT_LIMIT)
      .action((options: { limit: number }) => list(app, options.limit)),
    'callseal replay ls',
  );
}

interface Progress {
  readonly campaign: Campaign;
  readonly tally: ReplayTally;
  readonly pace: CampaignPace;
}

/** @throws CallsealError NOT_FOUND */
export async function requireCampaign(
  registry: Pick<Campaigns, 'campaign'>,
  ref: string,
  signal: AbortSignal,
): Promise<Campaign> {
  const campaign = await registry.campaign(ref, signal);
  if (campaign) return campaign;
  throw new CallsealError('NOT_FOUND', `there is no campaign ${ref}`, { hint: 'callseal replay ls' });
}

async function status(app: App, ref: string, follow: boolean): Promise<void> {
  const { registry } = await app.ports();
  for (;;) {
    // The state first: what ends between the two is seen the next time.
    const campaign = await requireCampaign(registry, ref, app.signal);
    const tally = await registry.tally(campaign.uid, app.signal);
    const progress = { campaign, tally, pace: await registry.pace(campaign.uid, app.signal) };
    if (!follow) return await app.voice.document(documentOf(progress), () => linesOf(progress));
    if (app.voice.json) await app.voice.item(documentOf(progress), () => '');
    if (isOver(progress)) {
      if (!app.voice.json) await app.voice.document(documentOf(progress), () => linesOf(progress));
      return;
    }
    app.voice.progress(progressText(progress));
    await sleep(FOLLOW_EVERY_MS, undefined, { signal: app.signal });
  }
}

/** Nothing more comes of it by itself. */
function isOver({ campaign: { state }, tally }: Progress): boolean {
  return state !== 'running' && tally.claimed === 0 && answeredOf(tally) === tally.published;
}

async function list(app: App, most: number): Promise<void> {
  const { registry } = await app.ports();
  const found = await registry.campaigns(most, app.signal);
  await app.voice.table(found, COLUMNS);
  if (found.length === 0) app.voice.say('nothing was planned');
}

/** Records a second, of the last minute; undefined where none went. */
function rateOf({ pace: { elapsedMs, lately } }: Progress): number | undefined {
  const seconds = Math.min(60, elapsedMs / 1000);
  return lately > 0 && seconds > 0 ? Math.round((10 * lately) / seconds) / 10 : undefined;
}

function leftMs(progress: Progress): number | undefined {
  const rate = rateOf(progress);
  if (progress.campaign.state !== 'running' || rate === undefined || rate === 0) return undefined;
  return Math.round((1000 * progress.tally.ready) / rate);
}

function documentOf(progress: Progress) {
  const { campaign, tally } = progress;
  const { uid, hash, state, code, ticket, limits, plannedAt, appliedAt, endedAt, filter } = campaign;
  return {
    campaign: uid,
    plan: hash,
    state,
    code,
    ticket,
    filter,
    limits,
    plannedAt,
    appliedAt,
    endedAt,
    ...tally,
    answered: answeredOf(tally),
    perSecond: rateOf(progress),
    leftMs: leftMs(progress),
  };
}

function progressText(progress: Progress): string {
  const { campaign, tally } = progress;
  const rate = rateOf(progress);
  const left = leftMs(progress);
  return [
    `${campaign.state}: ${tally.published} of ${tally.total - tally.leftOut} published`,
    `${answeredOf(tally)} answered, ${tally.answers.parked ?? 0} parked again`,
    ...(rate === undefined ? [] : [`${rate}/s`]),
    ...(left === undefined ? [] : [`${spanText(left)} left`]),
  ].join(', ');
}

function* linesOf(progress: Progress): Generator<string> {
  const { campaign, tally } = progress;
  const { uid, state, code, ticket, limits } = campaign;
  const rate = rateOf(progress);
  const left = leftMs(progress);
  yield `campaign   ${uid}`;
  yield `plan       ${campaign.hash}`;
  yield `state      ${state}${code === undefined ? '' : ` (${code})`}`;
  if (ticket !== undefined) yield `ticket     ${ticket}`;
  if (limits !== undefined) yield `limits     ${limitsText(limits)}`;
  yield `records    ${tally.total}: ${tally.ready} ready, ${tally.claimed} claimed, ${tally.published} published, ${tally.leftOut} left out`;
  yield `answers    ${answeredOf(tally)} of ${tally.published}`;
  for (const [answer, count] of Object.entries(tally.answers)) yield `           ${count} ${answer}`;
  if (rate !== undefined) yield `rate       ${rate}/s${left === undefined ? '' : `, ${spanText(left)} left`}`;
}

function limitsText({ perSecond, bytesPerSecond, canary, stopAt }: NonNullable<Campaign['limits']>): string {
  return [
    perSecond === undefined ? 'no limit of records' : `${perSecond} records/s`,
    bytesPerSecond === undefined ? 'no limit of bytes' : `${bytesPerSecond} bytes/s`,
    `canary ${canary}`,
    `stops above ${Math.round(stopAt * 10_000) / 100}% parked again`,
  ].join(', ');
}
