import { describe, expect, test } from 'vitest';
import type { CallEvent } from '../../../src/domain/call-event.ts';
import { parsePatch } from '../../../src/domain/patch-event.ts';
import { NO_CAP, REPLAY_CAP, type ReplayLimits } from '../../../src/domain/replay.ts';
import { inboxWithCampaigns } from '../../../src/work/replay/drive-campaigns.ts';
import { type MadePlan, type PlanRequest, planReplay } from '../../../src/work/replay/plan-replay.ts';
import { chunkRunner } from '../../../src/work/replay/run-chunk.ts';
import { artifact, callEvent, recordOf, TOPIC, TRANSCRIPT } from '../given.ts';
import { SIGNAL } from '../seen.ts';
import { openWorld, type World } from '../world.ts';

const LIMITS: ReplayLimits = { perSecond: undefined, bytesPerSecond: undefined, canary: 0, stopAt: 0.05 };

/** A world that parks at the first failure. */
async function world(): Promise<World> {
  return await openWorld({ parts: { retry: { inPlace: 1, giveUpAfterMs: 0 } } });
}

function partsOf(of: World) {
  const { registry, events, inbox, keys, sources, auditor, parts } = of;
  const { tenants, limits, now } = parts;
  return { registry, events, inbox, keys, sources, auditor, tenants, limits, now };
}

async function send(of: World, ...events: (CallEvent | Buffer)[]): Promise<void> {
  for (const event of events) await of.inbox.publish(recordOf(event), SIGNAL);
  await work(of);
}

async function work(of: World): Promise<void> {
  await inboxWithCampaigns(of.inbox, partsOf(of)).run(of.handler, { untilIdle: true }, SIGNAL);
}

async function plan(of: World, changes: Partial<PlanRequest> = {}): Promise<MadePlan> {
  of.clock.ms += 1_000;
  const request = { filter: {}, most: 1_000, patch: undefined, anyway: false, quarantined: false };
  return await planReplay(partsOf(of), { ...request, ...changes }, SIGNAL);
}

async function apply(of: World, { uid }: MadePlan, limits: Partial<ReplayLimits> = {}): Promise<void> {
  const fact = of.auditor.fact('campaign.apply', { subject: { kind: 'campaign', uid }, ticket: 'T-1' });
  const how = { at: fact.time, ticket: 'T-1', fact };
  await of.registry.applyPlan(uid, { ...LIMITS, ...limits }, how, SIGNAL);
}

function findings({ records }: MadePlan): (string | undefined)[] {
  return records.map(({ finding }) => finding);
}

async function stateOf(of: World, { uid }: MadePlan): Promise<string | undefined> {
  return (await of.registry.campaign(uid, SIGNAL))?.state;
}

/** `call replay answer`, in order. */
async function answersOf(of: World): Promise<string[]> {
  const rows = await of.rows('select call, replay, answer from answers order by call, replay, uid');
  return rows.map((row) => `${String(row['call'])} ${String(row['replay'])} ${String(row['answer'])}`);
}

async function outcomes(of: World): Promise<number> {
  const [row] = await of.rows(
    `select count(*) as n from output_records where topic = 'callseal.calls.outcome'
       and json_extract(headers, '$."callseal-replay"') = '1'`,
  );
  return Number(row?.['n']);
}

function calls(count: number): CallEvent[] {
  return Array.from({ length: count }, (_, i) =>
    callEvent({ call: `c-${i}`, artifacts: [artifact('transcript', 'transcript', `c-${i}.json`)] }),
  );
}

function bring(of: World, count: number): void {
  for (let i = 0; i < count; i++) of.put(`c-${i}.json`, TRANSCRIPT);
}

/** As a runner does right before it publishes. */
async function claimFirst(of: World, { uid, records }: MadePlan): Promise<void> {
  await of.registry.claimReplays(uid, records.slice(0, 1), () => of.auditor.fact('call.replay'), SIGNAL);
}

