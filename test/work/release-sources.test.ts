import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { type ReleasedSource, releaseSources, whyKept } from '../../src/work/release-sources.ts';
import { artifact, callEvent, TRANSCRIPT } from './given.ts';
import { brief, expectIntentsClosed, SIGNAL, settled } from './seen.ts';
import { POLICY, type World, type WorldOptions, worldWithTranscript } from './world.ts';

const DAY = 86_400_000;

/** A sealed call of two sources, `c-1.json` and `s.json`. */
async function sealedWorld(options: WorldOptions = {}): Promise<World> {
  const world = await worldWithTranscript(options);
  world.put('s.json', '{}');
  const artifacts = [artifact('transcript', 'transcript', 'c-1.json'), artifact('s', 'summary', 's.json')];
  settled(await world.handle(world.delivery(callEvent({ artifacts }))));
  return world;
}

const released = async (world: World, dryRun = false): Promise<ReleasedSource[]> =>
  await Array.fromAsync(releaseSources(world, await world.receipt(), { dryRun }, SIGNAL));
const results = (items: readonly ReleasedSource[]): string[] =>
  items.map(({ artifact: id, result, code, stored }) => [id, result, code, stored].filter(Boolean).join(' '));
const isThere = (world: World, key: string): boolean => existsSync(join(world.folder, 'sources', key));
const releases = async (world: World) => brief(await world.facts('source.release'));

