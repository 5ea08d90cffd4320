import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Campaign, crashCampaign, killsOf } from './embedded-campaign.ts';
import { judge } from './embedded-judge.ts';
import { type EmbeddedWorld, embeddedWorld } from './embedded-world.ts';

/** 60 here and 300 under CALLSEAL_LONG=1 (make proof). */
const KILLS = process.env['CALLSEAL_LONG'] === '1' ? 300 : 60;
const SEED = Number(process.env['CALLSEAL_SEED'] ?? 1);

describe(`a worker that is killed ${KILLS} times (seed ${SEED})`, () => {
  let world: EmbeddedWorld;
  let campaign: Campaign;

  beforeAll(async () => {
    world = await embeddedWorld();
    campaign = await crashCampaign(world, KILLS, SEED);
  }, 3_600_000);
  afterAll(async () => await world.remove());

  test('died at every step of the path', () => {
    const figures = { deliveries: campaign.expected.length, kills: Object.fromEntries(campaign.kills) };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    expect(killsOf(campaign)).toBeGreaterThanOrEqual(KILLS);
    expect(campaign.kills.size).toBeGreaterThanOrEqual(15);
  });

  test('loses nothing, doubles nothing, and leaves nothing in clear', async () => {
    expect(await judge(world, campaign)).toEqual([]);
  }, 600_000);
});
