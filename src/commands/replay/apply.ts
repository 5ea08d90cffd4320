import type { Command } from 'commander';
import { CallsealError } from '../../domain/errors.ts';
import { planHash, type ReplayLimits } from '../../domain/replay.ts';
import type { Campaign, CampaignRecord, Campaigns } from '../../ports/campaigns.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import { id } from '../words.ts';
import { bytesPerSecond, canary, perSecond, share } from './words.ts';

interface ApplyOptions {
  readonly plan: string;
  readonly rate?: number;
  readonly bytes?: number;
  readonly canary: number;
  readonly stopAt: number;
}

const PAGE = 1_000;
const DEFAULT = { canary: 0, stopAt: 0.05 };

/** `callseal replay apply`: lets a plan loose, exactly the one that the hash names. */
export function registerApply(replay: Command, app: App): void {
  example(
    replay
      .command('apply')
      .description('start a plan; a running worker replays it, chunk by chunk')
      .requiredOption('--plan <hash>', 'hash of the plan, as replay plan printed it', id)
      .option('--rate <n/s>', 'at most so many records a second', perSecond)
      .option('--bytes <n/s>', 'at most so many bytes a second, such as 10MiB/s', bytesPerSecond)
      .option('--canary <n>', 'so many first, the rest once they have their answers', canary, DEFAULT.canary)
      .option('--stop-at <share>', 'stop when more than this share is parked again', share, DEFAULT.stopAt)
      .action((options: ApplyOptions) => apply(app, options)),
    'callseal replay apply --plan HASH --ticket INC-4711 --rate 100/s --canary 20 --stop-at 5%',
  );
}

async function apply(app: App, { plan, rate, bytes, canary: first, stopAt }: ApplyOptions): Promise<void> {
  const { ticket, signal } = app;
  if (ticket === undefined) {
    throw new CallsealError('USAGE', 'replay apply needs --ticket: every replay is audited with it');
  }
  const { registry } = await app.ports();
  const campaign = await registry.campaign(plan, signal);
  if (campaign?.hash !== plan) {
    throw new CallsealError('NOT_FOUND', 'there is no plan with this hash', { hint: 'callseal replay ls' });
  }
  await requireWhole(registry, campaign, signal);
  const limits: ReplayLimits = { perSecond: rate, bytesPerSecond: bytes, canary: first, stopAt };
  const { auditor } = await app.desk();
  const fact = auditor.fact('campaign.apply', { subject: { kind: 'campaign', uid: campaign.uid } });
  const applied = await registry.applyPlan(campaign.uid, limits, { at: fact.time, ticket, fact }, signal);
  const now = await registry.campaign(campaign.uid, signal);
  await app.voice.document(
    { campaign: campaign.uid, plan, applied, state: now?.state ?? campaign.state },
    () => [`${campaign.uid} ${now?.state ?? campaign.state}`],
  );
  if (!applied) app.voice.say('this plan was applied before; nothing was changed');
  app.voice.hint(`callseal replay status ${campaign.uid} --follow`);
}

/** @throws CallsealError NOT_AUTHENTIC - the plan in the registry is another one than its hash says */
async function requireWhole(
  registry: Pick<Campaigns, 'campaignRecords'>,
  campaign: Campaign,
  signal: AbortSignal,
): Promise<void> {
  if (campaign.state !== 'planned') return;
  const { uid, plannedAt, filter, patch, cap, hash } = campaign;
  const records: CampaignRecord[] = [];
  for (let from = 0; from < campaign.records; from += PAGE) {
    records.push(...(await registry.campaignRecords(uid, from, PAGE, signal)));
  }
  if (planHash({ uid, plannedAt, filter, patch, cap }, records) === hash) return;
  throw new CallsealError('NOT_AUTHENTIC', 'the plan in the registry is not the one that its hash names', {
    hint: 'somebody changed it: plan again, and look at who may write the registry',
  });
}
