import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CallEvent } from '../../src/domain/call-event.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { SourceRef } from '../../src/ports/sources.ts';
import { artifact, callEvent } from './given.ts';
import { outcomeIn, SIGNAL, settled } from './seen.ts';
import { type World, type WorldOptions, worldWithTranscript } from './world.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A world that has sealed revision 1, and what its sources are asked for afterwards. */
async function afterRevisionOne(event: CallEvent, options: WorldOptions = {}) {
  const asked = { open: [] as string[], stat: [] as string[], generate: 0 };
  const world = await worldWithTranscript({
    keys: (real) => ({
      ...real,
      generate: async (...args) => {
        asked.generate++;
        return await real.generate(...args);
      },
    }),
    sources: (real) => ({
      ...real,
      open: async (ref: SourceRef, signal) => {
        asked.open.push(ref.key);
        return await real.open(ref, signal);
      },
      stat: async (ref: SourceRef, signal) => {
        asked.stat.push(ref.key);
        return await real.stat(ref, signal);
      },
    }),
    ...options,
  });
  world.put('summary.json', '{"summary":1}');
  settled(await world.handle(world.delivery(event)));
  const before = await world.receipt();
  Object.assign(asked, { open: [], stat: [], generate: 0 });
  return { world, asked, before };
}

const transcript = artifact('transcript', 'transcript', 'c-1.json');
const summary = artifact('summary', 'summary', 'summary.json');
const second = (artifacts: CallEvent['artifacts'], more: Partial<CallEvent> = {}): CallEvent =>
  callEvent({ revision: 2, artifacts, ...more });

async function seal(world: World, event: CallEvent) {
  return outcomeIn(settled(await world.handle(world.delivery(event))));
}

describe('what the next revision carries over', () => {
  test('the same version at the source: not read again, same object, same key, said so and not published again', async () => {
    const { world, asked, before } = await afterRevisionOne(callEvent());
    const outputs = settled(await world.handle(world.delivery(second([transcript, summary]))));
    expect(asked).toEqual({ open: ['summary.json'], stat: ['c-1.json'], generate: 1 });
    const after = await world.receipt();
    expect(after.artifacts[0]).toEqual({ ...before.artifacts[0], carriedFrom: 1 });
    expect(outcomeIn(outputs).artifacts).toMatchObject([
      { id: 'transcript', carriedFrom: 1 },
      { id: 'summary' },
    ]);
    expect(outputs.filter(({ topic }) => topic === 'transcripts')).toEqual([]);
  });

  test('a revision that carries everything over makes no key and opens no source', async () => {
    const { world, asked } = await afterRevisionOne(callEvent());
    expect(await seal(world, second([transcript]))).toMatchObject({
      answer: 'sealed',
      current: { revision: 2, generation: 1 },
    });
    expect(asked).toMatchObject({ open: [], generate: 0 });
  });

  test('it stays the object of the revision that sealed it, over any number of revisions', async () => {
    const { world, before } = await afterRevisionOne(callEvent());
    await seal(world, second([transcript]));
    await seal(world, second([transcript], { revision: 3 }));
    expect((await world.receipt()).artifacts).toEqual([{ ...before.artifacts[0], carriedFrom: 1 }]);
  });

  test('the same SHA-256 in both events, without looking at the source, which may be gone', async () => {
    const declared = { ...summary, sha256: sha256('{"summary":1}') };
    const { world, asked } = await afterRevisionOne(callEvent({ artifacts: [declared] }));
    world.removeSource('summary.json');
    expect(await seal(world, second([declared]))).toMatchObject({ answer: 'sealed' });
    expect(asked).toEqual({ open: [], stat: [], generate: 0 });
  });

  test('its warnings too: the answer is with warnings', async () => {
    const { world } = await afterRevisionOne(callEvent());
    world.put('c-1.json', 'not json');
    await seal(world, second([transcript]));
    expect(await seal(world, second([transcript], { revision: 3 }))).toMatchObject({
      answer: 'sealed-with-warnings',
      artifacts: [{ warnings: ['SHAPE_UNKNOWN'], carriedFrom: 2 }],
    });
  });
});

describe('what is sealed again', () => {
  test('another SHA-256, although the version at the source is the same', async () => {
    const { world } = await afterRevisionOne(
      callEvent({ artifacts: [{ ...summary, sha256: sha256('{"summary":1}') }] }),
    );
    await seal(world, second([{ ...summary, sha256: sha256('other') }]));
    expect(world.answers.at(-1)).toMatchObject({ answer: 'parked', code: 'SOURCE_DIGEST_DIFFERS' });
  });

  test('a source that changed', async () => {
    const { world, asked, before } = await afterRevisionOne(callEvent());
    world.put('c-1.json', '{"turns":[]}');
    await seal(world, second([transcript]));
    expect(asked.open).toEqual(['c-1.json']);
    const [now] = (await world.receipt()).artifacts;
    expect(now).not.toHaveProperty('carriedFrom');
    expect(now?.object).not.toBe(before.artifacts[0]?.object);
    expect(now?.keyName).not.toBe(before.artifacts[0]?.keyName);
  });

  for (const [what, changed] of [
    ['another id', { ...transcript, id: 'other' }],
    ['another kind', { ...transcript, kind: 'summary' }],
    ['another key', { ...transcript, source: { alias: 'edge', key: 'summary.json' } }],
  ] as const) {
    test(`${what} of the same call`, async () => {
      const { world, asked } = await afterRevisionOne(callEvent());
      await seal(world, second([changed]));
      expect(asked.open).toHaveLength(1);
    });
  }
});

