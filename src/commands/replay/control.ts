import type { Command } from 'commander';
import { CallsealError } from '../../domain/errors.ts';
import type { CampaignState } from '../../domain/replay.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import { id } from '../words.ts';
import { requireCampaign } from './status.ts';

interface Change {
  readonly word: 'pause' | 'resume' | 'cancel';
  readonly says: string;
  readonly from: readonly CampaignState[];
  readonly to: CampaignState;
}

const CHANGES: readonly Change[] = [
  {
    word: 'pause',
    says: 'claim nothing more of a campaign; what was claimed is published all the same',
    from: ['running'],
    to: 'paused',
  },
  {
    word: 'resume',
    says: 'go on with a campaign that was paused or has stopped itself',
    from: ['paused', 'stopped'],
    to: 'running',
  },
  {
    word: 'cancel',
    says: 'end a campaign for ever; what it has not claimed stays parked',
    from: ['planned', 'running', 'paused', 'stopped'],
    to: 'cancelled',
  },
];

/** `callseal replay pause|resume|cancel`: audited, with the ticket where one is given. */
export function registerControl(replay: Command, app: App): void {
  for (const change of CHANGES) {
    example(
      replay
        .command(change.word)
        .description(change.says)
        .argument('<campaign>', 'its uid, or the hash of its plan', id)
        .action((ref: string) => carryOut(app, ref, change)),
      `callseal replay ${change.word} 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10 --ticket INC-4711`,
    );
  }
}

async function carryOut(app: App, ref: string, { word, from, to }: Change): Promise<void> {
  const { registry } = await app.ports();
  const { auditor } = await app.desk();
  const { uid } = await requireCampaign(registry, ref, app.signal);
  const fact = auditor.fact(`campaign.${word}`, { subject: { kind: 'campaign', uid } });
  const changed = await registry.changeCampaign(uid, { from, to, at: fact.time }, fact, app.signal);
  const { state } = await requireCampaign(registry, uid, app.signal);
  if (!changed && state !== to) {
    throw new CallsealError(
      'REFUSED',
      `a campaign that is ${state} cannot be ${word}${word.endsWith('e') ? 'd' : 'led'}`,
      {
        hint: `callseal replay status ${uid}`,
      },
    );
  }
  await app.voice.document({ campaign: uid, state, changed }, () => [`${uid} ${state}`]);
}
