import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import type { TenantSettings } from '../../src/domain/tenants.ts';
import { type DirectoryParts, tenantDirectory } from '../../src/work/tenant-directory.ts';
import { TOPIC } from './given.ts';
import { brief, SIGNAL } from './seen.ts';
import { openWorld, POLICY } from './world.ts';

function settingsOf(tenant: string): TenantSettings | undefined {
  if (!tenant.startsWith('t-')) return undefined;
  const keks = { phi: `${tenant}:phi`, voiceprint: `${tenant}:voiceprint` };
  return { policy: POLICY, topic: TOPIC, aliases: ['edge'], keks };
}

async function directory(more: Partial<DirectoryParts> = {}) {
  const world = await openWorld();
  const { registry, keyfile: keys, auditor } = world;
  const parts = {
    registry,
    keys,
    auditor,
    settingsOf,
    isNamed: (t: string) => t === 't-named',
    creates: true,
  };
  return { world, tenants: tenantDirectory({ ...parts, ...more }) };
}

test('a tenant that the settings name is one, without a row', async () => {
  const { tenants } = await directory();
  expect(await tenants.find('t-named')).toMatchObject({ id: 't-named', aliases: ['edge'] });
});

test('under * only who was created here is a tenant; others are unknown', async () => {
  const { tenants, world } = await directory();
  expect(await tenants.find('t-new')).toBeUndefined();
  expect(await tenants.create('t-new', SIGNAL)).toBe(true);
  expect(await tenants.find('t-new')).toMatchObject({ id: 't-new' });
  expect(brief(await world.facts())).toEqual(['tenant.create ok']);
});

test('creating makes the keys of every class, once; a second time nothing is new', async () => {
  const { tenants, world } = await directory();
  await tenants.create('t-new', SIGNAL);
  const states = async () =>
    await Promise.all(['phi', 'voiceprint'].map((c) => world.keyfile.describe(`t-new:${c}`, SIGNAL)));
  const before = await states();
  expect(before).toMatchObject([{ state: 'enabled' }, { state: 'enabled' }]);
  expect(await tenants.create('t-new', SIGNAL)).toBe(false);
  expect(await states()).toEqual(before);
  expect(await world.facts('tenant.create')).toHaveLength(1);
});

test('whom another process has created is found without a restart', async () => {
  const { tenants, world } = await directory();
  expect(await tenants.find('t-late')).toBeUndefined();
  await world.registry.createTenant('t-late', world.auditor.fact('tenant.create'), SIGNAL);
  expect(await tenants.find('t-late')).toMatchObject({ id: 't-late' });
});

test('whom the settings do not allow is nobody and is not made', async () => {
  const { tenants, world } = await directory();
  expect(await tenants.find('x-1')).toBeUndefined();
  expect(await tenants.create('x-1', SIGNAL)).toBeUndefined();
  expect(await world.registry.tenants(SIGNAL)).toEqual([]);
});

test('where an administrator makes tenants nothing is made here', async () => {
  const { tenants, world } = await directory({ creates: false });
  expect(await tenants.create('t-new', SIGNAL)).toBe(false);
  expect(await world.registry.tenants(SIGNAL)).toEqual([]);
});

test('no tenant without its keys: where they cannot be made it stays unknown', async () => {
  const ensure = async () => await Promise.reject(new CallsealError('KMS_DOWN', 'made by the test'));
  const { tenants, world } = await directory({ keys: { ensure } });
  await expect(tenants.create('t-new', SIGNAL)).rejects.toMatchObject({ code: 'KMS_DOWN' });
  expect(await world.registry.tenants(SIGNAL)).toEqual([]);
});
