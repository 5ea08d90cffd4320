import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedWorld, embeddedWorld } from './embedded-world.ts';
import { judgeReplays, type ReplayFigures, replayCampaign } from './replay-campaign.ts';

/** 15,000 under CALLSEAL_LONG=1 (make proof). */
const CALLS = process.env['CALLSEAL_LONG'] === '1' ? 15_000 : 200;

describe(`${CALLS} calls whose sources were missing and came back`, () => {
  let world: EmbeddedWorld;
  let figures: ReplayFigures;

  beforeAll(async () => {
    world = await embeddedWorld();
    figures = await replayCampaign(world, CALLS);
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  }, 3_600_000);
  afterAll(async () => await world.remove());

  test('are sealed once each, through three kills: none lost, none doubled', () => {
    expect(figures.kills).toHaveLength(3);
    expect(judgeReplays(world, CALLS)).toEqual([]);
  });

  test('stand still in a pause, claims made before it apart', () => {
    const [before, after] = figures.paused;
    expect(after).toBe(before);
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThan(CALLS);
  });

  test('are shared by overlapping plans; what was published twice is one replay', () => {
    expect(figures.overlapping).toBeLessThan(CALLS);
    expect(figures.replayRecords).toBeGreaterThan(CALLS);
  });
});
