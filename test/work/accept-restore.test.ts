import { expect, test } from 'vitest';
import { CallsealError, codeOf } from '../../src/domain/errors.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { InboxRestore } from '../../src/ports/inbox-restore.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { acceptRestore } from '../../src/work/accept-restore.ts';
import { restoreWatch } from '../../src/work/registry-restored.ts';
import { relayPending } from '../../src/work/relay-audit.ts';
import { restoreState } from '../../src/work/restore-state.ts';
import { verifyAuditTopic, verifyRegistryAudit } from '../../src/work/verify-audit.ts';
import { backedUp } from './backed-up.ts';
import { SIGNAL } from './seen.ts';
import { openWorld, type World } from './world.ts';

async function audited({ auditor, events }: World, registry: Registry, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await registry.append([auditor.fact('worker.start')], SIGNAL);
  const holder = newUid();
  await relayPending({ audit: registry, events }, { holder, leaseMs: 1_000, batch: 100 }, SIGNAL);
  await registry.releaseRelay(holder, SIGNAL);
}

/** An inbox that notes what is done to it. */
function inboxOf(members: readonly string[] = []) {
  const done: string[] = [];
  const inbox: InboxRestore = {
    members: async () => members,
    fence: async () => void done.push('fence'),
    handOverUnanswered: async (answered) => {
      const ref = { origin: { topic: 't', partition: 0, offset: 0 }, replay: 0 };
      done.push(`hand over, answered ${(await answered([ref])).join(' ')}`);
      return { looked: 1, handedOver: 1 };
    },
    close: async () => undefined,
  };
  return { inbox, done };
}

function partsOf(world: World, registry: Registry, { inbox }: { inbox: InboxRestore }) {
  return { ...world, registry, inbox, relay: { holder: newUid(), leaseMs: 1_000, batch: 100 } };
}

const accept = async (parts: Parameters<typeof acceptRestore>[0], withoutSign = false) =>
  await acceptRestore(parts, { withoutSign }, () => undefined, SIGNAL);

/** 3 events in the backup, 4 behind it that everybody saw. */
async function restoredWorld() {
  const world = await openWorld();
  await audited(world, world.registry, 3);
  await world.registry.append([world.auditor.fact('config.load')], SIGNAL);
  const restore = await backedUp(world);
  await audited(world, world.registry, 3);
  return { world, restore };
}

test('accepting fences, hands over and goes on behind the published chain, which is whole again', async () => {
  const { world, restore } = await restoredWorld();
  const registry = await restore();
  const inbox = inboxOf();
  const parts = partsOf(world, registry, inbox);
  expect(await restoreState(parts, SIGNAL)).toMatchObject({
    state: 'unnoticed',
    sign: 'behind',
    auditSeq: 3,
    publishedSeq: 7,
  });
  const done = await accept(parts);
  expect(done).toMatchObject({
    tombstones: 0,
    chain: { taken: 4, missing: 0 },
    deliveries: { looked: 1, handedOver: 1 },
  });
  expect(inbox.done).toEqual(['fence', 'hand over, answered false']);
  expect(await restoreState(parts, SIGNAL)).toMatchObject({ state: 'as-known', epoch: done?.epoch });
  const registryChain = await verifyRegistryAudit(registry, world.events, SIGNAL);
  expect(registryChain).toMatchObject({ events: 9, to: 9, problemCount: 0, tail: { provedThrough: 9 } });
  expect(await verifyAuditTopic(world.events, SIGNAL)).toMatchObject({ events: 9, problemCount: 0 });
  expect(await accept(parts)).toBeUndefined();
});

test('what the restored registry numbered otherwise, and nobody saw, gets another number', async () => {
  const { world, restore } = await restoredWorld();
  const registry = await restore();
  for (let time = 0; time < 6; time++) await registry.append([world.auditor.fact('worker.stop')], SIGNAL);
  await registry.sequence((await registry.leaseRelay('r', 1_000, SIGNAL)) ?? 0, 100, SIGNAL);
  await registry.releaseRelay('r', SIGNAL);
  const parts = partsOf(world, registry, inboxOf());
  expect(await restoreState(parts, SIGNAL)).toMatchObject({ state: 'unnoticed', sign: 'forked' });
  // Two of the four stand in the registry under the same number: the one that was written before the backup does.
  expect(await accept(parts)).toMatchObject({ chain: { taken: 3, missing: 0 } });
  expect(await verifyRegistryAudit(registry, world.events, SIGNAL)).toMatchObject({
    events: 15,
    problemCount: 0,
  });
  expect(await verifyAuditTopic(world.events, SIGNAL)).toMatchObject({ events: 15, problemCount: 0 });
});

