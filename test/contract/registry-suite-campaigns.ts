import { describe, expect, test } from 'vitest';
import type { Place } from '../../src/domain/deliveries.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { PlannedReplay, ReplayLimits, ReplayPlan } from '../../src/domain/replay.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { failureCode } from './failure-code.ts';
import { fact, never, open, PARK, place, proposal, sealing, sealProposal } from './registry-proposals.ts';

const LIMITS: ReplayLimits = { perSecond: 10, bytesPerSecond: undefined, canary: 2, stopAt: 0.05 };
const AT = '2026-11-24T11:00:00.000Z';

interface Planned {
  readonly plan: ReplayPlan & { readonly hash: string };
  readonly records: readonly PlannedReplay[];
}

/** The part of the suite about plans and campaigns (src/ports/campaigns.ts). */
export function registryCampaignsContract({ registry: under }: { readonly registry: () => Registry }): void {
  const park = async (origin: Place, replay = 0, digest = 'delivered'): Promise<string> => {
    const of = sealing({ origin, replay, digest, call: `c-${origin.offset}` });
    const decided = await under().decide(proposal(of, PARK), never);
    if (decided.kind !== 'answered') throw new Error('not parked');
    return decided.row.uid;
  };
  const record = (number: number, origin: Place, changes: Partial<PlannedReplay> = {}): PlannedReplay => ({
    number,
    answerUid: newUid(),
    origin,
    replay: 1,
    tenant: 't-1',
    call: `c-${origin.offset}`,
    callUid: undefined,
    revision: 1,
    digest: 'delivered',
    bytes: 100,
    after: undefined,
    finding: undefined,
    ...changes,
  });
  const planned = async (records: readonly PlannedReplay[], changes: Partial<ReplayPlan> = {}) => {
    const uid = newUid();
    const plan = {
      uid,
      plannedAt: AT,
      filter: { tenant: 't-1' },
      patch: undefined,
      cap: 5,
      hash: `h-${uid}`,
    };
    const made: Planned = { plan: { ...plan, ...changes }, records };
    await under().addPlan(made.plan, records, fact('campaign.plan', { subject: subjectOf(uid) }), never);
    return made;
  };
  const applied = async (records: readonly PlannedReplay[]) => {
    const made = await planned(records);
    expect(await apply(under(), made.plan.uid)).toBe(true);
    return made.plan.uid;
  };
  const claim = async (uid: string, records: readonly PlannedReplay[]) =>
    await under().claimReplays(uid, records, () => fact('call.replay'), never);

  describe('a plan', () => {
    test('is read as it was written, by uid and by hash', async () => {
      const records = [
        record(0, place(0), { after: '0000000000000007' }),
        record(1, place(1), { finding: 'SOURCE_MISSING', digest: '' }),
      ];
      const { plan } = await planned(records, { patch: '[]' });
      for (const ref of [plan.uid, plan.hash]) {
        expect(await under().campaign(ref, never)).toMatchObject({ ...plan, state: 'planned', records: 2 });
      }
      expect(await under().campaignRecords(plan.uid, 0, 10, never)).toEqual([
        { ...records[0], state: 'ready' },
        { ...records[1], state: 'left-out' },
      ]);
      expect(await under().campaignRecords(plan.uid, 1, 10, never)).toHaveLength(1);
      expect(await under().campaign('nowhere', never)).toBeUndefined();
      expect(await under().auditOf(plan.uid, 'campaign.plan', never)).toHaveLength(1);
    });

    test('is listed, the newest first, and has nothing to publish before it is applied', async () => {
      const old = await planned([]);
      const young = await planned([], { plannedAt: '2026-11-24T12:00:00.000Z' });
      const listed = await under().campaigns(10, never);
      expect(listed.map(({ uid }) => uid)).toEqual([young.plan.uid, old.plan.uid]);
      expect(await under().openCampaigns(never)).toEqual([]);
    });

    test('is applied once, with its limits and its ticket; a second time changes nothing', async () => {
      const { plan } = await planned([record(0, place(0))]);
      expect(await apply(under(), plan.uid)).toBe(true);
      const found = await under().campaign(plan.uid, never);
      expect(found).toMatchObject({ state: 'running', limits: LIMITS, ticket: 'T-1', appliedAt: AT });
      expect(await apply(under(), plan.uid, { ...LIMITS, canary: 9 })).toBe(false);
      expect(await under().campaign(plan.uid, never)).toEqual(found);
      expect(await under().auditOf(plan.uid, 'campaign.apply', never)).toHaveLength(1);
    });
  });

  describe('a claim', () => {
    test('takes the next number of a delivery that is parked, once, whoever asks', async () => {
      await park(place(0));
      const records = [record(0, place(0))];
      const [first, second] = [await applied(records), await applied(records)];
      expect(await claim(first, records)).toEqual([0]);
      expect(await claim(first, records)).toEqual([]);
      expect(await claim(second, records)).toEqual([]);
      expect(await under().campaignRecords(second, 0, 1, never)).toMatchObject([
        { state: 'left-out', finding: 'NOT_PARKED' },
      ]);
    });

    test('of many at once by two campaigns gives every number to one of them', async () => {
      for (let i = 0; i < 6; i++) await park(place(i));
      const records = Array.from({ length: 6 }, (_, i) => record(i, place(i)));
      const uids = [await applied(records), await applied(records)];
      const claims = await Promise.all(uids.map(async (uid) => await claim(uid, records)));
      expect(claims.flat().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    });

    test('is none of what is sealed, was never there, is in flight, or whose plan is older than its last replay', async () => {
      const of = sealing({ origin: place(1), call: 'c-1' });
      await under().decide(sealProposal(of, await open(under(), of)), never);
      await park(place(2));
      const records = [record(0, place(1)), record(1, place(5)), record(2, place(2), { replay: 2 })];
      expect(await claim(await applied(records), records)).toEqual([]);
    });

    test('of the next number waits for the answer of the last one, and needs it parked', async () => {
      await park(place(0));
      const again = [record(0, place(0), { replay: 2 })];
      expect(await claim(await applied([record(0, place(0))]), [record(0, place(0))])).toEqual([0]);
      expect(await claim(await applied(again), again)).toEqual([]);
      await park(place(0), 1);
      expect(await claim(await applied(again), again)).toEqual([0]);
    });

    test('is none of a discarded letter', async () => {
      const uid = await park(place(0));
      await under().discardParked([{ uid, fact: fact('dlq.discard', { ticket: 'T-2' }) }], never);
      const records = [record(0, place(0))];
      expect(await claim(await applied(records), records)).toEqual([]);
    });

    test('is none of a campaign that is not running, and what it had claimed stays to be published', async () => {
      for (const i of [0, 1]) await park(place(i));
      const records = [record(0, place(0)), record(1, place(1))];
      const { plan } = await planned(records);
      expect(await claim(plan.uid, records)).toEqual([]);
      await apply(under(), plan.uid);
      expect(await claim(plan.uid, records.slice(0, 1))).toEqual([0]);
      await change(under(), plan.uid, ['running'], 'cancelled');
      expect(await claim(plan.uid, records)).toEqual([]);
      expect(await under().openCampaigns(never)).toMatchObject([{ uid: plan.uid, state: 'cancelled' }]);
      await under().markReplayed(plan.uid, [0, 1], never);
      expect(await under().openCampaigns(never)).toEqual([]);
      expect(await under().nextRecord(plan.uid, 'ready', never)).toBe(1);
    });

    test('is refused by a registry that went back: it may have forgotten numbers that were published', async () => {
      await park(place(0));
      const records = [record(0, place(0))];
      const uid = await applied(records);
      await under().declareWentBack([], fact('registry.accept-restore'), never);
      expect(await failureCode(claim(uid, records))).toBe('REGISTRY_WENT_BACK');
    });

    test('says what the bytes of its number are: a patch may change them, and nothing else may', async () => {
      await park(place(0));
      const records = [record(0, place(0), { digest: 'patched' })];
      await claim(await applied(records), records);
      const wrong = sealing({ origin: place(0), replay: 1, call: 'c-0', digest: 'delivered' });
      expect(await failureCode(open(under(), wrong))).toBe('ORIGIN_REUSED');
      expect(await failureCode(under().decide(proposal(wrong, PARK), never))).toBe('ORIGIN_REUSED');
      const right = sealing({ origin: place(0), replay: 1, call: 'c-0', digest: 'patched' });
      const decided = await under().decide(sealProposal(right, await open(under(), right)), never);
      expect(decided).toMatchObject({ kind: 'answered', row: { answer: 'sealed', replay: 1 } });
    });
  });

  describe('a campaign', () => {
    test('is counted by what became of its records', async () => {
      for (const i of [0, 1, 2]) await park(place(i));
      const records = [0, 1, 2].map((i) => record(i, place(i)));
      const uid = await applied([...records, record(3, place(3), { finding: 'CALL_SHREDDED' })]);
      await claim(uid, records.slice(0, 2));
      await under().markReplayed(uid, [0], never);
      await park(place(0), 1);
      await under().leaveOut(uid, 2, 'LETTER_MISSING', never);
      expect(await under().tally(uid, never)).toEqual({
        total: 4,
        ready: 0,
        leftOut: 2,
        claimed: 1,
        published: 1,
        answers: { parked: 1 },
      });
      expect(await under().pace(uid, never)).toMatchObject({ lately: 1 });
    });

    test('changes only from the states that are named, each change with its audit event', async () => {
      const uid = await applied([record(0, place(0))]);
      expect(await change(under(), uid, ['paused'], 'running')).toBe(false);
      expect(await change(under(), uid, ['running'], 'stopped', 'TOO_MANY_FAILED')).toBe(true);
      expect(await under().campaign(uid, never)).toMatchObject({ state: 'stopped', code: 'TOO_MANY_FAILED' });
      expect(await change(under(), uid, ['stopped'], 'finished')).toBe(true);
      expect(await under().campaign(uid, never)).toMatchObject({
        state: 'finished',
        code: undefined,
        endedAt: AT,
      });
      expect(await under().auditOf(uid, 'campaign.pause', never)).toHaveLength(2);
    });
  });
}

function subjectOf(uid: string) {
  return { kind: 'campaign', uid } as const;
}

async function apply(registry: Registry, uid: string, limits = LIMITS): Promise<boolean> {
  const how = { at: AT, ticket: 'T-1', fact: fact('campaign.apply', { subject: subjectOf(uid) }) };
  return await registry.applyPlan(uid, limits, how, never);
}

async function change(
  registry: Registry,
  uid: string,
  from: Parameters<Registry['changeCampaign']>[1]['from'],
  to: Parameters<Registry['changeCampaign']>[1]['to'],
  code?: string,
): Promise<boolean> {
  const by = { from, to, at: AT, ...(code !== undefined && { code }) };
  return await registry.changeCampaign(uid, by, fact('campaign.pause', { subject: subjectOf(uid) }), never);
}
