import { expect, test } from 'vitest';
import { codeOf } from '../../src/domain/errors.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { Registry, ShredScope } from '../../src/ports/registry.ts';
import { noticeRestore, signOfRestore } from '../../src/work/registry-restored.ts';
import { relayPending } from '../../src/work/relay-audit.ts';
import { copyTombstones } from '../../src/work/tombstone-objects.ts';
import { backedUp } from './backed-up.ts';
import { callEvent } from './given.ts';
import { SIGNAL, settled } from './seen.ts';
import { openWorld, type World, worldWithTranscript } from './world.ts';

async function relayed({ events }: World, registry: Registry): Promise<void> {
  const options = { holder: newUid(), leaseMs: 1_000, batch: 100 };
  await relayPending({ audit: registry, events }, options, SIGNAL);
  await registry.releaseRelay(options.holder, SIGNAL);
}

async function audited(world: World, registry: Registry, times: number): Promise<void> {
  for (let time = 0; time < times; time++)
    await registry.append([world.auditor.fact('worker.start')], SIGNAL);
  await relayed(world, registry);
}

async function shred({ auditor }: World, registry: Registry, scope: ShredScope): Promise<void> {
  const audit = { uid: newUid(), fact: auditor.fact('call.shred'), at: new Date().toISOString() };
  await registry.shred(scope, audit, SIGNAL);
}

const signOf = async (world: World, registry: Registry) =>
  await signOfRestore({ ...world, registry }, SIGNAL);
const notice = async (world: World, registry: Registry) =>
  await noticeRestore({ ...world, registry }, SIGNAL);

test('a registry that is as the world knows it did not go back: empty, in use, and after a shred', async () => {
  const world = await openWorld();
  expect(await notice(world, world.registry)).toBe(false);
  await audited(world, world.registry, 3);
  await shred(world, world.registry, { tenant: 't-1', call: 'c-1' });
  expect(await notice(world, world.registry)).toBe(false);
  expect(await copyTombstones(world, SIGNAL)).toBe(1);
  expect(await notice(world, world.registry)).toBe(false);
  expect((await world.registry.state(SIGNAL)).epoch).toBe(1);
});

test('one that lacks what stands on the audit topic did, and nothing is decided from then on', async () => {
  const world = await worldWithTranscript();
  const restore = await backedUp(world);
  await audited(world, world.registry, 2);
  const restored = await restore();
  expect(await signOf(world, restored)).toBe('behind');
  expect(await notice(world, restored)).toBe(true);
  const state = await restored.state(SIGNAL);
  expect(state.wentBack).toBe(true);
  expect(state.epoch).toBeGreaterThan(1);
  expect(await restored.viewCall('t-1', 'c-1', 1, SIGNAL).catch(codeOf)).toBe('REGISTRY_WENT_BACK');
  expect(await notice(world, restored)).toBe(true);
  expect((await restored.state(SIGNAL)).epoch).toBe(state.epoch);
});

test('one that was put back and went on to the same number did: its hash is another', async () => {
  const world = await openWorld();
  await audited(world, world.registry, 1);
  const restore = await backedUp(world);
  await audited(world, world.registry, 2);
  const restored = await restore();
  await restored.append(
    [1, 2].map(() => world.auditor.fact('worker.stop')),
    SIGNAL,
  );
  const fence = await restored.leaseRelay('other', 1_000, SIGNAL);
  await restored.sequence(fence ?? 0, 10, SIGNAL);
  expect(await signOf(world, restored)).toBe('forked');
});

test('one that has forgotten a shred did, and its keys are destroyed again', async () => {
  const world = await worldWithTranscript();
  settled(await world.handle(world.delivery(callEvent())));
  const { tenant, call, artifacts } = await world.receipt();
  const key = artifacts[0]?.keyName ?? '';
  const restore = await backedUp(world);
  await shred(world, world.registry, { tenant, call });
  await copyTombstones(world, SIGNAL);
  const restored = await restore();
  expect(await restored.wrappedKey(key, SIGNAL)).toBeDefined();
  expect(await signOf(world, restored)).toBe('tombstone');
  expect(await notice(world, restored)).toBe(true);
  expect(await restored.wrappedKey(key, SIGNAL)).toBeUndefined();
  expect(await restored.tombstones(SIGNAL)).toEqual(await world.registry.tombstones(SIGNAL));
});

test('a restore that was accepted is not noticed again, once the relay has said so', async () => {
  const world = await openWorld();
  const restore = await backedUp(world);
  await audited(world, world.registry, 5);
  await shred(world, world.registry, { tenant: 't-1' });
  await copyTombstones(world, SIGNAL);
  const restored = await restore();
  await shred(world, restored, { tenant: 't-1' }); // again, before anybody noticed, and so at another time
  expect(await notice(world, restored)).toBe(true);
  await restored.acceptRestore(world.auditor.fact('registry.accept-restore'), SIGNAL);
  await relayed(world, restored);
  expect(await notice(world, restored)).toBe(false);
});

test('what is published while one looks is no sign: the registry had it before', async () => {
  const world = await openWorld();
  await audited(world, world.registry, 1);
  const last: World['events']['last'] = async (topic, signal) => {
    await audited(world, world.registry, 1);
    return await world.events.last(topic, signal);
  };
  const objects: World['objects'] = {
    ...world.objects,
    async *list(prefix, signal) {
      await shred(world, world.registry, { tenant: 't-1', call: newUid() });
      await copyTombstones(world, signal);
      yield* world.objects.list(prefix, signal);
    },
  };
  const events = { ...world.events, last };
  expect(await noticeRestore({ ...world, events, objects }, SIGNAL)).toBe(false);
});
