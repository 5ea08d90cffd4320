import { afterEach, describe, expect, test, vi } from 'vitest';
import { contextHash } from '../../src/domain/audit-event.ts';
import { CallsealError, type Code } from '../../src/domain/errors.ts';
import type { KeyContext, Keys } from '../../src/ports/keys.ts';
import { failing } from './failing.ts';
import { artifact, callEvent } from './given.ts';
import { brief, expectIntentsClosed, settled } from './seen.ts';
import { type World, worldWithTranscript } from './world.ts';

afterEach(() => void vi.restoreAllMocks());

/** Every artifact reads the same small file: this page is about keys and attempts. */
const MANY = callEvent({
  consent: { recording: 'granted', voiceprint: 'granted' },
  artifacts: [
    artifact('audio', 'audio', 'c-1.json'),
    artifact('transcript', 'transcript', 'c-1.json'),
    artifact('summary', 'summary', 'c-1.json'),
    artifact('embedding', 'embedding', 'c-1.json'),
    artifact('voice-1', 'voiceprint', 'c-1.json'),
    artifact('voice-2', 'voiceprint', 'c-1.json'),
  ],
});

const generating =
  (before: (context: KeyContext) => Promise<void>) =>
  (real: Keys): Keys => ({
    ...real,
    generate: async (kek, context, signal) => {
      await before(context);
      return await real.generate(kek, context, signal);
    },
  });

const attemptsOf = async (world: World) => await world.rows('select uid, state from attempts order by rowid');

test('one key request per class, however many artifacts', async () => {
  const contexts: KeyContext[] = [];
  const world = await worldWithTranscript({
    keys: generating(async (context) => void contexts.push(context)),
  });
  settled(await world.handle(world.delivery(MANY)));
  const { attempt, callUid, artifacts } = await world.receipt();
  const same = { tenant: 't-1', callUid, purpose: 'seal', attempt };
  expect(contexts).toEqual([
    { ...same, class: 'phi' },
    { ...same, class: 'voiceprint' },
  ]);
  expect(artifacts).toHaveLength(6);
  for (const keyClass of ['phi', 'voiceprint']) {
    const ofClass = artifacts.filter((one) => one.keyClass === keyClass);
    expect(new Set(ofClass.map(({ keyName }) => keyName)).size).toBe(1);
  }
});

test('a class that nothing needs gets no key', async () => {
  const world = await worldWithTranscript();
  settled(await world.handle(world.delivery(callEvent())));
  expect(await world.rows('select key_class from call_keys')).toEqual([{ key_class: 'phi' }]);
});

test('when a key is asked for, its intent and its attempt are durable for everybody', async () => {
  const seen: unknown[] = [];
  const world: World = await worldWithTranscript({
    keys: generating(async (context) => {
      const [intent] = await world.rows(
        `select o.fact, a.state from open_intents o join attempts a on a.uid = o.attempt
         where o.attempt = $1 and json_extract(o.fact, '$.key.class') = $2`,
        [context['attempt'] ?? '', context['class'] ?? ''],
      );
      const { kms, outcome } = JSON.parse(String(intent?.['fact'])) as Record<string, unknown>;
      seen.push({ state: intent?.['state'], outcome, kms });
      expect(kms).toEqual({ operation: 'GenerateDataKey', contextHash: contextHash(context) });
    }),
  });
  settled(await world.handle(world.delivery(MANY)));
  expect(seen).toMatchObject([
    { state: 'open', outcome: { status: 'intent' } },
    { state: 'open', outcome: { status: 'intent' } },
  ]);
  expectIntentsClosed(await world.facts());
});

test('the key service is not asked where the intent could not be written', async () => {
  let asked = 0;
  const world = await worldWithTranscript({
    keys: generating(async () => void asked++),
    registry: (real) =>
      failing(real, 'openAttempt', () => new CallsealError('REGISTRY_DOWN', 'made by the test')),
  });
  expect((await world.handle(world.delivery(callEvent()))).do).toBe('wait');
  expect(asked).toBe(0);
  expect(world.parts.openAttempts.size).toBe(0);
});