describe('a replay', () => {
  test('of a call whose source came back seals it, once, under its own origin', async () => {
    const of = await world();
    await send(of, callEvent());
    expect(findings(await plan(of))).toEqual(['SOURCE_MISSING']);
    of.put('c-1.json', TRANSCRIPT);
    const made = await plan(of);
    expect(findings(made)).toEqual([undefined]);
    expect(await answersOf(of)).toEqual(['c-1 0 parked']);
    await apply(of, made);
    await work(of);
    expect(await answersOf(of)).toEqual(['c-1 0 parked', 'c-1 1 sealed']);
    expect(await stateOf(of, made)).toBe('finished');
    expect(await outcomes(of)).toBe(1);
    expect((await of.receipt()).revision).toBe(1);
    const audited = (await of.facts()).filter(({ action }) => /^(campaign|call\.replay)/.test(action));
    expect(audited.map(({ action, ticket }) => `${action} ${ticket ?? '-'}`)).toEqual([
      'campaign.plan -',
      'campaign.plan -',
      'campaign.apply T-1',
      'call.replay T-1',
      'campaign.finish T-1',
    ]);
  });

  test('of a call that was shredded is in no plan, and one planned before is refused', async () => {
    const of = await world();
    await send(of, callEvent());
    of.put('c-1.json', TRANSCRIPT);
    const before = await plan(of);
    const audit = { uid: 'shred-1', fact: of.auditor.fact('call.shred'), at: '2026-11-24T11:00:00.000Z' };
    await of.registry.shred({ tenant: 't-1', call: 'c-1' }, audit, SIGNAL);
    expect(findings(await plan(of))).toEqual(['CALL_SHREDDED']);
    await apply(of, before);
    await work(of);
    expect(await of.rows('select answer, code from answers where replay = 1')).toEqual([
      { answer: 'refused', code: 'CALL_SHREDDED' },
    ]);
    expect(await of.objectNames()).toEqual([]);
  });

  test('of a revision below the sealed one is in no plan, and one planned before is superseded', async () => {
    const of = await world();
    await send(of, callEvent());
    of.put('c-1.json', TRANSCRIPT);
    const before = await plan(of);
    await send(of, callEvent({ revision: 2 }));
    expect(findings(await plan(of))).toEqual(['REVISION_LOWER']);
    await apply(of, before);
    await work(of);
    expect(await of.rows('select answer from answers where replay = 1')).toEqual([{ answer: 'superseded' }]);
    expect((await of.receipt()).revision).toBe(2);
  });

  test('of a revision that was sealed meanwhile is in no plan', async () => {
    const of = await world();
    await send(of, callEvent());
    of.put('c-1.json', TRANSCRIPT);
    await send(of, callEvent());
    expect(findings(await plan(of))).toEqual(['ALREADY_SEALED']);
  });

  test('of an event that is refused for ever is in no plan', async () => {
    const of = await world();
    await send(of, Buffer.from('no JSON'));
    const { records } = await plan(of);
    expect(records).toMatchObject([{ finding: 'EVENT_NOT_JSON', call: undefined }]);
  });

  test('that parks again and again is quarantined, and taken only by a plan that says so', async () => {
    const of = await world();
    const wrong = artifact('transcript', 'transcript', 'c-1.json', { sha256: '0'.repeat(64) });
    of.put('c-1.json', TRANSCRIPT);
    await send(of, callEvent({ artifacts: [wrong] }));
    for (let replay = 1; replay <= REPLAY_CAP; replay++) {
      await apply(of, await plan(of));
      await work(of);
    }
    expect(findings(await plan(of))).toEqual(['QUARANTINED']);
    expect(await plan(of, { quarantined: true })).toMatchObject({
      cap: NO_CAP,
      records: [{ finding: undefined, replay: REPLAY_CAP + 1 }],
    });
  });

  test('is authorised against the topic of its origin', async () => {
    const of = await world();
    await of.handle(of.delivery(callEvent(), { origin: { topic: 'other', partition: 0, offset: 0 } }));
    const [row] = await of.registry.answers({ limit: 1 }, SIGNAL);
    if (!row) throw new Error('no answer');
    const letter = await of.letters.seal(row, of.delivery(callEvent()), SIGNAL);
    await of.events.publish([letter], SIGNAL);
    expect(findings(await plan(of, { anyway: true }))).toEqual(['TENANT_NOT_OF_TOPIC']);
  });

  test('headers of an edge that claim an origin and a number are not believed', async () => {
    const of = await world();
    await send(of, callEvent());
    of.put('c-1.json', TRANSCRIPT);
    const record = recordOf(callEvent({ revision: 2 }));
    const forged = { 'callseal-origin': `${TOPIC}/0/0`, 'callseal-replay': '1' };
    await of.inbox.publish({ ...record, headers: { ...record.headers, ...forged } }, SIGNAL);
    await work(of);
    expect(await of.rows('select origin_offset, replay, answer, replays from answers order by 1')).toEqual([
      { origin_offset: 0, replay: 0, answer: 'parked', replays: 0 },
      { origin_offset: 1, replay: 0, answer: 'sealed', replays: 0 },
    ]);
  });
});

