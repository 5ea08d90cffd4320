import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { openAll } from '../../src/seal/streams.ts';
import { type ExportRequest, exportKey } from '../../src/work/export-key.ts';
import { expectedObject } from '../../src/work/open-artifact.ts';
import { failing } from './failing.ts';
import { artifact, callEvent, TRANSCRIPT } from './given.ts';
import { brief, collect, filesUnder, SIGNAL, settled } from './seen.ts';
import { type World, type WorldOptions, worldWithTranscript } from './world.ts';

const REASON = 'Court order about Ada Example';
const REQUEST = { tenant: 't-1', call: 'c-1', keyClass: 'phi', reason: REASON } as const;

async function sealedWorld(options: WorldOptions = {}): Promise<World> {
  const world = await worldWithTranscript(options);
  settled(await world.handle(world.delivery(callEvent())));
  return world;
}

/** Revision 2 carries the transcript over and seals a summary, so the call hangs on two keys. */
async function worldWithTwoKeys(): Promise<World> {
  const world = await sealedWorld();
  world.put('summary', '{}');
  const artifacts = [
    artifact('transcript', 'transcript', 'c-1.json'),
    artifact('summary', 'summary', 'summary'),
  ];
  settled(await world.handle(world.delivery(callEvent({ revision: 2, artifacts }))));
  return world;
}

const exporting = async (world: World, more: Partial<ExportRequest> = {}) =>
  await exportKey(world, { ...REQUEST, ...more }, SIGNAL);

test('the exported key opens the object, with what the format says and nothing of ours', async () => {
  const world = await sealedWorld();
  const { namespace, keyName, callKey } = await exporting(world);
  const receipt = await world.receipt();
  const [one] = receipt.artifacts;
  expect({ namespace, keyName }).toEqual({ namespace: 'callseal', keyName: one?.keyName });
  const stored = world.objects.read(one!.object, { from: 0, to: one!.sealedBytes }, SIGNAL);
  const plain = openAll(stored, { ...expectedObject(receipt, one!), callKey });
  expect(String(await collect(plain))).toBe(TRANSCRIPT);
});

test('the export is durable, with its reason, before the key is used', async () => {
  let before: string[] = [];
  let reasons = 0;
  const world: World = await sealedWorld({
    keys: (real) => ({
      ...real,
      unwrap: async (row, signal) => {
        before = brief(await world.facts());
        reasons = (await world.rows('select * from sealed_reasons')).length;
        return await real.unwrap(row, signal);
      },
    }),
  });
  await exporting(world);
  expect(before.slice(-2)).toEqual(['key.export ok', 'key.unwrap intent']);
  expect(reasons).toBe(1);
});

test('the list of exports of a call says so for ever, also where the key could not be had', async () => {
  const world = await sealedWorld({
    keys: (real) => failing(real, 'unwrap', () => new CallsealError('KMS_DENIED', 'made by the test')),
  });
  await expect(exporting(world)).rejects.toMatchObject({ code: 'KMS_DENIED' });
  await exporting(world);
  const { callUid } = await world.receipt();
  expect(await world.registry.auditOf(callUid, 'key.export', SIGNAL)).toHaveLength(2);
});

test('no export without its audit row', async () => {
  let used = 0;
  const world = await sealedWorld({
    keys: (real) => ({ ...real, unwrap: async (...args) => (used++, await real.unwrap(...args)) }),
    registry: (real) => failing(real, 'append', () => new CallsealError('REGISTRY_DOWN', 'made by the test')),
  });
  await expect(exporting(world)).rejects.toMatchObject({ code: 'REGISTRY_DOWN' });
  expect(used).toBe(0);
});

test('the reason stands nowhere in clear, and the key nowhere at all', async () => {
  const world = await sealedWorld();
  const { callKey } = await exporting(world);
  const secret = callKey.export();
  const words = ['Ada Example', secret, secret.toString('hex'), secret.toString('base64')];
  const telling = filesUnder(world.folder).filter(({ bytes }) => words.some((word) => bytes.includes(word)));
  expect(telling.map(({ path }) => path)).toEqual([]);
});

describe('where the call hangs on several keys of the class', () => {
  test('one must be named; the error names them', async () => {
    const world = await worldWithTwoKeys();
    const names = (await world.receipt()).artifacts.map(({ keyName }) => keyName);
    await expect(exporting(world)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(names.join(', ')),
      hint: expect.stringContaining('--key'),
    });
    for (const keyName of names) expect(await exporting(world, { keyName })).toMatchObject({ keyName });
  });

  test('another name is not found, and nothing was audited as exported', async () => {
    const world = await worldWithTwoKeys();
    await expect(exporting(world, { keyName: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await world.facts('key.export')).toEqual([]);
  });
});

test('a class that the call does not have is not found, nor is a call', async () => {
  const world = await sealedWorld();
  await expect(exporting(world, { keyClass: 'voiceprint' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(exporting(world, { call: 'c-9' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a shredded call gives no key', async () => {
  const world = await sealedWorld();
  const fact = world.auditor.fact('call.shred');
  const scope = { tenant: 't-1', call: 'c-1' };
  await world.registry.shred(scope, { uid: fact.eventUid, fact, at: fact.time }, SIGNAL);
  await expect(exporting(world)).rejects.toMatchObject({ code: 'CALL_SHREDDED' });
});
