import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { failing } from './failing.ts';
import { artifact, callEvent } from './given.ts';
import { brief, expectIntentsClosed, outcomeIn, SIGNAL, settled } from './seen.ts';
import { type World, worldWithTranscript } from './world.ts';

const away = () => new CallsealError('REGISTRY_DOWN', 'made by the test');
const unheard = () => new CallsealError('COMMIT_UNKNOWN', 'made by the test');

/** Counts what a test says must not happen again, or at all. */
function counted() {
  const count = { generate: 0, create: 0, remove: 0, open: 0, stat: 0 };
  return {
    count,
    wraps: {
      keys: (real: World['keys']) => ({
        ...real,
        generate: async (...args: Parameters<typeof real.generate>) => {
          if (args[1]['class'] !== 'dead-letter') count.generate++;
          return await real.generate(...args);
        },
      }),
      objects: (real: World['objects']) => ({
        ...real,
        create: async (...args: Parameters<typeof real.create>) => {
          count.create++;
          return await real.create(...args);
        },
        remove: async (...args: Parameters<typeof real.remove>) => {
          count.remove++;
          return await real.remove(...args);
        },
      }),
      sources: (real: World['sources']) => ({
        ...real,
        open: async (...args: Parameters<typeof real.open>) => {
          count.open++;
          return await real.open(...args);
        },
        stat: async (...args: Parameters<typeof real.stat>) => {
          count.stat++;
          return await real.stat(...args);
        },
      }),
    },
  };
}

const states = async (world: World): Promise<unknown[]> =>
  (await world.rows('select state from attempts order by rowid')).map((row) => row['state']);

describe('the decision', () => {
  test('of a sealed call commits receipt, key, answer and audit together, and the intents are closed', async () => {
    const world = await worldWithTranscript();
    settled(await world.handle(world.delivery(callEvent())));
    expect(brief(await world.facts())).toEqual(['key.generate intent', 'key.generate ok', 'call.seal ok']);
    expect(await world.rows('select * from open_intents')).toEqual([]);
    const receipt = await world.receipt();
    const keys = await world.rows('select name, attempt from call_keys');
    expect(keys).toMatchObject([{ name: receipt.artifacts[0]?.keyName, attempt: receipt.attempt }]);
    expect(await states(world)).toEqual(['won']);
  });

  test('finds no wrapped key and no receipt before it', async () => {
    let looked = 0;
    const world: World = await worldWithTranscript({
      registry: (real) => ({
        ...real,
        decide: async (proposal, signal) => {
          expect(await world.rows('select name from call_keys')).toEqual([]);
          expect(await world.rows('select receipt from receipts')).toEqual([]);
          looked++;
          return await real.decide(proposal, signal);
        },
      }),
    });
    settled(await world.handle(world.delivery(callEvent())));
    expect(looked).toBe(1);
  });

  test('leaves nothing of an attempt that lost: no key row, no receipt, its intent closed', async () => {
    let races = 1;
    const world = await worldWithTranscript({
      registry: (real) => ({
        ...real,
        decide: async (proposal, signal) => {
          if (races-- > 0)
            await real.abandonAttempts(-1, () => world.auditor.fact('attempt.abandon'), signal);
          return await real.decide(proposal, signal);
        },
      }),
    });
    settled(await world.handle(world.delivery(callEvent())));
    const receipt = await world.receipt();
    expect(await states(world)).toEqual(['abandoned', 'won']);
    expect(await world.rows('select attempt from call_keys')).toEqual([{ attempt: receipt.attempt }]);
    expect(await world.rows('select attempt from receipts')).toEqual([{ attempt: receipt.attempt }]);
    expectIntentsClosed(await world.facts());
  });

  test('waits while the registry is away, and seals nothing again', async () => {
    const { count, wraps } = counted();
    const world = await worldWithTranscript({
      ...wraps,
      registry: (real) => failing(real, 'decide', away, { times: 2 }),
    });
    expect(outcomeIn(settled(await world.handle(world.delivery(callEvent())))).answer).toBe('sealed');
    expect(count).toEqual({ generate: 1, create: 1, remove: 0, open: 1, stat: 0 });
  });

  test('whose reply is lost is read again: the answer is adopted, no object is deleted', async () => {
    const { count, wraps } = counted();
    const world = await worldWithTranscript({
      ...wraps,
      registry: (real) => failing(real, 'decide', unheard, { when: 'after' }),
    });
    const delivery = world.delivery(callEvent());
    const outputs = settled(await world.handle(delivery));
    expect(outcomeIn(outputs).answer).toBe('sealed');
    expect(count).toEqual({ generate: 1, create: 1, remove: 0, open: 1, stat: 0 });
    expect(await world.rows('select uid from answers')).toHaveLength(1);
    expect(settled(await world.handle(delivery))).toEqual(outputs);
  });

  test('whose reply is lost while we leave keeps its objects: the next delivery publishes them', async () => {
    const { count, wraps } = counted();
    const stop = new AbortController();
    const world = await worldWithTranscript({
      ...wraps,
      registry: (real) => ({
        ...real,
        decide: async (proposal, signal) => {
          await real.decide(proposal, signal);
          stop.abort();
          throw unheard();
        },
      }),
    });
    const delivery = world.delivery(callEvent());
    expect(await world.handle(delivery, stop.signal)).toEqual({ do: 'leave' });
    expect(await states(world)).toEqual(['won']);
    expect(outcomeIn(settled(await world.handle(delivery))).answer).toBe('sealed');
    expect(count).toMatchObject({ create: 1, remove: 0 });
  });
});