test('events that stand nowhere are told, and stay a gap', async () => {
  const { world, restore } = await restoredWorld();
  const registry = await restore();
  const read: World['events']['read'] = async function* (...words) {
    for await (const record of world.events.read(...words)) {
      const { seq } = JSON.parse(record.value.toString()) as { seq: number };
      if (seq > 5) yield record;
    }
  };
  const parts = { ...partsOf(world, registry, inboxOf()), events: { ...world.events, read } };
  expect(await accept(parts)).toMatchObject({ chain: { taken: 2, missing: 2 } });
  const { problems } = await verifyRegistryAudit(registry, world.events, SIGNAL);
  expect(problems).toMatchObject([{ kind: 'gap', says: 'events 4 to 5 are missing' }]);
});

test('nothing is touched while somebody takes deliveries: it is named', async () => {
  const { world, restore } = await restoredWorld();
  const registry = await restore();
  const inbox = inboxOf(['process 7']);
  const refused = accept(partsOf(world, registry, inbox));
  await expect(refused).rejects.toMatchObject({
    code: 'REFUSED',
    message: expect.stringContaining('process 7'),
  });
  expect(inbox.done).toEqual([]);
  expect(await registry.state(SIGNAL)).toMatchObject({ wentBack: true });
});

test('without a sign only where the operator says so, and not while somebody works', async () => {
  const world = await openWorld();
  await audited(world, world.registry, 2);
  const busy = partsOf(world, world.registry, inboxOf(['process 7']));
  expect(await accept(busy)).toBeUndefined();
  expect(await accept(busy, true).catch(codeOf)).toBe('REFUSED');
  expect(await world.registry.state(SIGNAL)).toMatchObject({ wentBack: false, epoch: 1 });
  const idle = partsOf(world, world.registry, inboxOf());
  const done = await accept(idle, true);
  expect(done?.epoch).toBeGreaterThan(1);
  expect(await verifyRegistryAudit(world.registry, world.events, SIGNAL)).toMatchObject({ problemCount: 0 });
});

test('one that fails midway is not accepted, and is run again', async () => {
  const { world, restore } = await restoredWorld();
  const registry = await restore();
  const inbox = inboxOf();
  const handOverUnanswered = async (): Promise<never> =>
    await Promise.reject(new CallsealError('INBOX_DOWN', 'away'));
  const failing = { inbox: { ...inbox.inbox, handOverUnanswered } };
  expect(await accept(partsOf(world, registry, failing)).catch(codeOf)).toBe('INBOX_DOWN');
  expect(await registry.state(SIGNAL)).toMatchObject({ wentBack: true, auditSeq: 7 });
  expect(await accept(partsOf(world, registry, inbox))).toMatchObject({ chain: { taken: 0, missing: 0 } });
  expect(await verifyRegistryAudit(registry, world.events, SIGNAL)).toMatchObject({
    events: 9,
    problemCount: 0,
  });
});

test('a worker is ended by the first sign that its registry went back, and says so whatever fails since', async () => {
  const watch = restoreWatch();
  watch.told(new CallsealError('REGISTRY_DOWN', 'away'));
  expect(watch.signal.aborted).toBe(false);
  const ended = watch.during(async () => {
    watch.told(new CallsealError('REGISTRY_WENT_BACK', 'it went back'));
    expect(watch.signal.aborted).toBe(true);
    throw new CallsealError('REGISTRY_DOWN', 'away');
  });
  await expect(ended).rejects.toMatchObject({ code: 'REGISTRY_WENT_BACK', message: 'it went back' });
  await expect(watch.during(async () => undefined)).rejects.toMatchObject({ code: 'REGISTRY_WENT_BACK' });
  const quiet = restoreWatch();
  await expect(quiet.during(async () => await Promise.reject(new Error('other')))).rejects.toThrow('other');
});

test('a worker looks at every new connection, and a restored one ends it', async () => {
  const { world, restore } = await restoredWorld();
  const watch = restoreWatch();
  await watch.look(world, SIGNAL);
  expect(watch.signal.aborted).toBe(false);
  await watch.look({ ...world, registry: await restore() }, SIGNAL);
  expect(watch.signal.aborted).toBe(true);
});