test('an attempt whose commit nobody heard of is given up, and the delivery goes on with another', async () => {
  const world = await worldWithTranscript({
    registry: (real) =>
      failing(real, 'openAttempt', () => new CallsealError('COMMIT_UNKNOWN', 'made by the test'), {
        when: 'after',
      }),
  });
  settled(await world.handle(world.delivery(callEvent())));
  expect((await attemptsOf(world)).map(({ state }) => state)).toEqual(['lost', 'won']);
  expect(brief(await world.facts('key.generate'))).toEqual([
    'key.generate intent',
    'key.generate not-made',
    'key.generate intent',
    'key.generate ok',
  ]);
});

test('an attempt for the uid of a call that a restore remade is not opened', async () => {
  let views = 0;
  const world = await worldWithTranscript({
    registry: (real) => ({
      ...real,
      viewCall: async (...args) => {
        const view = await real.viewCall(...args);
        return views++ === 0 ? { ...view, callUid: 'of-another-life' } : view;
      },
    }),
  });
  settled(await world.handle(world.delivery(callEvent())));
  expect((await attemptsOf(world)).map(({ state }) => state)).toEqual(['won']);
});

describe('a key request that fails', () => {
  const closes: readonly (readonly [Code, string])[] = [
    ['KMS_DOWN', 'unknown'],
    ['KMS_THROTTLED', 'failed'],
    ['KMS_DENIED', 'failed'],
    ['KEY_DISABLED', 'failed'],
    ['KEY_PENDING_DELETION', 'failed'],
    ['KEY_UNKNOWN', 'failed'],
    ['KEY_FILE_UNUSABLE', 'failed'],
  ];
  for (const [code, status] of closes) {
    test(`with ${code} loses the attempt and closes its intent as ${status}; the next try is a new attempt`, async () => {
      const world = await worldWithTranscript({
        keys: (real) => failing(real, 'generate', () => new CallsealError(code, 'made by the test')),
      });
      const delivery = world.delivery(callEvent());
      expect((await world.handle(delivery)).do).toBe('wait');
      expect((await attemptsOf(world)).map(({ state }) => state)).toEqual(['lost']);
      expect(brief(await world.facts())).toEqual(['key.generate intent', `key.generate ${status} ${code}`]);
      expect(world.parts.openAttempts.size).toBe(0);

      world.intake.passed('t-1', []);
      settled(await world.handle(delivery));
      const [lost, won] = await attemptsOf(world);
      expect(won).toMatchObject({ state: 'won' });
      expect((await world.objectNames()).filter((name) => name.includes(String(lost?.['uid'])))).toEqual([]);
      expect((await world.receipt()).attempt).toBe(won?.['uid']);
    });
  }

  test('whose reply is lost is unknown: nobody can say that no key was made', async () => {
    const world = await worldWithTranscript({
      keys: (real) =>
        failing(real, 'generate', () => new CallsealError('KMS_DOWN', 'no reply'), { when: 'after' }),
    });
    await world.handle(world.delivery(callEvent()));
    expect(brief(await world.facts())).toEqual(['key.generate intent', 'key.generate unknown KMS_DOWN']);
    expect(await world.rows('select name from call_keys')).toEqual([]);
  });

  test('for one class closes the other as it went', async () => {
    const world = await worldWithTranscript({
      keys: generating(async ({ class: keyClass }) => {
        if (keyClass === 'voiceprint') throw new CallsealError('KEY_DISABLED', 'made by the test');
      }),
    });
    await world.handle(world.delivery(MANY));
    const ends = (await world.facts('key.generate')).filter(({ intentUid }) => intentUid !== undefined);
    expect(ends.map(({ key, outcome }) => `${key?.class ?? ''} ${outcome.status}`).toSorted()).toEqual([
      'phi ok',
      'voiceprint failed',
    ]);
    expect(await world.objectNames()).toEqual([]);
  });

  test('because we leave is unknown, and the attempt is lost all the same', async () => {
    const stop = new AbortController();
    const world = await worldWithTranscript({
      keys: generating(async () => {
        stop.abort();
        stop.signal.throwIfAborted();
      }),
    });
    expect(await world.handle(world.delivery(callEvent()), stop.signal)).toEqual({ do: 'leave' });
    expect((await attemptsOf(world)).map(({ state }) => state)).toEqual(['lost']);
    expect(brief(await world.facts())).toEqual(['key.generate intent', 'key.generate unknown STOPPING']);
  });
});

