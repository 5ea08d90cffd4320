import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../../src/domain/errors.ts';
import type { Output } from '../../../src/domain/outputs.ts';
import type { PublishedRecord } from '../../../src/ports/events.ts';
import { lastReconciliation } from '../../../src/work/reconcile/last-reconciliation.ts';
import { artifact, callEvent, recordOf, TOPIC, TRANSCRIPT } from '../given.ts';
import { brief, SIGNAL } from '../seen.ts';
import { openWorld, type World, worldWithTranscript } from '../world.ts';
import { HOUR, passed, reconciled, sealedWorld } from './reconciling.ts';

const BYTES = Buffer.byteLength(TRANSCRIPT);
const codes = (found: { readonly findings: readonly { readonly code: string }[] }): string[] =>
  found.findings.map(({ code }) => code);

/** Every way an event can end, and two that have not ended. */
async function busyWorld(): Promise<World> {
  const world = await worldWithTranscript();
  world.put('s.json', '{}');
  const two = [artifact('transcript', 'transcript', 'c-1.json'), artifact('s', 'summary', 's.json')];
  await passed(
    world,
    callEvent(),
    callEvent(),
    callEvent({ revision: 2, artifacts: two }),
    callEvent({ revision: 1 }),
    callEvent({ call: 'c-2', consent: { recording: 'denied' } }),
    callEvent({ call: 'c-3', tenant: 't-9' }),
    callEvent({ call: 'c-4', artifacts: [artifact('a', 'audio', '../no')] }),
    callEvent({ call: 'c-5', artifacts: [artifact('a', 'audio', 'not-there')] }),
    Buffer.from('not JSON'),
  );
  await world.inbox.publish(recordOf(callEvent({ call: 'c-6' })), SIGNAL);
  world.clock.ms += HOUR;
  return world;
}

describe('a run in which nothing went wrong', () => {
  test('has no finding, says what it compared, and names apart what is under way, with its age', async () => {
    const world = await busyWorld();
    const found = await reconciled(world);
    expect(found.findings).toEqual([]);
    expect(found.inFlight).toEqual([
      { stage: 'unanswered', origin: `${TOPIC}/0/7`, replay: 0, tenant: 't-1', call: 'c-5', ageMs: HOUR },
      { stage: 'unanswered', origin: `${TOPIC}/0/9`, replay: 0, tenant: 't-1', call: 'c-6', ageMs: HOUR },
    ]);
    expect(found.report).toMatchObject({
      compared: { events: 10, answers: 8, outputs: 9, receipts: 2, keys: 2, objects: 2, sources: 0 },
      findings: 0,
      byCode: {},
      inFlight: 2,
      oldestInFlightMs: HOUR,
      repeated: 0,
    });
  });

  test('leaves one audit event with its counts, and so the last one is known', async () => {
    const world = await sealedWorld(callEvent());
    expect(await lastReconciliation(world.registry, SIGNAL)).toBeUndefined();
    await reconciled(world);
    const facts = await world.facts('reconcile.finish');
    expect(brief(facts)).toEqual(['reconcile.finish ok']);
    expect(await lastReconciliation(world.registry, SIGNAL)).toEqual({
      at: new Date(world.clock.ms).toISOString(),
      compared: 7,
      findings: 0,
      inFlight: 0,
    });
  });

  test('of nothing at all compares nothing', async () => {
    const { report } = await reconciled(await openWorld());
    expect(report).toMatchObject({
      findings: 0,
      inFlight: 0,
      compared: { events: 0, answers: 0, outputs: 0 },
    });
  });

  test('changes nothing but the audit log', async () => {
    const world = await busyWorld();
    const state = async () => ({
      answers: await world.rows('select * from answers'),
      attempts: await world.rows('select * from attempts'),
      waiting: await world.rows('select * from waiting_records'),
      objects: await world.objectNames(),
    });
    const before = await state();
    await reconciled(world);
    expect(await state()).toEqual(before);
  });
});

