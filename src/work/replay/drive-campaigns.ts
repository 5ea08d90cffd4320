import { setTimeout as sleep } from 'node:timers/promises';
import { CallsealError, codeOf } from '../../domain/errors.ts';
import type { Campaign } from '../../ports/campaigns.ts';
import type { Handler, Inbox } from '../../ports/inbox.ts';
import type { JobPayload, Jobs } from '../../ports/jobs.ts';
import type { Observer } from '../observer.ts';
import { chunkOf, chunkRunner, type RunParts } from './run-chunk.ts';

/** The name of the jobs. */
export const REPLAY_JOBS = 'replay';

const LOOK_EVERY_MS = 1_000;
const REST_MS = { first: 1_000, most: 60_000 };

export interface DriveParts extends RunParts {
  readonly jobs: Pick<Jobs, 'run' | 'add'>;
  readonly observer: Pick<Observer, 'scheduleFailed'>;
}

/**
 * Keeps campaigns going until `signal` aborts: looks into the registry for those that have something to publish, and
 * asks the queue for their next chunk, which one worker runs at a time. What is lost with the queue is asked for again.
 * Never rejects: sealing goes on without campaigns.
 */
export async function driveCampaigns(parts: DriveParts, signal: AbortSignal): Promise<void> {
  const run = chunkRunner(parts);
  const runner = async (payload: JobPayload, stop: AbortSignal): Promise<void> => {
    // An id and a number: whatever else somebody wrote there starts nothing.
    const { campaign, chunk } = payload;
    if (typeof campaign !== 'string' || typeof chunk !== 'number') return;
    await run(campaign, chunk, stop);
  };
  await Promise.all([
    untilAborted(parts, signal, async () => await parts.jobs.run(REPLAY_JOBS, runner, signal)),
    untilAborted(parts, signal, async () => {
      for (const campaign of await parts.registry.openCampaigns(signal)) {
        const chunk = await nextChunk(parts, campaign, signal);
        const payload = { campaign: campaign.uid, chunk };
        await parts.jobs.add(REPLAY_JOBS, `${campaign.uid}-${chunk}`, payload, signal);
      }
    }),
  ]);
}

/** A campaign with nothing ready still has claims to publish, or is to be finished. */
async function nextChunk(
  { registry }: Pick<RunParts, 'registry'>,
  { uid }: Campaign,
  signal: AbortSignal,
): Promise<number> {
  return chunkOf((await registry.nextRecord(uid, 'ready', signal)) ?? 0);
}

async function untilAborted(
  { observer }: Pick<DriveParts, 'observer'>,
  signal: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  let restMs = REST_MS.first;
  while (!signal.aborted) {
    try {
      await act();
      restMs = LOOK_EVERY_MS;
    } catch (error) {
      if (signal.aborted) return;
      observer.scheduleFailed?.(REPLAY_JOBS, asOurs(error));
      restMs = Math.min(2 * restMs, REST_MS.most);
    }
    await sleep(restMs, undefined, { signal }).catch(() => undefined);
  }
}

function asOurs(error: unknown): CallsealError {
  if (error instanceof CallsealError) return error;
  return new CallsealError(codeOf(error), 'a campaign failed', { cause: error });
}

/**
 * An inbox whose `run` with `untilIdle` is idle only when no campaign can go on either: for a worker that does what is
 * due and ends, without a queue. A campaign that waits for answers which a later retry will give is left for later.
 */
export function inboxWithCampaigns(inbox: Inbox, parts: RunParts): Inbox {
  const run = chunkRunner(parts);
  const advance = async (signal: AbortSignal): Promise<boolean> => {
    let moved = false;
    for (const campaign of await parts.registry.openCampaigns(signal)) {
      const end = await run(campaign.uid, await nextChunk(parts, campaign, signal), signal);
      moved ||= end === 'moved';
    }
    return moved;
  };
  return {
    ...inbox,
    run: async (handle: Handler, options, signal) => {
      await inbox.run(handle, options, signal);
      if (!options.untilIdle) return;
      while (!signal.aborted && (await advance(signal))) await inbox.run(handle, options, signal);
    },
  };
}