describe('release', () => {
  test('deletes every source of a call that opens, each audited before and after', async () => {
    const world = await sealedWorld();
    expect(results(await released(world))).toEqual(['transcript released', 's released']);
    expect([isThere(world, 'c-1.json'), isThere(world, 's.json')]).toEqual([false, false]);
    expect(await releases(world)).toEqual([
      'source.release intent',
      'source.release ok',
      'source.release intent',
      'source.release ok',
    ]);
    const facts = await world.facts();
    expectIntentsClosed(facts);
    const { callUid } = await world.receipt();
    expect(facts.find(({ action }) => action === 'source.release')).toMatchObject({
      tenant: 't-1',
      subject: { kind: 'artifact', uid: `${callUid}/transcript` },
    });
    // The call was opened before anything was deleted.
    const actions = facts.map(({ action }) => action);
    expect(actions.indexOf('artifact.verify')).toBeLessThan(actions.indexOf('source.release'));
  });

  test('again finds nothing, opens nothing and says so', async () => {
    const world = await sealedWorld();
    await released(world);
    const before = (await world.facts()).length;
    expect(results(await released(world))).toEqual(['transcript gone', 's gone']);
    expect(await world.facts()).toHaveLength(before);
  });

  test('in a dry run deletes and opens nothing', async () => {
    const world = await sealedWorld();
    const before = (await world.facts()).length;
    expect(results(await released(world, true))).toEqual(['transcript would-release 1', 's would-release 1']);
    expect([isThere(world, 'c-1.json'), isThere(world, 's.json')]).toEqual([true, true]);
    expect(await world.facts()).toHaveLength(before);
  });

  test('keeps the source of an artifact whose sealed object is damaged or gone, and only that one', async () => {
    const world = await sealedWorld();
    const { artifacts } = await world.receipt();
    await world.objects.remove(artifacts[1]?.object ?? '', SIGNAL);
    expect(results(await released(world))).toEqual(['transcript released', 's kept OBJECT_MISSING 1']);
    expect(isThere(world, 's.json')).toBe(true);
  });

  test('keeps the source of a longer object too', async () => {
    const world = await sealedWorld();
    const { artifacts } = await world.receipt();
    appendFileSync(join(world.data, 'objects', artifacts[0]?.object ?? ''), 'x');
    expect(results(await released(world))).toEqual(['transcript kept NOT_AUTHENTIC 1', 's released']);
  });

  test('keeps every source of a call whose keys are shredded', async () => {
    const world = await sealedWorld();
    const receipt = await world.receipt();
    await world.rows('delete from call_keys');
    const items = await Array.fromAsync(releaseSources(world, receipt, { dryRun: false }, SIGNAL));
    expect(results(items)).toEqual(['transcript kept CALL_SHREDDED 1', 's kept CALL_SHREDDED 1']);
  });

  test('keeps a source that was written again since it was sealed', async () => {
    const world = await sealedWorld();
    world.put('c-1.json', `${TRANSCRIPT} `);
    expect(results(await released(world))).toEqual(['transcript kept SOURCE_CHANGED 1', 's released']);
    expect(isThere(world, 'c-1.json')).toBe(true);
    expect(await releases(world)).toContain('source.release failed SOURCE_CHANGED');
  });

  test('says what the store has left, and the audit log says it too', async () => {
    const world: World = await sealedWorld({
      sources: (real) => ({ ...real, remove: async () => ['locked-version'] }),
    });
    expect(results(await released(world))).toEqual(['transcript left 1', 's left 1']);
    expect(await releases(world)).toContain('source.release failed SOURCE_LEFT');
  });

  test('ends where the store is away or says no, with its intent closed as unknown', async () => {
    const denied = new CallsealError('SOURCE_DENIED', 'no right');
    const world: World = await sealedWorld({
      sources: (real) => ({ ...real, remove: async () => await Promise.reject(denied) }),
    });
    await expect(released(world)).rejects.toBe(denied);
    expect(await releases(world)).toEqual(['source.release intent', 'source.release unknown SOURCE_DENIED']);
    expectIntentsClosed(await world.facts());
  });

  test('deletes nothing whose audit event cannot be written', async () => {
    const down = new CallsealError('REGISTRY_DOWN', 'away');
    const world: World = await sealedWorld();
    const registry: World['registry'] = {
      ...world.registry,
      openIntent: async (intent, signal) => {
        if (intent.fact.action === 'source.release') throw down;
        await world.registry.openIntent(intent, signal);
      },
    };
    const receipt = await world.receipt();
    const releasing = Array.fromAsync(
      releaseSources({ ...world, registry }, receipt, { dryRun: false }, SIGNAL),
    );
    await expect(releasing).rejects.toBe(down);
    expect(isThere(world, 'c-1.json')).toBe(true);
  });

  test('of what a worker made of a source there is nothing to release', async () => {
    const world = await sealedWorld();
    const receipt = await world.receipt();
    const artifacts = receipt.artifacts.map((one) => {
      const { source, ...made } = one;
      expect(source).toBeDefined();
      return made;
    });
    const made = { ...receipt, artifacts };
    expect(await Array.fromAsync(releaseSources(world, made, { dryRun: false }, SIGNAL))).toEqual([]);
  });
});

describe('why a source stays', () => {
  const sealedAt = '2026-11-24T10:00:00.000Z';
  const after = (ms: number): Date => new Date(Date.parse(sealedAt) + ms);
  const why = (ms: number, releaseSourcesAfter?: number | null, hold?: boolean) =>
    whyKept(
      {
        policy: { ...POLICY, ...(releaseSourcesAfter !== undefined && { releaseSourcesAfter }) },
        ...(hold !== undefined && { hold }),
      },
      { sealedAt },
      after(ms),
    );

  test('for ever, unless the policy says for how long', () => {
    expect(why(1_000 * DAY)).toBe('SOURCES_KEPT');
    expect(why(1_000 * DAY, null)).toBe('SOURCES_KEPT');
  });

  test('until so long after the sealing, not a millisecond less', () => {
    expect(why(30 * DAY - 1, 30 * DAY)).toBe('TOO_YOUNG');
    expect(why(30 * DAY, 30 * DAY)).toBeUndefined();
    expect(why(0, 0)).toBeUndefined();
  });

  test('while its tenant is held, whatever the policy says', () => {
    expect(why(60 * DAY, 30 * DAY, true)).toBe('TENANT_HELD');
    expect(why(60 * DAY, 30 * DAY, false)).toBeUndefined();
  });
});