describe('an event', () => {
  test('that is done and has no answer is found', async () => {
    const world = await worldWithTranscript();
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    await world.rows('delete from waiting_records');
    const found = await reconciled(world);
    expect(found.findings).toEqual([
      { code: 'EVENT_NEVER_ANSWERED', origin: `${TOPIC}/0/0`, replay: 0, tenant: 't-1', call: 'c-1' },
    ]);
    expect(brief(await world.facts('reconcile.finish'))).toEqual([
      'reconcile.finish failed DIFFERENCES_FOUND',
    ]);
  });

  test('that was handed over is under way until its record in the retry topic is done too', async () => {
    const world = await openWorld();
    await passed(world, callEvent());
    expect(await world.rows('select topic from waiting_records')).toEqual([
      { topic: 'callseal.calls.retry' },
    ]);
    expect(await reconciled(world)).toMatchObject({ findings: [], inFlight: [{ stage: 'unanswered' }] });
    world.put('c-1.json', TRANSCRIPT);
    world.clock.ms += HOUR;
    await world.inbox.run(world.handler, { untilIdle: true }, SIGNAL);
    expect(await reconciled(world)).toMatchObject({
      findings: [],
      inFlight: [],
      report: { compared: { events: 1 } },
    });
  });

  test('whose record in the retry topic is lost is found', async () => {
    const world = await openWorld();
    await passed(world, callEvent());
    await world.rows('delete from waiting_records');
    expect(codes(await reconciled(world))).toEqual(['EVENT_NEVER_ANSWERED']);
  });

  test('with two records is under way as long as one of them is not done, whichever comes first', async () => {
    const world = await worldWithTranscript();
    const delivery = world.delivery(callEvent());
    const publishedAt = new Date(world.clock.ms);
    for (const done of [true, false]) {
      const inbox = {
        records: async function* () {
          yield { delivery, publishedAt, done };
          yield { delivery, publishedAt, done: !done };
        },
      };
      const found = await reconciled(world, { parts: { inbox } });
      expect(found).toMatchObject({ findings: [], inFlight: [{ stage: 'unanswered' }] });
      expect(found.report.compared.events).toBe(1);
    }
  });

  test('from before the time that is looked at is no matter', async () => {
    const world = await worldWithTranscript();
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    await world.rows('delete from waiting_records');
    world.clock.ms += 2 * HOUR;
    expect(await reconciled(world, { sinceHours: 1 })).toMatchObject({ findings: [], inFlight: [] });
  });

  test('that is answered and settled while the comparison goes on is no finding', async () => {
    const world = await worldWithTranscript();
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    const answers: World['registry']['answersOf'] = async (deliveries, signal) => {
      const before = await world.registry.answersOf(deliveries, signal);
      await world.inbox.run(world.handler, { untilIdle: true }, SIGNAL);
      return before;
    };
    const registry = { ...world.registry, answersOf: answers };
    expect(await reconciled(world, { parts: { registry } })).toMatchObject({ findings: [], inFlight: [] });
  });
});

describe('an answer', () => {
  test.each(['outcome', 'transcripts'] as const)('whose %s record is gone is found', async (topic) => {
    const world = await sealedWorld(callEvent());
    const name = { outcome: 'callseal.calls.outcome', transcripts: 'callseal.transcripts.sealed' }[topic];
    await world.rows('delete from output_records where topic = $1', [name]);
    expect((await reconciled(world)).findings).toMatchObject([
      { code: 'OUTPUT_MISSING', topic, tenant: 't-1', call: 'c-1', origin: `${TOPIC}/0/0` },
    ]);
  });

  test('whose dead letter is gone is found', async () => {
    const world = await sealedWorld(callEvent({ tenant: 't-9' }));
    await world.rows(`delete from output_records where topic = 'callseal.calls.dlq'`);
    expect((await reconciled(world)).findings).toMatchObject([{ code: 'OUTPUT_MISSING', topic: 'dlq' }]);
  });

  test('that is not settled yet is under way', async () => {
    const world = await worldWithTranscript();
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    const dies = async (): Promise<never> => await Promise.reject(new CallsealError('FENCED', 'killed here'));
    await world.inbox
      .run(
        async (delivery, signal) => {
          await world.handler(delivery, signal);
          return await dies();
        },
        { untilIdle: true },
        SIGNAL,
      )
      .catch(() => undefined);
    expect(await reconciled(world)).toMatchObject({
      findings: [],
      inFlight: [
        { stage: 'unsettled', topic: 'outcome' },
        { stage: 'unsettled', topic: 'transcripts' },
      ],
    });
  });

  test('without its receipt is found', async () => {
    const world = await sealedWorld(callEvent());
    await world.rows('delete from receipts');
    expect((await reconciled(world)).findings).toMatchObject([
      { code: 'RECEIPT_MISSING', tenant: 't-1', call: 'c-1' },
    ]);
  });
});

