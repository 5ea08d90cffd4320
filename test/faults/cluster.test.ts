import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Plan, runCampaign } from './cluster-campaign.ts';
import { judgeCluster } from './cluster-judge.ts';
import { type ClusterWorld, clusterWorld } from './cluster-world.ts';

const LONG = process.env['CALLSEAL_LONG'] === '1';
const HOURS_MS = 2 * 3_600_000;

const OF_THREE: Plan = LONG
  ? {
      workerKills: 100,
      zombies: 20,
      brokerKills: 20,
      brokerAwayMs: 8_000,
      rollingDeploys: 5,
      certificatesRotated: 3,
      bounces: 3,
    }
  : {
      workerKills: 4,
      zombies: 1,
      brokerKills: 2,
      brokerAwayMs: 5_000,
      rollingDeploys: 1,
      certificatesRotated: 0,
      bounces: 1,
    };
const THE_ONLY_ONE: Plan = {
  workerKills: 2,
  zombies: 1,
  brokerKills: 2,
  brokerAwayMs: 60_000,
  rollingDeploys: 1,
  certificatesRotated: 1,
  bounces: 0,
};

const cases: [string, { base: number; brokers: 1 | 3; plan: Plan }][] = [
  ['three brokers', { base: 4000, brokers: 3, plan: OF_THREE }],
  ...(LONG
    ? [['one broker', { base: 5000, brokers: 1, plan: THE_ONLY_ONE }] satisfies (typeof cases)[number]]
    : []),
];

/** Not yet seen through on every machine: `make proof STEPS=cluster` runs it, and CI says that it does not. */
const skipped = LONG ? '' : ' (skipped: make proof STEPS=cluster runs it)';

describe.skipIf(!LONG).each(cases)(
  `profile production on %s, under load${skipped}`,
  (name, { base, brokers, plan }) => {
    let world: ClusterWorld;
    beforeAll(async () => {
      world = await clusterWorld(base, brokers);
    }, 300_000);
    afterAll(async () => await world.remove(), 120_000);

    test('nothing lost, nothing doubled, in order, whatever was killed', { timeout: HOURS_MS }, async () => {
      const say = (line: string): void => void process.stdout.write(`${name}: ${line}\n`);
      const done = await runCampaign(world, plan, say);
      const { wrong, ...counts } = await judgeCluster(world);
      say(`{"done":${JSON.stringify(done)},"found":${JSON.stringify(counts)},"wrong":${wrong.length}}`);
      expect(wrong.slice(0, 20)).toEqual([]);
    });
  },
);
