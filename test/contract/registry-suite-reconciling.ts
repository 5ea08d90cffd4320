import { describe, expect, test } from 'vitest';
import { newUid } from '../../src/domain/ids.ts';
import type { AnswerMark } from '../../src/ports/reconciling.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { fact, never, PARK, place, proposal, sealing, sealWhole } from './registry-proposals.ts';

const at = (minute: number): string => `2026-11-24T10:${String(minute).padStart(2, '0')}:00.000Z`;

/** The part of the suite about reading a registry from end to end (src/ports/reconciling.ts). */
export function registryReconcilingContract(under: () => Registry): void {
  /** Parks the record at that offset at that minute. @returns the answer's uid */
  const park = async (offset: number, minute: number, replay = 0): Promise<string> => {
    const of = sealing({ origin: place(offset), replay, call: `c-${offset}` });
    const decided = await under().decide(proposal(of, PARK, { decidedAt: at(minute) }), never);
    if (decided.kind !== 'answered') throw new Error('not answered');
    return decided.row.uid;
  };
  const uids = (rows: readonly { readonly uid: string }[]): string[] => rows.map(({ uid }) => uid);

  describe('answers, page by page', () => {
    test('come by time, each once, also where several have the same time', async () => {
      const first = await park(0, 5);
      const same = [await park(1, 7), await park(2, 7), await park(3, 7)].toSorted();
      const last = await park(4, 9);
      const seen: string[] = [];
      for (let after: AnswerMark | undefined = { decidedAt: at(5), uid: '' }; after !== undefined; ) {
        const page = await under().answersBehind(after, 2, never);
        seen.push(...uids(page));
        after = page.at(-1);
      }
      expect(seen).toEqual([first, ...same, last]);
    });

    test('begin at the time that is asked for', async () => {
      await park(0, 5);
      const later = await park(1, 6);
      expect(uids(await under().answersBehind({ decidedAt: at(6), uid: '' }, 9, never))).toEqual([later]);
      expect(await under().answersBehind({ decidedAt: at(7), uid: '' }, 9, never)).toEqual([]);
    });

    test('are asked for by event and replay number, and those that are there come', async () => {
      const [one, two] = [await park(1, 5), await park(2, 5)];
      const again = await park(2, 6, 1);
      const asked = [
        { origin: place(1), replay: 0 },
        { origin: place(2), replay: 1 },
        { origin: place(2), replay: 2 },
        { origin: place(1, 'elsewhere'), replay: 0 },
        { origin: place(3_000_000_000), replay: 0 },
      ];
      expect(uids(await under().answersOf(asked, never)).toSorted()).toEqual([one, again].toSorted());
      expect(uids(await under().answersOf([{ origin: place(2), replay: 0 }], never))).toEqual([two]);
      expect(await under().answersOf([], never)).toEqual([]);
      const many = Array.from({ length: 500 }, (_, offset) => ({ origin: place(offset), replay: 0 }));
      expect(await under().answersOf(many, never)).toHaveLength(2);
    });
  });

  test('current receipts come by call uid, of one tenant or of all, without those that are shredded', async () => {
    const registry = under();
    await sealWhole(registry, sealing());
    await sealWhole(registry, sealing({ origin: place(1), revision: 2 }));
    await sealWhole(registry, sealing({ origin: place(2), call: 'c-2' }));
    await sealWhole(registry, sealing({ origin: place(3), tenant: 't-0' }));
    await sealWhole(registry, sealing({ origin: place(4), call: 'c-3' }));
    const how = { uid: newUid(), fact: fact('call.shred'), at: at(30) };
    await registry.shred({ tenant: 't-1', call: 'c-3' }, how, never);
    const seen: string[] = [];
    let callUid = '';
    for (let more = true; more; ) {
      const page = await registry.currentReceipts({ callUid }, 1, never);
      more = page.length > 0;
      for (const receipt of page) {
        expect(receipt.callUid > callUid).toBe(true);
        callUid = receipt.callUid;
        seen.push(`${receipt.tenant}/${receipt.call} ${receipt.revision}`);
      }
    }
    expect(seen.toSorted()).toEqual(['t-0/c-1 1', 't-1/c-1 2', 't-1/c-2 1']);
    const ofTenant = await registry.currentReceipts({ tenant: 't-0', callUid: '' }, 9, never);
    expect(ofTenant.map(({ tenant, call }) => `${tenant}/${call}`)).toEqual(['t-0/c-1']);
  });

  test('the oldest audit event that is not published: chained or not, until it is marked', async () => {
    const registry = under();
    expect(await registry.oldestUnpublished(never)).toBeUndefined();
    for (const minute of [1, 2]) await registry.append([fact('worker.start', { time: at(minute) })], never);
    expect(await registry.oldestUnpublished(never)).toBe(at(1));
    const fence = (await registry.leaseRelay('relay', 60_000, never)) ?? 0;
    await registry.sequence(fence, 1, never);
    expect(await registry.oldestUnpublished(never)).toBe(at(1));
    await registry.markPublished(fence, 1, never);
    expect(await registry.oldestUnpublished(never)).toBe(at(2));
    await registry.sequence(fence, 1, never);
    await registry.markPublished(fence, 2, never);
    expect(await registry.oldestUnpublished(never)).toBeUndefined();
  });
}