describe('a receipt', () => {
  const objectPath = async (world: World): Promise<string> =>
    join(world.data, 'objects', (await world.receipt()).artifacts[0]?.object ?? '');

  test('whose object is gone is found', async () => {
    const world = await sealedWorld(callEvent());
    rmSync(await objectPath(world));
    const { artifacts } = await world.receipt();
    expect((await reconciled(world)).findings).toEqual([
      {
        code: 'OBJECT_MISSING',
        tenant: 't-1',
        call: 'c-1',
        artifact: 'transcript',
        object: artifacts[0]?.object,
      },
    ]);
  });

  test('whose object has another length is found', async () => {
    const world = await sealedWorld(callEvent());
    appendFileSync(await objectPath(world), 'x');
    expect(codes(await reconciled(world))).toEqual(['OBJECT_LENGTH_DIFFERS']);
  });

  test('whose wrapped key is gone without a tombstone is found', async () => {
    const world = await sealedWorld(callEvent());
    await world.rows('delete from call_keys');
    expect(codes(await reconciled(world))).toEqual(['KEY_MISSING']);
  });

  test('of a shredded call misses neither key nor object', async () => {
    const world = await sealedWorld(callEvent());
    const path = await objectPath(world);
    const fact = world.auditor.fact('call.shred');
    const at = new Date(world.clock.ms).toISOString();
    const shred = { uid: '5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10', fact, at };
    await world.registry.shred({ tenant: 't-1', call: 'c-1' }, shred, SIGNAL);
    rmSync(path);
    expect(await reconciled(world)).toMatchObject({ findings: [] });
  });

  test('that a later revision has replaced is retention’s', async () => {
    const world = await sealedWorld(callEvent());
    const path = await objectPath(world);
    world.put('c-1.json', '{"turns":[]}');
    await passed(world, callEvent({ revision: 2 }));
    rmSync(path);
    expect(codes(await reconciled(world))).toEqual([]);
  });
});

describe('an output', () => {
  const outcomeOf = async (world: World): Promise<PublishedRecord> => {
    const [record] = await Array.fromAsync(world.events.read('outcome', { follow: false }, SIGNAL));
    if (!record) throw new Error('nothing was published');
    return record;
  };
  const published = async (world: World, more: Partial<Output>): Promise<void> =>
    await world.events.publish([{ ...(await outcomeOf(world)), ...more }], SIGNAL);

  test('of an event without an answer is found', async () => {
    const world = await sealedWorld(callEvent());
    const headers = { 'callseal-origin': `${TOPIC}/0/77`, 'callseal-replay': '0' };
    await published(world, { id: 'stranger', headers });
    expect((await reconciled(world)).findings).toMatchObject([
      { code: 'OUTPUT_UNANSWERED', topic: 'outcome', id: 'stranger', origin: `${TOPIC}/0/77` },
    ]);
  });

  test('a transcript that no answer of its call announces is found', async () => {
    const world = await sealedWorld(callEvent());
    await published(world, { topic: 'transcripts', id: 'stranger', headers: {} });
    expect((await reconciled(world)).findings).toMatchObject([
      { code: 'OUTPUT_UNANSWERED', topic: 'transcripts', id: 'stranger', tenant: 't-1', call: 'c-1' },
    ]);
  });

  test('a second outcome of one event, under another id, is found', async () => {
    const world = await sealedWorld(callEvent());
    await published(world, { id: 'second' });
    expect((await reconciled(world)).findings).toMatchObject([{ code: 'OUTPUT_DOUBLED', id: 'second' }]);
  });

  test.each(['callseal.calls.outcome', 'callseal.transcripts.sealed'])(
    'with other bytes than its answer says, in %s, is found',
    async (topic) => {
      const world = await sealedWorld(callEvent());
      await world.rows(`update output_records set value = x'7b7d' where topic = $1`, [topic]);
      expect(codes(await reconciled(world))).toEqual(['OUTPUT_DIFFERS']);
    },
  );

  test('twice with the same id and bytes is counted, with other bytes it is found', async () => {
    const world = await sealedWorld(callEvent());
    const again = (value?: Buffer) => ({
      read: async function* (...asked: Parameters<World['events']['read']>) {
        for await (const record of world.events.read(...asked)) {
          yield record;
          if (record.topic === 'outcome') yield { ...record, value: value ?? record.value };
        }
      },
    });
    const same = await reconciled(world, { parts: { events: again() } });
    expect(same).toMatchObject({ findings: [], report: { repeated: 1 } });
    const other = await reconciled(world, { parts: { events: again(Buffer.from('{}')) } });
    expect(codes(other)).toEqual(['OUTPUT_DIFFERS']);
  });

  test('of an answer from before the time that is looked at is known all the same', async () => {
    const world = await worldWithTranscript();
    const delivery = world.delivery(callEvent());
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    const verdict = await world.handle(delivery);
    world.clock.ms += 2 * HOUR;
    if (verdict.do === 'settle') await world.events.publish(verdict.outputs, SIGNAL);
    await world.rows('delete from waiting_records');
    const found = await reconciled(world, { sinceHours: 1 });
    expect(found).toMatchObject({ findings: [], report: { compared: { answers: 0, outputs: 2 } } });
  });
});