describe('what the rules answer already needs no attempt, no key and no source', () => {
  async function answered(
    before: (world: World) => Promise<void>,
    event: Parameters<typeof callEvent>[0],
    policy = {},
  ) {
    const { count, wraps } = counted();
    const world = await worldWithTranscript({ ...wraps, policy });
    await before(world);
    const earlier = { ...count };
    const attempts = await world.rows('select uid from attempts');
    settled(await world.handle(world.delivery(callEvent(event))));
    expect(count).toMatchObject({ generate: earlier.generate, open: earlier.open, create: earlier.create });
    expect(await world.rows('select uid from attempts')).toEqual(attempts);
    return world.answers.at(-1);
  }
  const seal = (event: Parameters<typeof callEvent>[0]) => async (world: World) =>
    void settled(await world.handle(world.delivery(callEvent(event))));
  const denied = { consent: { recording: 'denied' } } as const;

  test('consent denied is refused', async () => {
    const row = await answered(async () => undefined, denied);
    expect(row).toMatchObject({ answer: 'refused', code: 'CONSENT_DENIED' });
  });

  test('consent unknown is refused where the policy says so', async () => {
    const unknown = { consent: { recording: 'unknown' } } as const;
    const policy = { consent: { unknown: 'refuse', onWithdrawal: 'keep' } } as const;
    const row = await answered(async () => undefined, unknown, policy);
    expect(row).toMatchObject({ answer: 'refused', code: 'CONSENT_DENIED' });
  });

  test('a revision below one that consent was denied for is superseded', async () => {
    const row = await answered(seal({ ...denied, revision: 2 }), { revision: 1 });
    expect(row).toMatchObject({ answer: 'superseded', code: 'REVISION_LOWER' });
  });

  test('a revision below the current receipt is superseded', async () => {
    const row = await answered(seal({ revision: 2 }), { revision: 1 });
    expect(row).toMatchObject({ answer: 'superseded', code: 'REVISION_LOWER' });
  });

  test('the same revision with another event is parked', async () => {
    const row = await answered(seal({}), { durationMs: 1 });
    expect(row).toMatchObject({ answer: 'parked', code: 'REVISION_REUSED', park: { stage: 'decide' } });
  });

  test('a shredded call is refused', async () => {
    const shred = async (world: World) => {
      await shredCall(world.registry, world);
    };
    expect(await answered(shred, {})).toMatchObject({ answer: 'refused', code: 'CALL_SHREDDED' });
  });
});

async function shredCall(registry: Registry, { auditor }: Pick<World, 'auditor'>, keyClass?: 'voiceprint') {
  const fact = auditor.fact('call.shred', { tenant: 't-1' });
  const scope = { tenant: 't-1', call: 'c-1', ...(keyClass && { keyClass }) };
  return await registry.shred(scope, { uid: fact.eventUid, fact, at: fact.time }, SIGNAL);
}