describe('a correction', () => {
  const PATCH = parsePatch('[{"op":"replace","path":"/artifacts/0/source/key","value":"right.json"}]');

  test('replays the event with other bytes, and the registry takes those and no others', async () => {
    const of = await world();
    await send(of, callEvent());
    of.put('right.json', TRANSCRIPT);
    const seen: string[] = [];
    const onSample: PlanRequest['onSample'] = (_, before, after) =>
      void seen.push(before.value.toString(), after.value.toString());
    const made = await plan(of, { patch: PATCH, onSample });
    expect(seen[0]).toContain('c-1.json');
    expect(seen[1]).toContain('right.json');
    await apply(of, made);
    await work(of);
    expect(await answersOf(of)).toEqual(['c-1 0 parked', 'c-1 1 sealed']);
    expect((await of.receipt()).artifacts[0]?.source?.key).toBe('right.json');
  });

  test('that does not fit an event leaves it out', async () => {
    const of = await world();
    await send(of, callEvent());
    const patch = parsePatch('[{"op":"remove","path":"/nothing"}]');
    expect(findings(await plan(of, { patch }))).toEqual(['PATCH_FAILED']);
  });
});

describe('a campaign', () => {
  test('applied twice, and two overlapping plans, seal each call once', async () => {
    const of = await world();
    await send(of, ...calls(4));
    bring(of, 4);
    const [one, two] = [await plan(of), await plan(of)];
    await apply(of, one);
    await apply(of, two);
    await apply(of, one);
    await work(of);
    expect(
      await of.rows('select replay, answer, count(*) as n from answers group by 1, 2 order by 1'),
    ).toEqual([
      { replay: 0, answer: 'parked', n: 4 },
      { replay: 1, answer: 'sealed', n: 4 },
    ]);
    expect(await outcomes(of)).toBe(4);
    const left = [one, two].map(async ({ uid }) => (await of.registry.tally(uid, SIGNAL)).leftOut);
    expect((await Promise.all(left)).toSorted((a, b) => a - b)).toEqual([0, 4]);
  });

  test('stops itself when too many of its canary are parked again; the rest stays as it was', async () => {
    const of = await world();
    await send(of, ...calls(6));
    const made = await plan(of, { anyway: true });
    await apply(of, made, { canary: 2 });
    await work(of);
    expect(await of.registry.campaign(made.uid, SIGNAL)).toMatchObject({
      state: 'stopped',
      code: 'TOO_MANY_FAILED',
    });
    expect(await of.registry.tally(made.uid, SIGNAL)).toMatchObject({
      published: 2,
      ready: 4,
      answers: { parked: 2 },
    });
  });

  test('goes on behind a canary that was sealed', async () => {
    const of = await world();
    await send(of, ...calls(6));
    bring(of, 6);
    const made = await plan(of);
    await apply(of, made, { canary: 2 });
    await work(of);
    expect(await stateOf(of, made)).toBe('finished');
    expect(await outcomes(of)).toBe(6);
  });

  test('cancelled between claim and mark publishes what it claimed and leaves the rest parked', async () => {
    const of = await world();
    await send(of, ...calls(3));
    bring(of, 3);
    const made = await plan(of);
    await apply(of, made);
    await claimFirst(of, made);
    const cancelled = { from: ['running'], to: 'cancelled', at: 'now' } as const;
    await of.registry.changeCampaign(made.uid, cancelled, of.auditor.fact('campaign.cancel'), SIGNAL);
    await work(of);
    expect(await answersOf(of)).toEqual(
      ['c-0 0 parked', 'c-1 0 parked', 'c-2 0 parked', `${made.records[0]?.call} 1 sealed`].toSorted(),
    );
    expect(findings(await plan(of))).toEqual([undefined, undefined]);
  });

  test('in flight is in no other plan', async () => {
    const of = await world();
    await send(of, ...calls(2));
    bring(of, 2);
    const made = await plan(of);
    await apply(of, made);
    await claimFirst(of, made);
    expect(findings(await plan(of))).toEqual([undefined]);
  });

  test('whose rows were changed in the registry publishes nothing', async () => {
    const of = await world();
    await send(of, ...calls(2));
    bring(of, 1);
    const made = await plan(of);
    await apply(of, made);
    await of.rows(`update campaign_records set state = 'ready', finding = null where finding is not null`);
    await expect(work(of)).rejects.toMatchObject({ code: 'NOT_AUTHENTIC' });
    expect(await of.registry.campaign(made.uid, SIGNAL)).toMatchObject({
      state: 'stopped',
      code: 'PLAN_CHANGED',
    });
    expect(await answersOf(of)).toEqual(['c-0 0 parked', 'c-1 0 parked']);
  });

  test("starts by its operator's word only: a stranger's job names what is not to be run", async () => {
    const of = await world();
    await send(of, ...calls(1));
    bring(of, 1);
    const made = await plan(of);
    const run = chunkRunner(partsOf(of));
    expect(await run('nowhere', 0, SIGNAL)).toBe('halted');
    expect(await run(made.uid, 0, SIGNAL)).toBe('halted');
    await apply(of, made);
    expect(await run(made.uid, 7, SIGNAL)).toBe('halted');
    expect(await of.registry.tally(made.uid, SIGNAL)).toMatchObject({ ready: 1, published: 0 });
  });

  test('leaves out a letter that holds other bytes than were planned', async () => {
    const of = await world();
    await send(of, ...calls(1));
    bring(of, 1);
    const made = await plan(of);
    const row = await of.registry.answer(made.records[0]?.answerUid ?? '', SIGNAL);
    if (!row) throw new Error('no answer');
    const other = await of.letters.seal(row, of.delivery(callEvent({ call: 'c-0', revision: 7 })), SIGNAL);
    await of.rows(`delete from output_records where topic = 'callseal.calls.dlq'`);
    await of.events.publish([other], SIGNAL);
    await apply(of, made);
    await work(of);
    expect(await of.registry.campaignRecords(made.uid, 0, 1, SIGNAL)).toMatchObject([
      { state: 'left-out', finding: 'LETTER_CHANGED' },
    ]);
    expect(await answersOf(of)).toEqual(['c-0 0 parked']);
  });

  test('leaves out a letter that is not on its topic any more', async () => {
    const of = await world();
    await send(of, ...calls(1));
    bring(of, 1);
    const made = await plan(of);
    await of.rows(`delete from output_records where topic = 'callseal.calls.dlq'`);
    await apply(of, made);
    await work(of);
    expect(await of.registry.tally(made.uid, SIGNAL)).toMatchObject({ leftOut: 1, published: 0 });
    expect(findings(await plan(of))).toEqual(['LETTER_MISSING']);
  });
});