describe('a listed source', () => {
  const listed = (key: string, bytes = BYTES, modified = ''): string =>
    `t-1/edge\t${key}\t${bytes}${modified && `\t${modified}`}`;

  test('that was announced and sealed is in order', async () => {
    const world = await sealedWorld(callEvent());
    const found = await reconciled(world, { listing: [listed('c-1.json'), ''] });
    expect(found).toMatchObject({ findings: [], report: { compared: { sources: 1 } } });
  });

  test('that nobody ever announced is found, by its line and without its key', async () => {
    const world = await sealedWorld(callEvent());
    const found = await reconciled(world, { listing: [listed('c-1.json'), listed('orphan.wav')] });
    expect(found.findings).toEqual([
      { code: 'SOURCE_NEVER_ANNOUNCED', tenant: 't-1', alias: 'edge', line: 2 },
    ]);
  });

  test('of another tenant is another source', async () => {
    const world = await sealedWorld(callEvent());
    const found = await reconciled(world, { listing: [`t-2/edge\tc-1.json\t${BYTES}`] });
    expect(codes(found)).toEqual(['SOURCE_NEVER_ANNOUNCED']);
  });

  test('that was written just now may still be announced', async () => {
    const world = await sealedWorld(callEvent());
    const modified = new Date(world.clock.ms - HOUR + 1).toISOString();
    const found = await reconciled(world, { listing: [listed('new.wav', 1, modified)] });
    expect(found).toMatchObject({
      findings: [],
      inFlight: [{ stage: 'unannounced', line: 1, ageMs: HOUR - 1 }],
    });
    world.clock.ms += 1;
    expect(codes(await reconciled(world, { listing: [listed('new.wav', 1, modified)] }))).toEqual([
      'SOURCE_NEVER_ANNOUNCED',
    ]);
  });

  test('from before the time that is looked at is known by its receipt, or nothing is said of it', async () => {
    const world = await sealedWorld(callEvent());
    const old = new Date(world.clock.ms - 3 * HOUR).toISOString();
    world.clock.ms += 2 * HOUR;
    const listing = [listed('c-1.json'), listed('older.wav', 1, old)];
    const found = await reconciled(world, { sinceHours: 1, listing });
    expect(found).toMatchObject({ findings: [], inFlight: [], report: { unjudged: 1 } });
  });

  test('whose event never got an answer is found', async () => {
    const world = await worldWithTranscript();
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    await world.rows('delete from waiting_records');
    expect(codes(await reconciled(world, { listing: [listed('c-1.json')] }))).toEqual([
      'EVENT_NEVER_ANSWERED',
      'SOURCE_NEVER_ANSWERED',
    ]);
  });

  test('that has another length than what was sealed of it is found', async () => {
    const world = await sealedWorld(callEvent());
    expect(codes(await reconciled(world, { listing: [listed('c-1.json', BYTES + 1)] }))).toEqual([
      'SOURCE_LENGTH_DIFFERS',
    ]);
  });

  test.each([
    ['edge\tk\t1', 'several tenants'],
    ['t-9/edge\tk\t1', 'not in the settings'],
    ['nowhere\tk\t1', 'not in the settings'],
    ['t-1/edge\t../k\t1', 'no event may name'],
    ['t-1/edge k 1', 'with tabs'],
    ['t-1/edge\tk\t1.5', 'with tabs'],
    ['t-1/edge\tk\t1\tyesterday', 'ISO 8601'],
  ])('%j is refused with its line and without its text', async (text, says) => {
    const world = await openWorld();
    const refused = reconciled(world, { listing: ['', text] });
    await expect(refused).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(says) });
    await expect(reconciled(world, { listing: ['', text] })).rejects.toThrow('line 2');
  });
});

test('more than six days back are refused', async () => {
  const world = await openWorld();
  await expect(reconciled(world, { sinceHours: 6 * 24 + 1 })).rejects.toMatchObject({ code: 'USAGE' });
});

test('what is away ends it without a word about what is there', async () => {
  const world = await sealedWorld(callEvent());
  const down = new CallsealError('STORE_DOWN', 'away');
  const objects = { ...world.objects, stat: async () => await Promise.reject(down) };
  await expect(reconciled(world, { parts: { objects } })).rejects.toBe(down);
  expect(await world.facts('reconcile.finish')).toEqual([]);
});
