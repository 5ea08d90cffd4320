import { describe, expect, test } from 'vitest';
import type { Place } from '../../src/domain/deliveries.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { InboxSkip } from '../../src/ports/inbox-skip.ts';
import { skippedPlaces, skipRecord } from '../../src/work/skip-record.ts';
import { callEvent } from './given.ts';
import { passed, reconciled } from './reconcile/reconciling.ts';
import { SIGNAL } from './seen.ts';
import { type World, worldWithTranscript } from './world.ts';

const PLACE: Place = { topic: 'calls', partition: 3, offset: 7 };

async function skipped(world: World, inbox: Partial<InboxSkip> = {}, place = PLACE): Promise<void> {
  const nothing = async (): Promise<void> => undefined;
  const { registry, auditor } = world;
  const parts = { registry, auditor, inbox: { look: nothing, skip: nothing, close: nothing, ...inbox } };
  await skipRecord(parts, place, SIGNAL);
}
const fails = (code: 'INBOX_DOWN' | 'REFUSED') => async () =>
  await Promise.reject(new CallsealError(code, 'no'));
const outcomes = async (world: World): Promise<string[]> =>
  (await world.registry.auditOf('registry', 'inbox.skip', SIGNAL)).map(({ outcome }) => outcome.status);

describe('skipping a record', () => {
  test('has its event durable before the mark is made, and closed behind it, with the place', async () => {
    const world = await worldWithTranscript();
    await skipped(world, {
      skip: async () => expect(await outcomes(world)).toEqual(['intent']),
    });
    expect(await outcomes(world)).toEqual(['intent', 'ok']);
    const [intent] = await world.registry.auditOf('registry', 'inbox.skip', SIGNAL);
    expect(intent).toMatchObject({ delivery: PLACE });
    expect(await skippedPlaces(world.registry, SIGNAL)).toContainEqual(PLACE);
  });

  test('that is refused at the first look leaves no event', async () => {
    const world = await worldWithTranscript();
    await expect(skipped(world, { look: fails('REFUSED') })).rejects.toMatchObject({ code: 'REFUSED' });
    expect(await outcomes(world)).toEqual([]);
  });

  test('that failed is no skip; of which nobody knows may be one', async () => {
    const world = await worldWithTranscript();
    await expect(skipped(world, { skip: fails('REFUSED') })).rejects.toMatchObject({ code: 'REFUSED' });
    expect(await outcomes(world)).toEqual(['intent', 'failed']);
    expect(await skippedPlaces(world.registry, SIGNAL)).toEqual([]);
    await expect(skipped(world, { skip: fails('INBOX_DOWN') })).rejects.toMatchObject({ code: 'INBOX_DOWN' });
    expect(await skippedPlaces(world.registry, SIGNAL)).toContainEqual(PLACE);
  });
});

test('a record that was skipped is not missed by a reconciliation', async () => {
  const world = await worldWithTranscript();
  const places: Place[] = [];
  await passed(world, callEvent());
  const records: World['inbox']['records'] = async function* (since, signal) {
    for await (const entry of world.inbox.records(since, signal)) {
      const origin = { ...entry.delivery.origin, offset: 99 };
      places.push(origin);
      yield entry;
      yield { ...entry, delivery: { ...entry.delivery, origin, place: origin } };
    }
  };
  const parts = { inbox: { records } };
  const codes = async (): Promise<string[]> =>
    (await reconciled(world, { parts })).findings.map(({ code }) => code);
  expect(await codes()).toEqual(['EVENT_NEVER_ANSWERED']);
  await skipped(world, {}, places[0]);
  expect(await codes()).toEqual([]);
});