test('an intent older than a minute is not used: no request is made, and it is closed as not made', async () => {
  let [asked, late] = [0, true];
  const world = await worldWithTranscript({
    keys: generating(async () => void asked++),
    registry: (real) => ({
      ...real,
      openAttempt: async (attempt, signal) => {
        await real.openAttempt(attempt, signal);
        if (!late) return;
        late = false;
        const then = performance.now() + 60_001;
        vi.spyOn(performance, 'now').mockImplementation(() => then);
      },
    }),
  });
  settled(await world.handle(world.delivery(callEvent())));
  expect(asked).toBe(1);
  expect(brief(await world.facts('key.generate')).slice(0, 2)).toEqual([
    'key.generate intent',
    'key.generate not-made',
  ]);
});

describe('the objects of an attempt', () => {
  test('stand under tenant, call uid and attempt, the kinds with small caps first', async () => {
    const created: string[] = [];
    const world = await worldWithTranscript({
      objects: (real) => ({
        ...real,
        create: async (name, parts, signal) => {
          created.push(name);
          return await real.create(name, parts, signal);
        },
      }),
    });
    settled(await world.handle(world.delivery(MANY)));
    const { callUid, attempt, artifacts } = await world.receipt();
    const ids = ['embedding', 'voice-1', 'voice-2', 'transcript', 'summary', 'audio'];
    expect(created).toEqual(ids.map((id) => `t-1/${callUid}/${attempt}/${id}`));
    // The receipt keeps the order of the event.
    expect(artifacts.map(({ id }) => id)).toEqual(MANY.artifacts.map(({ id }) => id));
  });

  test('are left for the sweep where a later one fails: no receipt, no key row, new names next time', async () => {
    let creates = 0;
    const world = await worldWithTranscript({
      objects: (real) => ({
        ...real,
        create: async (name, parts, signal) => {
          if (++creates !== 3) return await real.create(name, parts, signal);
          for await (const part of parts) part.release();
          throw new CallsealError('STORE_DOWN', 'made by the test');
        },
      }),
    });
    const delivery = world.delivery(MANY);
    expect((await world.handle(delivery)).do).toBe('wait');
    const left = await world.objectNames();
    expect(left).toHaveLength(2);
    expect(await world.rows('select name from call_keys')).toEqual([]);
    expectIntentsClosed(await world.facts());
    expect(brief(await world.facts('key.generate')).slice(2)).toEqual(['key.generate ok', 'key.generate ok']);

    world.intake.passed('t-1', []);
    settled(await world.handle(delivery));
    const { artifacts } = await world.receipt();
    expect(artifacts.filter(({ object }) => left.includes(object))).toEqual([]);
  });
});

test('an attempt is kept alive while it is open, and no longer', async () => {
  const alive: number[] = [];
  const world: World = await worldWithTranscript({
    objects: (real) => ({
      ...real,
      create: async (name, parts, signal) => {
        alive.push(world.parts.openAttempts.size);
        return await real.create(name, parts, signal);
      },
    }),
    registry: (real) => ({
      ...real,
      decide: async (proposal, signal) => {
        alive.push(world.parts.openAttempts.size);
        return await real.decide(proposal, signal);
      },
    }),
  });
  settled(await world.handle(world.delivery(callEvent())));
  expect([...alive, world.parts.openAttempts.size]).toEqual([1, 1, 0]);
});
