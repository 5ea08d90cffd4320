import { describe, expect, test } from 'vitest';
import { acrossTenants, type SqlDatabase } from '../../src/adapters/registry/sql.ts';
import type { ParkReason } from '../../src/domain/answers.ts';
import type { Wish } from '../../src/domain/decide.ts';
import type { ParkedFilter } from '../../src/ports/parked.ts';
import type { Proposal, Registry } from '../../src/ports/registry.ts';
import {
  fact,
  never,
  PARK,
  place,
  proposal,
  type Sealing,
  sealing,
  sealWhole,
} from './registry-proposals.ts';

const EARLY = '2026-11-20T10:00:00.000Z';
const LATE = '2026-11-24T10:00:00.000Z';
const SINCE = '2026-11-23T00:00:00.000Z';
const AUDITED = { actor: { kind: 'operator', id: 'ada' }, ticket: 'OPS-1' } as const;

interface Parking extends Partial<ParkReason> {
  readonly at?: string;
  readonly of?: Partial<Sealing>;
}

/** The part of the suite about what was parked and whom operators have paused (src/ports/parked.ts). */
export function registryParkedContract({
  registry: under,
  database,
}: {
  readonly registry: () => Registry;
  readonly database: () => SqlDatabase;
}): void {
  const decide = async (of: Sealing, wish: Wish, more: Partial<Proposal> = {}): Promise<string> => {
    const decided = await under().decide(proposal(of, wish, more), never);
    if (decided.kind !== 'answered') throw new Error('not answered');
    return decided.row.uid;
  };
  /** Parks the record at that offset. @returns the answer's uid */
  const park = async (offset: number, { at = LATE, of = {}, ...reason }: Parking = {}): Promise<string> => {
    if (PARK.kind !== 'park') throw new Error('a park');
    const given: ParkReason = { ...PARK.reason, workerVersion: '1.2.3', ...reason };
    const where = sealing({ origin: place(offset), call: `c-${offset}`, ...of });
    return await decide(where, { kind: 'park', reason: given }, { decidedAt: at });
  };
  const found = async (filter: ParkedFilter = {}, limit = 100) =>
    (await under().parked(filter, { newSince: SINCE, limit }, never)).map(({ answer }) => answer.uid);
  const audited = async (action: string) =>
    (await acrossTenants(database()).query('select event_uid from audit_events where action = $1', [action]))
      .length;
  const discard = async (...uids: string[]) =>
    await under().discardParked(
      uids.map((uid) => ({ uid, fact: fact('dlq.discard', AUDITED) })),
      never,
    );
  const restore = async (...uids: string[]) =>
    await under().restoreParked(
      uids.map((uid) => ({ uid, fact: fact('dlq.restore', AUDITED) })),
      never,
    );

  describe('what was parked', () => {
    test('is found by each thing that is known of it, and by nothing else', async () => {
      const plain = await park(0, { at: EARLY });
      const other = await park(1, {
        code: 'TENANT_UNKNOWN',
        stage: 'authorise',
        fingerprint: 'abcd',
        workerVersion: '2.0.0',
        of: { tenant: 't-2', call: 'c-9' },
      });
      const narrow: readonly ParkedFilter[] = [
        { uid: other },
        { tenant: 't-2' },
        { call: 'c-9' },
        { code: 'TENANT_UNKNOWN' },
        { stage: 'authorise' },
        { fingerprint: 'abc' },
        { since: SINCE },
        { workerVersion: '2.0.0' },
        { origin: place(1) },
        { state: 'waiting', since: SINCE },
      ];
      for (const filter of narrow) expect([filter, await found(filter)]).toEqual([filter, [other]]);
      expect(await found({ until: SINCE })).toEqual([plain]);
      expect(await found({ replays: 1 })).toEqual([]);
      expect(new Set(await found())).toEqual(new Set([plain, other]));
    });

    test('comes with never-seen fingerprints first, the newest first in both', async () => {
      const first = await park(0, { at: EARLY, fingerprint: 'old' });
      const again = await park(1, { at: '2026-11-24T12:00:00.000Z', fingerprint: 'old' });
      const fresh = await park(2, { at: LATE, fingerprint: 'new' });
      expect(await found()).toEqual([fresh, again, first]);
      expect(await found({}, 1)).toEqual([fresh]);
      const [, known] = await under().parked({}, { newSince: SINCE, limit: 2 }, never);
      expect(known?.firstSeenAt).toBe(EARLY);
    });

    test('counts its replays; one that was replayed waits no more, its next park does', async () => {
      const first = await park(0);
      const second = await park(0, { at: '2026-11-24T11:00:00.000Z', of: { replay: 1 } });
      const read = await under().parked({}, { newSince: SINCE, limit: 10 }, never);
      expect(read.map(({ answer: { uid }, state, replays }) => [uid, state, replays])).toEqual([
        [second, 'waiting', 1],
        [first, 'replayed', 1],
      ]);
      expect(await found({ replays: 1, state: 'waiting' })).toEqual([second]);
      expect(await discard(first)).toEqual([]);
    });

    test('is counted by cause, by time and by whom, never-seen causes first', async () => {
      await park(0, { at: EARLY, fingerprint: 'old' });
      await park(1, { fingerprint: 'old', of: { tenant: 't-2' } });
      await park(2, { fingerprint: 'new', stage: 'seal' });
      const groups = async (by: 'cause' | 'tenant' | 'day' | 'worker' | 'replays') =>
        await under().parkedGroups({}, { by, newSince: SINCE }, never);
      expect(await groups('cause')).toEqual([
        {
          value: 'EVENT_NOT_JSON seal new',
          cause: { code: 'EVENT_NOT_JSON', stage: 'seal', fingerprint: 'new' },
          count: 1,
          tenants: 1,
          oldestAt: LATE,
          newestAt: LATE,
          firstSeenAt: LATE,
        },
        {
          value: 'EVENT_NOT_JSON decode old',
          cause: { code: 'EVENT_NOT_JSON', stage: 'decode', fingerprint: 'old' },
          count: 2,
          tenants: 2,
          oldestAt: EARLY,
          newestAt: LATE,
          firstSeenAt: EARLY,
        },
      ]);
      const counts = async (by: Parameters<typeof groups>[0]) =>
        (await groups(by)).map(({ value, count }) => [value, count]);
      expect(new Map((await counts('tenant')) as [string, number][])).toEqual(
        new Map([
          ['t-1', 2],
          ['t-2', 1],
        ]),
      );
      expect(await counts('day')).toEqual([
        ['2026-11-24', 2],
        ['2026-11-20', 1],
      ]);
      expect(await counts('worker')).toEqual([['1.2.3', 3]]);
      expect(await counts('replays')).toEqual([['0', 3]]);
    });

    test('is discarded and restored, each once, with who, why and an audit row', async () => {
      const [one, two] = [await park(0), await park(1)];
      expect(await discard(one, one, 'nobody')).toEqual([one]);
      expect([await found({ state: 'waiting' }), await found({ state: 'discarded' })]).toEqual([
        [two],
        [one],
      ]);
      const [marked] = await under().parked({ uid: one }, { newSince: SINCE, limit: 1 }, never);
      expect(marked?.discard).toEqual({ at: expect.any(String), by: 'ada', ticket: 'OPS-1' });
      expect(await restore(one, two)).toEqual([one]);
      expect(await found({ state: 'discarded' })).toEqual([]);
      expect([await audited('dlq.discard'), await audited('dlq.restore')]).toEqual([1, 1]);
    });

    test('without a call is found, counted and discarded like any other', async () => {
      const { call: _, ...unreadable } = proposal(sealing(), PARK);
      const decided = await under().decide(unreadable, never);
      const uid = decided.kind === 'answered' ? decided.row.uid : '';
      expect(await found({ state: 'waiting' })).toEqual([uid]);
      const [group] = await under().parkedGroups({}, { by: 'tenant', newSince: SINCE }, never);
      expect(group).toMatchObject({ value: undefined, count: 1, tenants: 0 });
      expect(await discard(uid)).toEqual([uid]);
    });

    test('by a rule of the decision names the worker too; what was refused is not parked', async () => {
      const refused = sealing({ origin: place(5), call: 'c-5' });
      await decide(refused, { kind: 'refuse', code: 'CONSENT_DENIED' });
      expect(await found()).toEqual([]);
      await sealWhole(under(), sealing());
      const reused = sealing({ origin: place(1), eventDigest: 'another' });
      const uid = await decide(reused, { kind: 'none' }, { workerVersion: '3.0.0' });
      expect(await found({ workerVersion: '3.0.0', code: 'REVISION_REUSED', stage: 'decide' })).toEqual([
        uid,
      ]);
    });
  });

  describe("an operator's pause", () => {
    const pause = async (tenant: string) =>
      await under().pauseIntake(tenant, fact('intake.pause', AUDITED), never);
    const resume = async (tenant: string) =>
      await under().resumeIntake(tenant, fact('intake.resume', AUDITED), never);

    test('stands until it is ended, with who, since when and why', async () => {
      expect([await pause('t-2'), await pause('t-2'), await pause('t-1')]).toEqual([true, false, true]);
      const pauses = await under().intakePauses(never);
      expect(new Set(pauses.map(({ tenant }) => tenant))).toEqual(new Set(['t-1', 't-2']));
      expect(pauses[0]).toMatchObject({ by: 'ada', ticket: 'OPS-1', at: expect.stringMatching(/Z$/) });
      expect([await resume('t-2'), await resume('t-2')]).toEqual([true, false]);
      expect((await under().intakePauses(never)).map(({ tenant }) => tenant)).toEqual(['t-1']);
      expect([await audited('intake.pause'), await audited('intake.resume')]).toEqual([2, 1]);
    });
  });
}
