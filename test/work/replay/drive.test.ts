import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../../src/domain/errors.ts';
import type { Campaign } from '../../../src/ports/campaigns.ts';
import type { JobPayload, JobRunner } from '../../../src/ports/jobs.ts';
import { type DriveParts, driveCampaigns, REPLAY_JOBS } from '../../../src/work/replay/drive-campaigns.ts';

const CAMPAIGN = { uid: 'u-1', state: 'planned' } as Campaign;

/** Parts that know one open campaign, whose next record is number 250. */
function partsOf(changes: {
  readonly jobs?: Partial<DriveParts['jobs']>;
  readonly onFailure?: (code: string) => void;
}) {
  const looked: string[] = [];
  const parts = {
    registry: {
      openCampaigns: async () => [CAMPAIGN],
      nextRecord: async () => 250,
      campaign: async (uid: string) => {
        looked.push(uid);
        return undefined;
      },
    },
    jobs: { run: async () => undefined, add: async () => undefined, ...changes.jobs },
    observer: { scheduleFailed: (_: string, { code }: CallsealError) => changes.onFailure?.(code) },
  } as unknown as DriveParts;
  return { parts, looked };
}

describe('the driver of campaigns', () => {
  test('asks the queue for the next chunk, by an id and a number and nothing else', async () => {
    const stop = new AbortController();
    const added: unknown[] = [];
    const add = async (name: string, id: string, payload: JobPayload): Promise<void> => {
      added.push([name, id, payload]);
      stop.abort();
    };
    await driveCampaigns(partsOf({ jobs: { add } }).parts, stop.signal);
    expect(added).toEqual([[REPLAY_JOBS, 'u-1-2', { campaign: 'u-1', chunk: 2 }]]);
  });

  test('takes no job for a campaign that is not an id and a number', async () => {
    const stop = new AbortController();
    const run = async (_: string, runner: JobRunner): Promise<void> => {
      for (const payload of [
        {},
        { campaign: 1, chunk: 1 },
        { campaign: 'u-1' },
        { chunk: 1 },
      ] as JobPayload[]) {
        await runner(payload, stop.signal);
      }
      await runner({ campaign: 'u-2', chunk: 0 }, stop.signal);
      stop.abort();
    };
    const { parts, looked } = partsOf({ jobs: { run } });
    await driveCampaigns(parts, stop.signal);
    expect(looked).toEqual(['u-2']);
  });

  test('tells of a queue that is away, and never rejects', async () => {
    const stop = new AbortController();
    const told: string[] = [];
    const add = async (): Promise<void> => {
      throw new CallsealError('JOBS_DOWN', 'away');
    };
    const onFailure = (code: string): void => {
      told.push(code);
      stop.abort();
    };
    await driveCampaigns(partsOf({ jobs: { add }, onFailure }).parts, stop.signal);
    expect(told).toEqual(['JOBS_DOWN']);
  });
});