test('consent unknown is sealed where the policy says so', async () => {
  const world = await worldWithTranscript();
  settled(await world.handle(world.delivery(callEvent({ consent: { recording: 'unknown' } }))));
  expect(world.answers).toMatchObject([{ answer: 'sealed' }]);
});

test('a later denial leaves the current receipt as it is, and says so', async () => {
  const world = await worldWithTranscript();
  settled(await world.handle(world.delivery(callEvent())));
  const event = callEvent({ revision: 2, consent: { recording: 'denied' } });
  expect(outcomeIn(settled(await world.handle(world.delivery(event))))).toMatchObject({
    answer: 'refused',
    current: { revision: 1, generation: 1 },
  });
});

test('a shred between the look and the attempt refuses, and does not park', async () => {
  const world = await worldWithTranscript({
    registry: (real) => ({
      ...real,
      openAttempt: async (attempt, signal) => {
        await shredCall(real, world);
        await real.openAttempt(attempt, signal);
      },
    }),
  });
  settled(await world.handle(world.delivery(callEvent())));
  expect(world.answers).toMatchObject([{ answer: 'refused', code: 'CALL_SHREDDED', park: undefined }]);
});

test('a shred between seal and decision keeps the call from coming back', async () => {
  const world = await worldWithTranscript({
    registry: (real) => ({
      ...real,
      decide: async (proposal, signal) => {
        await shredCall(real, world);
        return await real.decide(proposal, signal);
      },
    }),
  });
  settled(await world.handle(world.delivery(callEvent())));
  expect(world.answers).toMatchObject([{ answer: 'refused', code: 'CALL_SHREDDED' }]);
  expect(await world.rows('select name from call_keys')).toEqual([]);
  expect(await states(world)).toEqual(['lost']);
});

test('a class that was shredded is left out with a warning, and its key too', async () => {
  const world = await worldWithTranscript({
    registry: (real) => ({
      ...real,
      decide: async (proposal, signal) => {
        await shredCall(real, world, 'voiceprint');
        return await real.decide(proposal, signal);
      },
    }),
  });
  const event = callEvent({
    consent: { recording: 'granted', voiceprint: 'granted' },
    artifacts: [
      artifact('transcript', 'transcript', 'c-1.json'),
      artifact('voice', 'voiceprint', 'c-1.json'),
    ],
  });
  const outcome = outcomeIn(settled(await world.handle(world.delivery(event))));
  expect(outcome).toMatchObject({ answer: 'sealed-with-warnings', warnings: ['CLASS_SHREDDED'] });
  expect(outcome.artifacts.map(({ id }) => id)).toEqual(['transcript']);
  expect(await world.rows('select key_class from call_keys')).toEqual([{ key_class: 'phi' }]);
});

test('what is odd about an event stands in the outcome and stops nothing', async () => {
  const world = await worldWithTranscript();
  const event = { ...callEvent({ call: '1234567' }), extra: 1 };
  const outputs = settled(await world.handle(world.delivery(event, { key: 'other' })));
  expect(outcomeIn(outputs)).toMatchObject({
    answer: 'sealed-with-warnings',
    warnings: ['KEY_NOT_CALL', 'ID_LOOKS_LIKE_NUMBER', 'UNKNOWN_FIELDS'],
  });
});

test('an id that looks like a number is parked where the policy says so', async () => {
  const world = await worldWithTranscript({ policy: { numericIds: 'refuse' } });
  settled(await world.handle(world.delivery(callEvent({ call: '1234567' }))));
  expect(world.answers).toMatchObject([{ answer: 'parked', code: 'ID_IS_NUMBER' }]);
});

test('a duplicate makes no audit event, every other answer makes one', async () => {
  const world = await worldWithTranscript();
  const revisions = [{ revision: 2 }, { revision: 2 }, { revision: 1 }, { revision: 2, durationMs: 1 }];
  for (const given of revisions) settled(await world.handle(world.delivery(callEvent(given))));
  expect(world.answers.map(({ answer }) => answer)).toEqual(['sealed', 'duplicate', 'superseded', 'parked']);
  const calls = (await world.facts()).filter(({ action }) => action.startsWith('call.'));
  expect(brief(calls)).toEqual([
    'call.seal ok',
    'call.refuse ok REVISION_LOWER',
    'call.park ok REVISION_REUSED',
  ]);
});