test('a source that is gone is missing, not unchanged', async () => {
  const { world } = await afterRevisionOne(callEvent());
  world.removeSource('c-1.json');
  expect(await world.handle(world.delivery(second([transcript])))).toMatchObject({
    do: 'hand-over',
    counted: 1,
  });
  expect((await world.receipt()).revision).toBe(1);
});

test('a source that is away pauses before an attempt is opened', async () => {
  const away = () =>
    new CallsealError('SOURCE_DOWN', 'made by the test', { scope: { tenant: 't-1', alias: 'edge' } });
  const { world } = await afterRevisionOne(callEvent(), {
    sources: (real) => ({ ...real, stat: async () => await Promise.reject(away()) }),
  });
  expect((await world.handle(world.delivery(second([transcript])))).do).toBe('wait');
  expect(await world.rows('select uid from attempts')).toHaveLength(1);
});

test('what is left out of the next revision is out of its receipt, and stays in the first one', async () => {
  const { world } = await afterRevisionOne(callEvent({ artifacts: [transcript, summary] }));
  await seal(world, second([summary]));
  const receipts = await world.registry.receipts('t-1', 'c-1', SIGNAL);
  expect(receipts.map(({ artifacts }) => artifacts.map(({ id }) => id))).toEqual([
    ['transcript', 'summary'],
    ['summary'],
  ]);
});

describe('a voiceprint', () => {
  const voice = artifact('voice', 'voiceprint', 'c-1.json');
  const withConsent = (voiceprint?: 'granted' | 'denied' | 'unknown') =>
    ({ consent: { recording: 'granted', ...(voiceprint && { voiceprint }) } }) as const;

  for (const consent of [undefined, 'denied', 'unknown'] as const) {
    test(`without its own consent (${consent ?? 'not said'}) is left out with a warning, and its source is not opened`, async () => {
      const { world, asked } = await afterRevisionOne(callEvent());
      const outcome = await seal(world, second([transcript, voice], withConsent(consent)));
      expect(outcome).toMatchObject({
        answer: 'sealed-with-warnings',
        warnings: ['VOICEPRINT_CONSENT_MISSING'],
        artifacts: [{ id: 'transcript' }],
      });
      expect(asked).toMatchObject({ open: [], generate: 0 });
    });
  }

  test('whose consent was withdrawn is not carried over', async () => {
    const { world } = await afterRevisionOne(
      callEvent({ artifacts: [transcript, voice], ...withConsent('granted') }),
    );
    const outcome = await seal(world, second([transcript, voice], withConsent('denied')));
    expect(outcome.artifacts.map(({ id }) => id)).toEqual(['transcript']);
    expect((await world.receipt()).artifacts.map(({ id }) => id)).toEqual(['transcript']);
  });

  test('alone and without consent leaves a receipt that names nothing', async () => {
    const world = await worldWithTranscript();
    const outcome = await seal(world, callEvent({ artifacts: [voice], ...withConsent('denied') }));
    expect(outcome).toMatchObject({ answer: 'sealed-with-warnings', artifacts: [] });
    expect(await world.objectNames()).toEqual([]);
  });
});

test('a race for a carried-over artifact starts again without counting and carries over what is current then', async () => {
  const { world: first } = await afterRevisionOne(callEvent());
  expect(await seal(first, second([transcript]))).toMatchObject({ answer: 'sealed' });

  let raced = false;
  const { world } = await afterRevisionOne(callEvent(), {
    registry: (real) => ({
      ...real,
      openAttempt: async (attempt, signal) => {
        if (attempt.revision === 3 && !raced) {
          raced = true;
          world.put('c-1.json', '{"turns":[2]}');
          await seal(world, second([transcript]));
        }
        await real.openAttempt(attempt, signal);
      },
    }),
  });
  await seal(world, second([transcript], { revision: 3 }));
  const after = await world.receipt();
  expect(after).toMatchObject({ revision: 3, artifacts: [{ carriedFrom: 2 }] });
  expect((await world.rows('select state from attempts order by rowid')).map(({ state }) => state)).toEqual([
    'won',
    'won',
    'lost',
    'won',
  ]);
});
