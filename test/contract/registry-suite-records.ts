import { describe, expect, test } from 'vitest';
import type { SqlDatabase } from '../../src/adapters/registry/sql.ts';
import { auditText, CHAIN_START, chainEvent, hashOf } from '../../src/domain/audit-event.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { failureCode } from './failure-code.ts';
import {
  fact,
  HOUR,
  never,
  open,
  PARK,
  place,
  proposal,
  sealing,
  sealProposal,
  sealWhole,
} from './registry-proposals.ts';

interface Under {
  readonly registry: () => Registry;
  /** Another connection to the same registry. */
  readonly second: () => Promise<Registry>;
  readonly database: () => SqlDatabase;
  readonly oneWriter: () => boolean;
}

/** The part of the suite about what is kept: audit, sweep, small tables, restore. */
export function registryRecordsContract({ registry: under, second, database, oneWriter }: Under): void {
  describe('the audit log', () => {
    test('is chained in order, without gaps, from its start', async () => {
      const registry = under();
      await registry.append([fact('worker.start'), fact('config.load')], never);
      const fence = (await registry.leaseRelay('relay', HOUR, never)) ?? 0;
      expect(await registry.sequence(fence, 1, never)).toBe(1);
      await registry.append([fact('worker.stop')], never);
      expect(await registry.sequence(fence, 10, never)).toBe(2);
      const chain = await Array.fromAsync(registry.chain(1, never));
      expect(chain.map(({ action, seq }) => `${seq} ${action}`)).toEqual([
        '1 worker.start',
        '2 config.load',
        '3 worker.stop',
      ]);
      let prev = CHAIN_START;
      for (const event of chain) {
        const { hash, ...linked } = event;
        expect([event.prev, hash]).toEqual([prev, hashOf(linked)]);
        prev = hash;
      }
      expect(await registry.state(never)).toMatchObject({ auditSeq: 3 });
    });

    test('gives a row its number once, however late its transaction commits', async () => {
      const relay = await second();
      const fence = (await relay.leaseRelay('relay', HOUR, never)) ?? 0;
      const started = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      // Row numbers are taken when the row is written, and this one is committed last.
      const late = database().transaction(undefined, async (sql) => {
        await sql.query(
          `insert into audit_events (event_uid, action, fact) values ('late', 'worker.start', '{"eventUid":"late"}')`,
        );
        started.resolve();
        await gate.promise;
      });
      await started.promise;
      const between = async (): Promise<void> => {
        await relay.append([fact('worker.stop')], never);
        await relay.sequence(fence, 10, never);
      };
      // With one writer at a time nothing can come between; the others are asked while the row is still unseen.
      if (!oneWriter()) await between();
      gate.resolve();
      await late;
      if (oneWriter()) await between();
      while ((await relay.sequence(fence, 1, never)) > 0);
      const chain = await Array.fromAsync(relay.chain(1, never));
      expect(chain.map(({ seq }) => seq)).toEqual([1, 2]);
      expect(chain.map(({ eventUid }) => eventUid)).toContain('late');
      await relay.close();
    });

    test('two relays fence each other: the older number can neither chain nor mark', async () => {
      const registry = under();
      const other = await second();
      await registry.append([fact('worker.start')], never);
      const first = (await registry.leaseRelay('one', 0, never)) ?? 0;
      const next = (await other.leaseRelay('two', HOUR, never)) ?? 0;
      expect(next).toBeGreaterThan(first);
      expect(await registry.leaseRelay('one', HOUR, never)).toBeUndefined();
      expect(await failureCode(registry.sequence(first, 10, never))).toBe('FENCED');
      expect(await failureCode(registry.markPublished(first, 1, never))).toBe('FENCED');
      expect(await other.leaseRelay('two', HOUR, never)).toBe(next);
      expect(await other.sequence(next, 10, never)).toBe(1);
      await other.close();
    });

    test('remembers what is published, and never goes back', async () => {
      const registry = under();
      await registry.append([fact('worker.start'), fact('worker.stop')], never);
      expect(await registry.pending(never)).toEqual({ unsequenced: 2, unpublished: 0 });
      const fence = (await registry.leaseRelay('relay', HOUR, never)) ?? 0;
      await registry.sequence(fence, 10, never);
      expect((await registry.unpublished(1, never)).map(({ seq }) => seq)).toEqual([1]);
      await registry.markPublished(fence, 2, never);
      await registry.markPublished(fence, 1, never);
      expect(await registry.pending(never)).toEqual({ unsequenced: 0, unpublished: 0 });
      expect(await registry.unpublished(10, never)).toEqual([]);
    });

    test('takes the same event once, and finds what was said of a subject', async () => {
      const registry = under();
      const exported = fact('key.export', { subject: { kind: 'call', uid: 'u-1' } });
      await registry.append([exported], never);
      await registry.append([exported, fact('key.export')], never);
      expect(await registry.auditOf('u-1', 'key.export', never)).toEqual([exported]);
    });

    test('keeps the intents of a command open until somebody closes them', async () => {
      const registry = under();
      const intent = fact('key.unwrap', { outcome: { status: 'intent' } });
      await registry.openIntent({ fact: intent }, never);
      const unknown = () => fact('key.unwrap', { intentUid: intent.eventUid });
      expect(await registry.closeDanglingIntents(HOUR, unknown, never)).toBe(0);
      await registry.closeIntent({ intentUid: intent.eventUid, fact: unknown() }, never);
      expect(await registry.closeDanglingIntents(-1, unknown, never)).toBe(0);
    });
  });

  describe('the sweep', () => {
    const abandon = () => fact('attempt.abandon');
    const unknownEnd = (intent: { eventUid: string }) =>
      fact('key.generate', { outcome: { status: 'unknown' }, intentUid: intent.eventUid });

    test('abandons open attempts that nobody refreshed, and closes their intents', async () => {
      const registry = under();
      const of = sealing();
      await open(registry, of);
      expect(await registry.abandonAttempts(HOUR, abandon, never)).toBe(0);
      expect(await registry.closeDanglingIntents(HOUR, unknownEnd, never)).toBe(0);
      await registry.touchAttempts([of.attempt], never);
      expect(await registry.abandonAttempts(-1, abandon, never)).toBe(1);
      expect(await registry.attemptState(of.attempt, never)).toBe('abandoned');
      expect(await registry.closeDanglingIntents(HOUR, unknownEnd, never)).toBe(1);
      await registry.loseAttempt(of.attempt, [], never);
      expect(await registry.attemptState(of.attempt, never)).toBe('abandoned');
    });

    test('never looks at an attempt that won', async () => {
      const registry = under();
      const of = sealing();
      await sealWhole(registry, of);
      await registry.loseAttempt(of.attempt, [], never);
      expect(await registry.abandonAttempts(-1, abandon, never)).toBe(0);
      expect(await registry.sweepable(-1, 10, never)).toEqual([]);
      expect(await registry.markSwept(of.attempt, -1, never)).toBe(false);
      const [artifact] = (await registry.currentReceipt('t-1', 'c-1', never))?.artifacts ?? [];
      expect(await registry.isNamed(artifact?.object ?? '', never)).toBe(true);
      expect(await registry.isNamed('a name that nobody made', never)).toBe(false);
    });

    test('is done with an attempt only when its last deletion is long ago', async () => {
      const registry = under();
      const of = sealing();
      const callUid = await open(registry, of);
      await registry.loseAttempt(of.attempt, [], never);
      expect(await registry.sweepable(HOUR, 10, never)).toEqual([]);
      const attempt = { uid: of.attempt, tenant: 't-1', callUid, state: 'lost' };
      expect(await registry.sweepable(-1, 10, never)).toEqual([attempt]);
      await registry.noteDeletion(of.attempt, [fact('object.delete')], never);
      expect(await registry.markSwept(of.attempt, HOUR, never)).toBe(false);
      expect(await registry.markSwept(of.attempt, -1, never)).toBe(true);
      expect(await registry.sweepable(-1, 10, never)).toEqual([]);
      expect(await registry.attemptState('nobody', never)).toBeUndefined();
    });
  });

  describe('the catalogue', () => {
    test('lists calls with what their current receipt holds, by tenant and call', async () => {
      const registry = under();
      await sealWhole(registry, sealing({ call: 'c-2' }));
      await sealWhole(registry, sealing({ origin: place(1), tenant: 't-0' }));
      await registry.viewCall('t-1', 'c-1', 1, never);
      const listed = await registry.calls({}, never);
      expect(listed.map(({ tenant, call, artifacts }) => `${tenant}/${call} ${artifacts}`)).toEqual([
        't-0/c-1 1',
        't-1/c-1 0',
        't-1/c-2 1',
      ]);
      expect(await registry.calls({ tenant: 't-1', limit: 1 }, never)).toHaveLength(1);
      expect(await registry.call('t-1', 'c-2', never)).toMatchObject({
        current: { revision: 1, generation: 1 },
        sealedBytes: 300,
        shredded: false,
      });
      expect(await registry.call('t-1', 'c-9', never)).toBeUndefined();
    });

    test('gives sealed calls by uid, from any on and round, without those that are shredded or not sealed', async () => {
      const registry = under();
      await sealWhole(registry, sealing());
      await sealWhole(registry, sealing({ origin: place(1), tenant: 't-0' }));
      await sealWhole(registry, sealing({ origin: place(2), call: 'c-2' }));
      await registry.viewCall('t-1', 'c-3', 1, never);
      const how = { uid: newUid(), fact: fact('call.shred'), at: '2026-11-24T11:00:00.000Z' };
      await registry.shred({ tenant: 't-1', call: 'c-2' }, how, never);
      const uids = (found: readonly { readonly callUid: string }[]) => found.map(({ callUid }) => callUid);
      const [low = '', high = ''] = uids(await registry.calls({}, never))
        .slice(0, 2)
        .toSorted();
      expect(uids(await registry.sealedCalls('', 9, never))).toEqual([low, high]);
      expect(uids(await registry.sealedCalls(high, 9, never))).toEqual([high, low]);
      expect(uids(await registry.sealedCalls(high, 1, never))).toEqual([high]);
      expect(uids(await registry.sealedCalls('~', 1, never))).toEqual([low]);
    });

    test('keeps every receipt, the current one last, with its keys', async () => {
      const registry = under();
      const later = sealing({ origin: place(1), revision: 2 });
      await sealWhole(registry, sealing());
      await sealWhole(registry, later);
      const receipts = await registry.receipts('t-1', 'c-1', never);
      expect(receipts.map(({ revision }) => revision)).toEqual([1, 2]);
      expect(await registry.currentReceipt('t-1', 'c-1', never)).toEqual(receipts[1]);
      const key = await registry.wrappedKey(`${later.attempt}-phi`, never);
      expect(key).toMatchObject({ attempt: later.attempt, context: { class: 'phi' } });
      expect([...(key?.wrapped ?? [])]).toEqual([1, 2, 3]);
    });

    test('finds answers by tenant, call and kind, the newest first', async () => {
      const registry = under();
      await sealWhole(registry, sealing());
      const parked = await registry.decide(
        proposal(sealing({ origin: place(1), call: 'c-2' }), PARK, { decidedAt: '2026-11-25T00:00:00.000Z' }),
        never,
      );
      if (parked.kind !== 'answered') throw new Error('not answered');
      const all = await registry.answers({ limit: 10 }, never);
      expect(all.map(({ answer }) => answer)).toEqual(['parked', 'sealed']);
      expect(await registry.answers({ answer: 'parked', tenant: 't-1', limit: 10 }, never)).toEqual([
        parked.row,
      ]);
      expect(await registry.answers({ call: 'c-1', limit: 10 }, never)).toHaveLength(1);
      expect(await registry.answer(parked.row.uid, never)).toEqual(parked.row);
      expect(await registry.answer('nobody', never)).toBeUndefined();
    });
  });

  describe('the small tables', () => {
    test('a tenant is made once, with one event', async () => {
      const registry = under();
      await registry.createTenant('t-2', fact('tenant.create'), never);
      await registry.createTenant('t-1', fact('tenant.create'), never);
      await registry.createTenant('t-1', fact('tenant.create'), never);
      expect(await registry.tenants(never)).toEqual(['t-1', 't-2']);
      expect((await registry.pending(never)).unsequenced).toBe(2);
    });

    test('sources of one call are known until they are removed; the last path counts', async () => {
      const registry = under();
      const ref = { tenant: 't-1', call: 'c-1', revision: 1, key: 'a.wav' };
      await registry.addOneCallSources([{ ...ref, path: '/old' }], never);
      await registry.addOneCallSources([{ ...ref, path: '/new' }], never);
      expect(await registry.oneCallSource(ref, never)).toBe('/new');
      await registry.removeOneCallSources('t-1', 'c-1', 1, never);
      expect(await registry.oneCallSource(ref, never)).toBeUndefined();
    });

    test('dead-letter keys are kept, and their material is one that must be held', async () => {
      const registry = under();
      expect(await registry.keyMaterials(never)).toEqual([]);
      const key = {
        name: 'k',
        worker: 'w',
        day: '2026-11-24',
        wrapped: new Uint8Array([9]),
        kek: 'kek',
        materialId: 'm',
        context: { class: 'dead-letter' },
        createdAt: '2026-11-24T10:00:00.000Z',
      };
      await registry.addDeadLetterKey(key, never);
      expect(await registry.deadLetterKey('k', never)).toEqual(key);
      expect(await registry.deadLetterKey('other', never)).toBeUndefined();
      expect(await registry.keyMaterials(never)).toEqual(['m']);
      await registry.addReason({ eventUid: 'e', keyName: 'k', sealed: new Uint8Array([1]) }, never);
      await registry.addReason({ eventUid: 'e', keyName: 'k', sealed: new Uint8Array([2]) }, never);
    });
  });

  describe('a registry that went back', () => {
    test('refuses everything that decides or cleans up, until its restore is accepted', async () => {
      const registry = under();
      const of = sealing();
      const callUid = await open(registry, of);
      const before = await registry.state(never);
      const shredded = { tenant: 't-7', call: 'c-7', at: '2026-11-24T09:00:00.000Z' };
      await registry.declareWentBack([shredded], fact('registry.accept-restore'), never);
      const after = await registry.state(never);
      expect(after.wentBack).toBe(true);
      expect(after.epoch).toBeGreaterThan(before.epoch);
      expect(await registry.attemptState(of.attempt, never)).toBe('unknown');
      expect(await registry.tombstones(never)).toEqual([shredded]);
      const audit = { uid: 'u', fact: fact('call.shred'), at: '' };
      const refused = [
        registry.decide(sealProposal(of, callUid), never),
        registry.decide(proposal(sealing({ origin: place(1) }), PARK), never),
        registry.openAttempt({ ...sealingAttempt(), uid: 'a-2' }, never),
        registry.answerOf({ ...of, deliveredDigest: of.digest }, never),
        registry.shred({ tenant: 't-1', call: 'c-1' }, audit, never),
        registry.shred({ tenant: 't-1' }, audit, never),
        registry.abandonAttempts(-1, () => fact('attempt.abandon'), never),
        registry.closeDanglingIntents(-1, () => fact('key.generate'), never),
        registry.sweepable(-1, 10, never),
        registry.noteDeletion(of.attempt, [], never),
        registry.markSwept(of.attempt, -1, never),
      ];
      const codes = await Promise.all(refused.map(async (act) => await failureCode(act)));
      expect(codes).toEqual(refused.map(() => 'REGISTRY_WENT_BACK'));

      await registry.acceptRestore(fact('registry.accept-restore'), never);
      expect(await registry.decide(sealProposal(of, callUid), never)).toEqual({ kind: 'start-again' });
      expect(await registry.sweepable(-1, 10, never)).toEqual([]);
      const again = sealing({ origin: place(1) });
      expect(await sealWhole(registry, again)).toMatchObject({
        row: { answer: 'sealed', registryEpoch: after.epoch },
      });
    });

    test('is closed to every handle that was there before, also when its restore is accepted', async () => {
      const registry = under();
      const older = await second();
      const of = sealing();
      const callUid = await open(older, of);
      await registry.declareWentBack([], fact('registry.accept-restore'), never);
      await registry.acceptRestore(fact('registry.accept-restore'), never);
      const acts = [
        older.decide(sealProposal(of, callUid), never),
        older.openAttempt({ ...sealingAttempt(), uid: 'a-3' }, never),
        older.answerOf({ ...of, deliveredDigest: of.digest }, never),
        older.sweepable(-1, 10, never),
      ];
      const codes = await Promise.all(acts.map(async (act) => await failureCode(act)));
      expect(codes).toEqual(acts.map(() => 'REGISTRY_WENT_BACK'));
      await older.close();
      const newer = await second();
      expect(await newer.answerOf({ ...of, deliveredDigest: of.digest }, never)).toBeUndefined();
      await newer.close();
    });

    test('closes the intents of attempts as unknown, and deletes keys that tombstones cover', async () => {
      const registry = under();
      await sealWhole(registry, sealing());
      const of = sealing({ origin: place(1), call: 'c-2' });
      await open(registry, of);
      await registry.declareWentBack(
        [{ tenant: 't-1', at: '2026-11-24T09:00:00.000Z' }],
        fact('registry.accept-restore'),
        never,
      );
      const closed = await registry.auditOf(of.attempt, 'key.generate', never);
      expect(closed.map(({ outcome }) => outcome.status)).toEqual(['intent', 'unknown']);
      expect(await registry.keyMaterials(never)).toEqual([]);
    });

    test('raises its epoch each time, above what the same backup would have got before', async () => {
      const registry = under();
      const epochs = [];
      for (let round = 0; round < 3; round++) {
        await registry.declareWentBack([], fact('registry.accept-restore'), never);
        epochs.push((await registry.state(never)).epoch);
      }
      expect(new Set(epochs).size).toBe(3);
      expect(epochs[0]).toBeGreaterThan(Date.UTC(2020, 0, 1) / 1000);
    });

    test('is mended only while its restore waits for being accepted: shreds that come to light are done again', async () => {
      const registry = under();
      await sealWhole(registry, sealing());
      const tombstone = { tenant: 't-1', call: 'c-1', at: '2026-11-24T09:00:00.000Z' };
      for (const act of [
        registry.reapplyTombstones([tombstone], never),
        registry.rejoinChain(0, [], never),
      ]) {
        expect(await failureCode(act)).toBe('REFUSED');
      }
      await registry.declareWentBack([], fact('registry.accept-restore'), never);
      for (let round = 0; round < 2; round++) await registry.reapplyTombstones([tombstone], never);
      expect(await registry.tombstones(never)).toEqual([tombstone]);
      expect(await registry.keyMaterials(never)).toEqual([]);
    });

    test('takes its lost chain back, and goes on behind it: no number is given twice, no event is lost', async () => {
      const registry = under();
      const [before, forgotten, unseen] = [fact('worker.start'), fact('config.load'), fact('worker.stop')];
      await registry.append([before], never);
      const fence = (await registry.leaseRelay('relay', HOUR, never)) ?? 0;
      await registry.sequence(fence, 10, never);
      const [first] = await Array.fromAsync(registry.chain(1, never));
      await registry.append([unseen], never);
      await registry.sequence(fence, 10, never);
      // What everybody saw behind the first: another second, and a third.
      const next = chainEvent(auditText(forgotten).text, 2, first!.hash);
      const third = chainEvent(auditText(fact('dlq.open')).text, 3, next.hash);
      await registry.declareWentBack([], fact('registry.accept-restore'), never);
      await registry.rejoinChain(1, [next], never);
      await registry.rejoinChain(2, [third], never);
      expect(await registry.state(never)).toMatchObject({ auditSeq: 3 });
      expect(await registry.unpublished(10, never)).toEqual([]);
      await registry.acceptRestore(fact('registry.accept-restore'), never);
      await registry.sequence((await registry.leaseRelay('relay', HOUR, never)) ?? 0, 10, never);
      const chain = await Array.fromAsync(registry.chain(1, never));
      expect(chain.slice(0, 3)).toEqual([first, next, third]);
      expect(chain.map(({ action }) => action).toSorted()).toEqual([
        'config.load',
        'dlq.open',
        'registry.accept-restore',
        'registry.accept-restore',
        'worker.start',
        'worker.stop',
      ]);
      const links = chain.map(({ prev }, i) => prev === (chain[i - 1]?.hash ?? CHAIN_START));
      expect(links).toEqual(chain.map(() => true));
    });

    test('gives an event that was written before the backup and numbered after it its number back', async () => {
      const registry = under();
      const written = fact('worker.start');
      await registry.append([written], never);
      await registry.declareWentBack([], fact('registry.accept-restore'), never);
      const numbered = chainEvent(auditText(written).text, 1, CHAIN_START);
      await registry.rejoinChain(0, [numbered], never);
      expect(await Array.fromAsync(registry.chain(1, never))).toEqual([numbered]);
    });

    test('relays nothing while it waits for being accepted, nor for a handle that was there before', async () => {
      const registry = under();
      const fence = (await registry.leaseRelay('relay', HOUR, never)) ?? 0;
      const other = await second();
      await other.state(never);
      await registry.declareWentBack([], fact('registry.accept-restore'), never);
      const acts = (of: Registry) => [
        of.leaseRelay('relay', HOUR, never),
        of.sequence(fence, 10, never),
        of.markPublished(fence, 1, never),
      ];
      const codes = async (of: Registry) =>
        await Promise.all(acts(of).map(async (act) => await failureCode(act)));
      const closed = ['REGISTRY_WENT_BACK', 'REGISTRY_WENT_BACK', 'REGISTRY_WENT_BACK'];
      expect(await codes(registry)).toEqual(closed);
      await registry.acceptRestore(fact('registry.accept-restore'), never);
      expect(await codes(other)).toEqual(closed);
      await other.close();
      expect(await registry.leaseRelay('relay', HOUR, never)).toBeDefined();
    });

    test('says which deliveries have their answer, before it is accepted too', async () => {
      const registry = under();
      await sealWhole(registry, sealing());
      await registry.decide(proposal(sealing({ origin: place(3), replay: 2 }), PARK), never);
      await registry.declareWentBack([], fact('registry.accept-restore'), never);
      const elsewhere = { ...place(0), topic: 'elsewhere' };
      const asked = [
        { origin: sealing().origin, replay: 0 },
        { origin: sealing().origin, replay: 1 },
        { origin: place(3), replay: 2 },
        { origin: place(3), replay: 0 },
        { origin: elsewhere, replay: 0 },
        { origin: sealing().origin, replay: 0 },
      ];
      expect(await registry.answered(asked, never)).toEqual([true, false, true, false, false, true]);
      expect(await registry.answered([], never)).toEqual([]);
    });
  });
}

function sealingAttempt() {
  const { origin, replay, tenant, call, revision } = sealing({ origin: place(5) });
  return { origin, replay, tenant, call, callUid: 'u', revision, deliveredDigest: 'd', intents: [] };
}
