import { describe, expect, test } from 'vitest';
import { CallsealError, type Code, type Scope } from '../../src/domain/errors.ts';
import type { Sources } from '../../src/ports/sources.ts';
import { bugBreaker } from '../../src/work/bug-breaker.ts';
import { deliveryHandler } from '../../src/work/handle-delivery.ts';
import { codesThat } from '../domain/dispositions.ts';
import { failing } from './failing.ts';
import { artifact, callEvent, TRANSCRIPT } from './given.ts';
import { outcomeIn, SIGNAL, settled } from './seen.ts';
import { type World, worldWithTranscript } from './world.ts';

const fails = (code: Code, scope?: Scope) => () =>
  new CallsealError(code, 'made by the test', scope === undefined ? {} : { scope });

/** A world whose first `times` openings of a source fail. */
async function withSourceFailure(error: () => unknown, times = 1, parts = {}): Promise<World> {
  return await worldWithTranscript({
    sources: (real) => failing(real, 'open', error, { times }),
    parts,
  });
}

async function nothingWasDecided(world: World): Promise<void> {
  for (const table of ['answers', 'receipts', 'call_keys']) {
    expect(await world.rows(`select * from ${table}`)).toEqual([]);
  }
}

describe('what a failure does to a delivery', () => {
  for (const code of codesThat('pause')) {
    test(`${code} waits: nothing is parked, nothing is counted, nothing is kept`, async () => {
      const world = await withSourceFailure(fails(code));
      const verdict = await world.handle(world.delivery(callEvent()));
      expect(verdict.do).toBe('wait');
      expect(world.intake.paused().map((scope) => scope.code)).toEqual([code]);
      await nothingWasDecided(world);
      expect(await world.objectNames()).toEqual([]);
    });
  }

  for (const [name, scope] of [
    ['everybody', {}],
    ['its tenant', { tenant: 't-1' }],
    ['its source alias', { tenant: 't-1', alias: 'edge' }],
  ] as const) {
    test(`a pause concerns ${name} where the error says so, and nobody else`, async () => {
      const world = await withSourceFailure(fails('SOURCE_DOWN', scope));
      await world.handle(world.delivery(callEvent()));
      expect(world.intake.paused()).toMatchObject([scope]);
      const other = await world.handle(world.delivery(callEvent({ tenant: 't-2' })));
      expect(other.do).toBe('tenant' in scope ? 'settle' : 'wait');
    });
  }

  test('a delivery of a paused tenant waits before anything of it is opened', async () => {
    let opened = 0;
    const counting = (real: Sources): Sources => ({
      ...real,
      open: async (ref, signal) => {
        opened++;
        return await real.open(ref, signal);
      },
    });
    const world = await worldWithTranscript({ sources: counting });
    void world.intake.pause({ tenant: 't-1' }, 'KEY_DISABLED');
    expect(await world.handle(world.delivery(callEvent()))).toMatchObject({ do: 'wait' });
    expect(opened).toBe(0);
    expect(await world.facts()).toEqual([]);
  });

  test('an answer resumes what was paused', async () => {
    const world = await withSourceFailure(fails('SOURCE_DOWN', { tenant: 't-1', alias: 'edge' }));
    const delivery = world.delivery(callEvent());
    const waiting = await world.handle(delivery);
    world.intake.passed('t-1', ['edge']);
    if (waiting.do !== 'wait') throw new Error('it should wait');
    await waiting.resumed;
    expect((await world.handle(delivery)).do).toBe('settle');
    expect(world.intake.paused()).toEqual([]);
  });

  test('a source that is missing is tried again in place, and then is there', async () => {
    const world = await withSourceFailure(fails('SOURCE_MISSING'));
    const outputs = settled(await world.handle(world.delivery(callEvent())));
    expect(outcomeIn(outputs).answer).toBe('sealed');
  });

  test('after the tries in place a delivery is handed over, counted once', async () => {
    let tries = 0;
    const world = await withSourceFailure(() => {
      tries++;
      return fails('SOURCE_MISSING')();
    }, 99);
    const verdict = await world.handle(world.delivery(callEvent()));
    expect(verdict).toEqual({
      do: 'hand-over',
      dueAt: new Date(world.clock.ms + world.parts.retryDelayMs),
      counted: 1,
      firstFailedAt: '2026-11-24T10:00:00.000Z',
      code: 'SOURCE_MISSING',
    });
    expect(tries).toBe(world.parts.retry.inPlace);
    await nothingWasDecided(world);
  });

  test('a tenant that an operator pauses waits, and a worker that ends when idle leaves it', async () => {
    const world = await worldWithTranscript();
    world.intake.holdTenants([{ tenant: 't-1', since: new Date(0) }]);
    const delivery = world.delivery(callEvent());
    const waiting = await world.handle(delivery);
    expect(waiting).toMatchObject({ do: 'wait', code: 'INTAKE_PAUSED' });
    const idle = deliveryHandler({ ...world.parts, untilIdle: true });
    expect(await idle(delivery, SIGNAL)).toEqual({ do: 'leave' });
    await nothingWasDecided(world);
    world.intake.holdTenants([]);
    if (waiting.do === 'wait') await waiting.resumed;
    expect(outcomeIn(settled(await idle(delivery, SIGNAL))).answer).toBe('sealed');
  });

  test('a later failure counts on and keeps the time of the first', async () => {
    const world = await withSourceFailure(fails('SOURCE_MISSING'), 99);
    const first = '2026-11-24T04:00:00.000Z';
    const delivery = world.delivery(callEvent(), { counted: 7, firstFailedAt: first });
    expect(await world.handle(delivery)).toMatchObject({ counted: 8, firstFailedAt: first });
  });

  test('what has failed for longer than the limit is parked with the code that it failed with', async () => {
    const world = await withSourceFailure(fails('SOURCE_MISSING'), 99);
    const first = '2026-11-23T10:00:00.000Z';
    const delivery = world.delivery(callEvent(), { counted: 7, firstFailedAt: first });
    const outputs = settled(await world.handle(delivery));
    expect(outcomeIn(outputs)).toMatchObject({ answer: 'parked', code: 'SOURCE_MISSING', current: 'none' });
    expect(world.answers[0]?.park).toMatchObject({
      disposition: 'retry',
      stage: 'seal',
      counted: 8,
      firstFailedAt: first,
    });
  });

  test('a lost race starts again at once and is not counted', async () => {
    const world = await worldWithTranscript({
      registry: (real) => ({
        ...real,
        decide: async (proposal, signal) => {
          if (proposal.attempt !== undefined) await real.loseAttempt(proposal.attempt, [], signal);
          return await real.decide(proposal, signal);
        },
      }),
    });
    const delivery = world.delivery(callEvent(), { counted: 3 });
    expect(await world.handle(delivery)).toMatchObject({
      do: 'hand-over',
      counted: 3,
      firstFailedAt: undefined,
    });
    await nothingWasDecided(world);
  });

  test('a fault of the event parks at once: one try, one key, a dead letter beside the outcome', async () => {
    const world = await worldWithTranscript();
    const event = callEvent({ artifacts: [artifact('transcript', 'transcript', 'c-1.json', { bytes: 7 })] });
    const outputs = settled(await world.handle(world.delivery(event)));
    expect(outputs.map(({ topic }) => topic)).toEqual(['outcome', 'dlq']);
    expect(outcomeIn(outputs)).toMatchObject({ answer: 'parked', code: 'SOURCE_LENGTH_DIFFERS' });
    expect(await world.rows('select uid from attempts')).toHaveLength(1);
  });

  test('an event that cannot be read is parked without an outcome', async () => {
    const world = await worldWithTranscript();
    const outputs = settled(await world.handle(world.delivery(Buffer.from('{'))));
    expect(outputs.map(({ topic }) => topic)).toEqual(['dlq']);
    expect(world.answers[0]).toMatchObject({ answer: 'parked', code: 'EVENT_NOT_JSON', outcome: undefined });
  });

  for (const [code, change] of [
    ['TENANT_UNKNOWN', { tenant: 't-9' }],
    [
      'ALIAS_NOT_OF_TENANT',
      { artifacts: [{ ...artifact('a', 'audio', 'k'), source: { alias: 'x', key: 'k' } }] },
    ],
    ['SOURCE_KEY_FORBIDDEN', { artifacts: [artifact('a', 'audio', '../k')] }],
    ['NO_ARTIFACT', { artifacts: [] }],
  ] as const) {
    test(`${code} is parked before an attempt is opened`, async () => {
      const world = await worldWithTranscript();
      settled(await world.handle(world.delivery(callEvent(change as never))));
      expect(world.answers).toMatchObject([{ answer: 'parked', code }]);
      expect(await world.rows('select uid from attempts')).toEqual([]);
    });
  }

  test('writers of another topic get no answer about a call that is not theirs', async () => {
    const world = await worldWithTranscript();
    const place = { topic: 'somebody.else', partition: 0, offset: 0 };
    const outputs = settled(
      await world.handle(world.delivery(callEvent(), { origin: place, arrival: place, place })),
    );
    expect(outputs.map(({ topic }) => topic)).toEqual(['dlq']);
    expect(world.answers).toMatchObject([{ code: 'TENANT_NOT_OF_TOPIC', tenant: undefined }]);
  });

  test('a bug is parked with a fingerprint that is the same for the same cause', async () => {
    const world = await withSourceFailure(() => new TypeError('a defect'), 2);
    for (const call of ['c-1', 'c-2']) settled(await world.handle(world.delivery(callEvent({ call }))));
    const [first, second] = world.answers.map((row) => row.park);
    expect(first).toMatchObject({ code: 'BUG', disposition: 'bug' });
    expect(first?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(second?.fingerprint).toBe(first?.fingerprint);
  });

  test('bugs in a row pause their tenant and nobody else', async () => {
    const world = await withSourceFailure(() => new TypeError('a defect'), 99, {});
    const gate = world.intake;
    const breaker = bugBreaker({ inARow: 3, ratio: 1, over: 100, probeAfterMs: 300_000 }, gate);
    const handler = deliveryHandler({ ...world.parts, breaker });
    for (const call of ['c-1', 'c-2', 'c-3']) await handler(world.delivery(callEvent({ call })), SIGNAL);
    expect(gate.paused()).toMatchObject([{ tenant: 't-1', code: 'BUG' }]);
    expect((await handler(world.delivery(callEvent({ call: 'c-4' })), SIGNAL)).do).toBe('wait');
    expect(gate.blocked('t-2', ['edge'])).toBeUndefined();
  });

  for (const code of codesThat('stop').filter((each) => each !== 'COMMIT_UNKNOWN')) {
    test(`${code} leaves: nothing is settled`, async () => {
      const world = await withSourceFailure(fails(code));
      expect(await world.handle(world.delivery(callEvent()))).toEqual({ do: 'leave' });
      await nothingWasDecided(world);
    });
  }

  for (const [what, failure] of [
    ['a defect', () => new TypeError('torn down')],
    ['a dependency that is away', fails('STORE_DOWN')],
    ['a source that is missing', fails('SOURCE_MISSING')],
  ] as const) {
    test(`${what} while we are told to stop is left, and pauses nobody`, async () => {
      const stop = new AbortController();
      const world = await withSourceFailure(() => {
        stop.abort();
        return failure();
      });
      expect(await world.handle(world.delivery(callEvent()), stop.signal)).toEqual({ do: 'leave' });
      expect(world.intake.paused()).toEqual([]);
      await nothingWasDecided(world);
    });
  }

  test('a commit that nobody heard of waits for the registry, which then says what happened', async () => {
    const world = await worldWithTranscript({
      registry: (real) => failing(real, 'viewCall', fails('COMMIT_UNKNOWN'), { when: 'after' }),
    });
    const delivery = world.delivery(callEvent());
    expect((await world.handle(delivery)).do).toBe('wait');
    expect(world.intake.paused()).toMatchObject([{ code: 'REGISTRY_DOWN' }]);
    world.intake.passed('t-1', []);
    expect(outcomeIn(settled(await world.handle(delivery))).answer).toBe('sealed');
  });

  test('the same origin with other bytes stops', async () => {
    const world = await worldWithTranscript();
    const first = world.delivery(callEvent());
    settled(await world.handle(first));
    const other = { ...first, value: Buffer.from(JSON.stringify(callEvent({ call: 'c-2' }))) };
    expect(await world.handle(other)).toEqual({ do: 'leave' });
    expect(world.failures).toMatchObject([{ code: 'ORIGIN_REUSED' }]);
  });

  test('a defect where a parked answer is written holds the tenant and loses nothing', async () => {
    const world = await worldWithTranscript({
      registry: (real) => ({
        ...real,
        viewCall: async () => await Promise.reject(new Error('made by the test')),
        decide: async () => await Promise.reject(new Error('made by the test')),
      }),
    });
    expect((await world.handle(world.delivery(callEvent()))).do).toBe('wait');
    expect(world.intake.paused()).toMatchObject([{ tenant: 't-1', code: 'BUG' }]);
  });
});

describe('a probe', () => {
  /** Pauses the scope, waits until its probe is due. */
  async function due(world: World, scope: Scope, probeMs = 1): Promise<void> {
    await world.intake.pause(scope, 'KMS_DOWN', probeMs);
  }

  test('that says nothing about the dependency makes way for the next', async () => {
    const world = await withSourceFailure(fails('SOURCE_MISSING'), 99);
    await due(world, { tenant: 't-1' });
    expect((await world.handle(world.delivery(callEvent()))).do).toBe('hand-over');
    expect(world.intake.blocked('t-1', ['edge'])).toBeUndefined();
  });

  test('that meets another failure makes way for the next', async () => {
    const world = await withSourceFailure(fails('SOURCE_DOWN', { tenant: 't-1', alias: 'edge' }));
    await due(world, { tenant: 't-1' });
    expect((await world.handle(world.delivery(callEvent()))).do).toBe('wait');
    expect(world.intake.blocked('t-1', ['other'])).toBeUndefined();
  });
});

describe('what is published', () => {
  test('a sealed call: its transcript as it lies in the store, then its outcome', async () => {
    const world = await worldWithTranscript();
    const outputs = settled(await world.handle(world.delivery(callEvent())));
    expect(outputs.map(({ topic, key }) => [topic, key])).toEqual([
      ['transcripts', 't-1/c-1'],
      ['outcome', 't-1/c-1'],
    ]);
    const { artifacts, sequence, current } = outcomeIn(outputs);
    expect({ sequence, current }).toEqual({ sequence: 2, current: { revision: 1, generation: 1 } });
    const [stored] = artifacts;
    const chunks: Buffer[] = [];
    for await (const chunk of world.objects.read(stored?.object ?? '', { from: 0, to: 1e6 }, SIGNAL)) {
      chunks.push(chunk);
    }
    expect(outputs[0]?.value.equals(Buffer.concat(chunks))).toBe(true);
    expect(outputs[0]?.value.includes(TRANSCRIPT)).toBe(false);
  });

  test('a redelivery publishes the same ids and the same bytes, and seals nothing again', async () => {
    const world = await worldWithTranscript();
    const delivery = world.delivery(callEvent());
    const first = settled(await world.handle(delivery));
    const names = await world.objectNames();
    expect(settled(await world.handle({ ...delivery }))).toEqual(first);
    expect(await world.objectNames()).toEqual(names);
    expect(await world.facts('key.generate')).toHaveLength(2);
  });

  test('a redelivered park publishes the same dead letter id with another ciphertext of the same bytes', async () => {
    const world = await worldWithTranscript();
    const delivery = world.delivery(callEvent({ artifacts: [] }));
    const [first, again] = [settled(await world.handle(delivery)), settled(await world.handle(delivery))];
    const letter = (outputs: typeof first) => outputs.find(({ topic }) => topic === 'dlq')!;
    expect({ ...letter(again), value: 0 }).toEqual({ ...letter(first), value: 0 });
    expect(letter(again).value.equals(letter(first).value)).toBe(false);
  });

  test('only the deciding arrival publishes; another record of the same delivery is marked done in silence', async () => {
    const world = await worldWithTranscript();
    const delivery = world.delivery(callEvent());
    const elsewhere = { ...delivery.arrival, offset: 77 };
    expect(settled(await world.handle(delivery))).toHaveLength(2);
    expect(settled(await world.handle({ ...delivery, arrival: elsewhere, place: elsewhere }))).toEqual([]);
  });

  test('the same event in another record is a duplicate and publishes nothing', async () => {
    const world = await worldWithTranscript();
    settled(await world.handle(world.delivery(callEvent())));
    expect(settled(await world.handle(world.delivery(callEvent())))).toEqual([]);
    expect(world.answers.map(({ answer }) => answer)).toEqual(['sealed', 'duplicate']);
    expect(await world.rows('select uid from attempts')).toHaveLength(1);
  });

  test('a replay of a sealed delivery has its own answer: a duplicate', async () => {
    const world = await worldWithTranscript();
    const delivery = world.delivery(callEvent());
    settled(await world.handle(delivery));
    const arrival = { topic: 'callseal.calls.replay', partition: 0, offset: 0 };
    expect(settled(await world.handle({ ...delivery, replay: 1, arrival, place: arrival }))).toEqual([]);
    expect(await world.rows('select replay, answer from answers order by replay')).toMatchObject([
      { replay: 0, answer: 'sealed' },
      { replay: 1, answer: 'duplicate' },
    ]);
  });

  test('where a shred comes between answer and settle only the bytes that nobody can open are left out', async () => {
    const world = await worldWithTranscript();
    const delivery = world.delivery(callEvent());
    const before = settled(await world.handle(delivery));
    for (const name of await world.objectNames()) await world.objects.remove(name, SIGNAL);
    const after = settled(await world.handle(delivery));
    expect(after).toEqual(before.filter(({ topic }) => topic === 'outcome'));
  });
});
