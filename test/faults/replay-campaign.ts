import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type EmbeddedWorld, noise, type Run, TENANTS } from './embedded-world.ts';

/** What a campaign of replays went through, and what is left of its promises. */
export interface ReplayFigures {
  readonly calls: number;
  readonly kills: readonly string[];
  /** Published when it was paused, and after a worker had run in the pause. */
  readonly paused: readonly [number, number];
  readonly overlapping: number;
  readonly replayRecords: number;
  readonly minutes: number;
}

const LATER = join(import.meta.dirname, '../transcripts/hours-later.ts');
const A_DAY_LATER = { NODE_OPTIONS: `--import ${LATER}`, HOURS_LATER: '26' };

/**
 * Calls whose sources were missing and came back: parked, planned twice, applied twice, with a canary, a pause, a
 * resume, and a worker that is killed between claim and publish, between publish and mark, and after the mark.
 */
export async function replayCampaign(world: EmbeddedWorld, calls: number): Promise<ReplayFigures> {
  const from = performance.now();
  await publishAll(world, calls);
  fine(await world.callseal(['worker', '--until-idle']));
  fine(await world.callseal(['worker', '--until-idle'], A_DAY_LATER));
  for (let i = 0; i < calls; i++) await world.source(tenantOf(i), `c-${i}.bin`, noise(`c-${i}`, 200));

  const first = await planAll(world, calls);
  const second = await planAll(world, calls);
  const apply = ['--ticket', 'T-1', '--canary', '20', '--stop-at', '5%'];
  fine(await world.callseal(['replay', 'apply', '--plan', first.plan, ...apply, '--rate', '5000/s']));
  const kills = [await killed(world, 'after-replay-claim:3'), await killed(world, 'after-replay-publish:2')];

  fine(await world.callseal(['replay', 'pause', first.campaign, '--ticket', 'T-1']));
  // What was claimed before the pause goes out; nothing is claimed in it.
  fine(await world.callseal(['worker', '--until-idle']));
  const before = (await statusOf(world, first.campaign)).published;
  fine(await world.callseal(['worker', '--until-idle']));
  const paused = [before, (await statusOf(world, first.campaign)).published] as const;

  fine(await world.callseal(['replay', 'apply', '--plan', second.plan, '--ticket', 'T-2', '--canary', '5']));
  fine(await world.callseal(['replay', 'resume', first.campaign, '--ticket', 'T-1']));
  kills.push(await killed(world, 'after-replay-mark:2'));
  fine(await world.callseal(['replay', 'apply', '--plan', first.plan, ...apply]));
  fine(await world.callseal(['worker', '--until-idle']));

  const overlapping = (await statusOf(world, second.campaign)).published;
  const replayRecords = inDatabase(world, (database) =>
    count(database, `select count(*) as n from input_records where topic = 'callseal.calls.replay'`),
  );
  const minutes = Math.round((performance.now() - from) / 600) / 100;
  return { calls, kills, paused, overlapping, replayRecords, minutes };
}

/** With SQL of its own. @returns every promise that does not hold, as a sentence */
export function judgeReplays(world: EmbeddedWorld, calls: number): string[] {
  return inDatabase(world, (database) => [
    ...expected(database, 'parked answers of replay 0', calls, PARKED),
    ...expected(database, 'sealed answers of replay 1', calls, SEALED),
    ...expected(database, 'answers', 2 * calls, 'select count(*) as n from answers'),
    ...expected(database, 'receipts', calls, 'select count(*) as n from receipts'),
    ...expected(database, 'replays in the ledger', calls, 'select sum(replays) as n from answers'),
    ...expected(database, 'deliveries replayed more than once', 0, MORE_THAN_ONCE),
    ...expected(database, 'outcomes of replay 1', calls, OUTCOMES),
    ...expected(database, 'calls with an outcome of replay 1', calls, CALLS_WITH_OUTCOME),
    ...expected(database, 'audited replays', calls, AUDITED),
    ...expected(database, 'records that wait', 0, 'select count(*) as n from waiting_records'),
    ...expected(database, 'campaigns that have ended', 2, ENDED),
  ]);
}

const PARKED = `select count(*) as n from answers where replay = 0 and answer = 'parked'`;
const SEALED = `select count(*) as n from answers where replay = 1 and answer in ('sealed', 'sealed-with-warnings')`;
const MORE_THAN_ONCE = 'select count(*) as n from answers where replays > 1 or replay > 1';
const REPLAYED = `topic = 'callseal.calls.outcome' and json_extract(headers, '$."callseal-replay"') = '1'`;
const OUTCOMES = `select count(*) as n from output_records where ${REPLAYED}`;
const CALLS_WITH_OUTCOME = `select count(distinct key) as n from output_records where ${REPLAYED}`;
const AUDITED = `select count(*) as n from audit_events where action = 'call.replay'`;
const ENDED = `select count(*) as n from campaigns where state = 'finished'`;

function expected(database: DatabaseSync, what: string, wanted: number, query: string): string[] {
  const found = count(database, query);
  return found === wanted ? [] : [`${found} ${what} instead of ${wanted}`];
}

function count(database: DatabaseSync, query: string): number {
  return Number(database.prepare(query).get()?.['n'] ?? 0);
}

function inDatabase<T>(world: EmbeddedWorld, read: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(world.data, 'callseal.db'), { readOnly: true });
  try {
    return read(database);
  } finally {
    database.close();
  }
}

function tenantOf(i: number): string {
  return TENANTS[i % TENANTS.length] ?? TENANTS[0];
}

async function publishAll(world: EmbeddedWorld, calls: number): Promise<void> {
  const publish = async (_: unknown, i: number): Promise<unknown> => {
    const [tenant, call] = [tenantOf(i), `c-${i}`];
    const source = { alias: 'edge', key: `${call}.bin` };
    const event = {
      specversion: '1.0',
      id: call,
      source: 'urn:test',
      type: 'callseal.call.completed.v1',
      data: {
        tenant,
        call,
        revision: 1,
        consent: { recording: 'granted' },
        artifacts: [{ id: 'context', kind: 'context', source }],
      },
    };
    return await world.publish(Buffer.from(JSON.stringify(event)), `${tenant}/${call}`);
  };
  await Promise.all(Array.from({ length: calls }, publish));
}

async function planAll(
  world: EmbeddedWorld,
  calls: number,
): Promise<{ readonly plan: string; readonly campaign: string }> {
  const { stdout } = fine(await world.callseal(['replay', 'plan', '--code', 'SOURCE_MISSING', '--json']));
  const plan = JSON.parse(stdout) as { plan: string; campaign: string; taken: number };
  if (plan.taken !== calls) throw new Error(`the plan takes ${plan.taken} of ${calls}`);
  return plan;
}

async function statusOf(world: EmbeddedWorld, campaign: string): Promise<{ readonly published: number }> {
  const { stdout } = fine(await world.callseal(['replay', 'status', campaign, '--json']));
  return JSON.parse(stdout) as { published: number };
}

/** @returns the crash point */
async function killed(world: EmbeddedWorld, at: string): Promise<string> {
  const { signal, code, stderr } = await world.callseal(['worker', '--until-idle'], {
    CALLSEAL_CRASH_AT: at,
  });
  if (signal !== 'SIGKILL')
    throw new Error(`the worker was not killed at ${at} (${code}):\n${stderr.slice(-2_000)}`);
  return at;
}

function fine(run: Run): Run {
  if (run.code !== 0) throw new Error(`ended with ${run.code ?? run.signal}:\n${run.stderr.slice(-2_000)}`);
  return run;
}
