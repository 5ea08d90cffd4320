import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { Part } from '../../src/ports/objects.ts';
import { SWEEP_TIMES, type SweepReport, sweep } from '../../src/work/sweep.ts';
import { artifact, callEvent } from './given.ts';
import { brief, expectIntentsClosed, SIGNAL, settled } from './seen.ts';
import { type World, type WorldOptions, worldWithTranscript } from './world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

async function sweeping(world: World, dryRun = false): Promise<SweepReport> {
  return await sweep({ ...world, times: SWEEP_TIMES }, dryRun, SIGNAL);
}

async function* onePart(text: string): AsyncGenerator<Part, void, void> {
  yield { bytes: Buffer.from(text), last: true, release: () => undefined };
}

/** A worker that was killed after its object was stored: the attempt stays open. */
async function worldWithOpenAttempt(options: WorldOptions = {}): Promise<World> {
  const world = await worldWithTranscript({
    ...options,
    registry: (real) => ({ ...real, decide: dies, loseAttempt: async () => undefined }),
  });
  await world.handle(world.delivery(callEvent()));
  return { ...world, registry: world.parts.registry as World['registry'] };
}

const dies = async (): Promise<never> => await Promise.reject(new CallsealError('FENCED', 'killed here'));

/** A world with one lost attempt that left an object, and a call that was sealed after it. */
async function worldWithLostAttempt(options: WorldOptions = {}): Promise<World> {
  let creates = 0;
  const world = await worldWithTranscript({
    ...options,
    objects: (given) => {
      const real = options.objects?.(given) ?? given;
      return {
        ...real,
        create: async (name, parts, signal) => {
          const stored = await real.create(name, parts, signal);
          if (++creates === 1) throw new CallsealError('STORE_DOWN', 'the reply is lost');
          return stored;
        },
      };
    },
  });
  const delivery = world.delivery(callEvent());
  await world.handle(delivery);
  world.intake.passed('t-1', []);
  settled(await world.handle(delivery));
  expect(await world.objectNames()).toHaveLength(2);
  return world;
}

const stateOf = async (world: World): Promise<unknown[]> =>
  (await world.rows('select state from attempts order by rowid')).map(({ state }) => state);

const namedObjects = async (world: World): Promise<string[]> =>
  (await world.receipt()).artifacts.map(({ object }) => object);

describe('an open attempt', () => {
  test('unseen for 24 h is abandoned and its intents closed as unknown; a moment before, nothing happens', async () => {
    const world = await worldWithOpenAttempt();
    world.clock.ms += DAY;
    expect(await sweeping(world)).toMatchObject({ abandoned: 0, intentsClosed: 0 });
    expect(await stateOf(world)).toEqual(['open']);
    world.clock.ms += 1;
    expect(await sweeping(world)).toMatchObject({ abandoned: 1, intentsClosed: 1, deleted: [] });
    expect(await stateOf(world)).toEqual(['abandoned']);
    expect(brief(await world.facts())).toEqual([
      'key.generate intent',
      'attempt.abandon ok',
      'key.generate unknown',
    ]);
    expectIntentsClosed(await world.facts());
  });

  test('that its worker keeps alive stays open', async () => {
    const world = await worldWithOpenAttempt();
    const uids = (await world.rows('select uid from attempts')).map(({ uid }) => String(uid));
    for (let hours = 0; hours < 30; hours++) {
      world.clock.ms += HOUR;
      await world.registry.touchAttempts(uids, SIGNAL);
    }
    await sweeping(world);
    expect(await stateOf(world)).toEqual(['open']);
  });
});

test("a command's intent is closed as unknown after 24 h, not before", async () => {
  const world = await worldWithTranscript();
  const fact = world.auditor.fact('key.unwrap', { outcome: { status: 'intent' } });
  await world.registry.openIntent({ fact }, SIGNAL);
  world.clock.ms += DAY;
  expect((await sweeping(world)).intentsClosed).toBe(0);
  world.clock.ms += 1;
  expect((await sweeping(world)).intentsClosed).toBe(1);
  expect(brief(await world.facts())).toEqual(['key.unwrap intent', 'key.unwrap unknown']);
});

describe('what a lost attempt left behind', () => {
  test('is deleted only after 7 days of grace, each deletion audited before it', async () => {
    const audited: string[][] = [];
    const world: World = await worldWithLostAttempt({
      objects: (real) => ({
        ...real,
        remove: async (name, signal) => {
          audited.push(brief(await world.facts('object.delete')));
          return await real.remove(name, signal);
        },
      }),
    });
    const named = await namedObjects(world);
    world.clock.ms += 7 * DAY;
    expect(await sweeping(world)).toMatchObject({ attempts: 0, deleted: [] });
    world.clock.ms += 1;
    const left = (await world.objectNames()).filter((name) => !named.includes(name));
    expect(await sweeping(world)).toMatchObject({
      attempts: 1,
      deleted: left,
      left: [],
      swept: 0,
      unknown: [],
    });
    expect(await world.objectNames()).toEqual(named);
    expect(audited).toEqual([['object.delete ok']]);
  });

  test('is looked for again until a listing 7 days after the last deletion is empty; then the attempt is swept', async () => {
    const world = await worldWithLostAttempt();
    world.clock.ms += 7 * DAY + 1;
    expect(await sweeping(world)).toMatchObject({ deleted: [expect.anything()], swept: 0 });
    world.clock.ms += 7 * DAY;
    expect(await sweeping(world)).toMatchObject({ attempts: 1, deleted: [], swept: 0 });
    world.clock.ms += 1;
    expect(await sweeping(world)).toMatchObject({ attempts: 1, deleted: [], swept: 1 });
    expect(await sweeping(world)).toMatchObject({ attempts: 0 });
  });

  test('and what a zombie puts after the deletion is found again, and the 7 days begin anew', async () => {
    const world = await worldWithLostAttempt();
    world.clock.ms += 7 * DAY + 1;
    const [name] = (await sweeping(world)).deleted;
    world.clock.ms += 6 * DAY;
    await world.objects.create(`${dirname(name ?? '')}/late`, onePart('x'), SIGNAL);
    expect((await sweeping(world)).deleted).toEqual([`${dirname(name ?? '')}/late`]);
    world.clock.ms += 6 * DAY;
    expect(await sweeping(world)).toMatchObject({ deleted: [], swept: 0 });
    world.clock.ms += DAY + 1;
    expect(await sweeping(world)).toMatchObject({ swept: 1 });
  });

  test('as an unfinished upload goes too', async () => {
    const world = await worldWithLostAttempt();
    const named = await namedObjects(world);
    const lost = (await world.objectNames()).find((name) => !named.includes(name)) ?? '';
    writeFileSync(join(world.data, 'objects', `${lost}#0123456789abcdef`), 'half');
    world.clock.ms += 7 * DAY + 1;
    await sweeping(world);
    expect(await world.objectNames()).toEqual(named);
  });

  test('and that the store keeps is said to be left', async () => {
    const world: World = await worldWithLostAttempt({
      objects: (real) => ({ ...real, remove: async (name) => [name] }),
    });
    world.clock.ms += 7 * DAY + 1;
    const report = await sweeping(world);
    expect(report.deleted).toEqual([]);
    expect(report.left).toHaveLength(1);
  });
});

describe('what is never deleted', () => {
  test('an object that a current receipt names, also where its attempt looks lost', async () => {
    const world = await worldWithLostAttempt({
      registry: (real) => ({
        ...real,
        // A registry that got an attempt's state wrong: the sweep asks for the receipt all the same.
        sweepable: async () => {
          const rows = await world.rows(
            `select a.uid, a.tenant, a.state, c.call_uid from attempts a
             join calls c on c.tenant = a.tenant and c.call = a.call`,
          );
          return rows.map(({ uid, tenant, call_uid: callUid }) => ({
            uid: String(uid),
            tenant: String(tenant),
            callUid: String(callUid),
            state: 'lost' as const,
          }));
        },
      }),
    });
    const named = await namedObjects(world);
    world.clock.ms += 30 * DAY;
    expect((await sweeping(world)).deleted).toHaveLength(1);
    expect(await world.objectNames()).toEqual(named);
  });

  test('an object carried over into the next revision, whose own attempt won', async () => {
    const world = await worldWithLostAttempt();
    world.put('summary', '{}');
    const artifacts = [artifact('transcript', 'transcript', 'c-1.json'), artifact('s', 'summary', 'summary')];
    settled(await world.handle(world.delivery(callEvent({ revision: 2, artifacts }))));
    const named = await namedObjects(world);
    for (let weeks = 0; weeks < 5; weeks++) {
      world.clock.ms += 8 * DAY;
      await sweeping(world);
    }
    expect((await world.objectNames()).toSorted()).toEqual(named.toSorted());
  });

  test('an object under an attempt that the registry does not know: it is reported, time and again', async () => {
    const world = await worldWithTranscript();
    const stranger = `t-1/${newUid()}/${newUid()}/audio`;
    await world.objects.create(stranger, onePart('x'), SIGNAL);
    for (let weeks = 0; weeks < 3; weeks++) {
      world.clock.ms += 8 * DAY;
      expect(await sweeping(world)).toMatchObject({ unknown: [stranger], deleted: [] });
    }
    expect(await world.objectNames()).toEqual([stranger]);
    expect(await world.facts('object.delete')).toEqual([]);
  });

  test('an object of an attempt that is open, or unknown since a restore', async () => {
    const world = await worldWithOpenAttempt();
    const fact = world.auditor.fact('registry.accept-restore');
    await world.registry.declareWentBack([], fact, SIGNAL);
    await world.registry.acceptRestore(world.auditor.fact('registry.accept-restore'), SIGNAL);
    world.clock.ms += 60 * DAY;
    expect(await sweeping(world)).toMatchObject({ abandoned: 0, attempts: 0, deleted: [], unknown: [] });
    expect(await world.objectNames()).toHaveLength(1);
  });
});

test('a dry run changes nothing and says what would go', async () => {
  const world = await worldWithLostAttempt();
  world.clock.ms += 7 * DAY + 1;
  const before = { names: await world.objectNames(), facts: await world.facts() };
  const attempts = await world.rows('select * from attempts');
  const told = await sweeping(world, true);
  expect({ names: await world.objectNames(), facts: await world.facts() }).toEqual(before);
  expect(await world.rows('select * from attempts')).toEqual(attempts);
  expect((await sweeping(world)).deleted).toEqual(told.deleted);
});

test('a dry run leaves open attempts and intents as they are', async () => {
  const world = await worldWithOpenAttempt();
  world.clock.ms += 2 * DAY;
  await sweeping(world, true);
  expect(await stateOf(world)).toEqual(['open']);
  expect(await world.rows('select uid from open_intents')).toHaveLength(1);
});

test('a folder that somebody put there by hand is unknown, not swept', async () => {
  const world = await worldWithTranscript();
  const path = join(world.data, 'objects', 't-1', 'x', 'y', 'z');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'mine');
  expect(await sweeping(world)).toMatchObject({ unknown: ['t-1/x/y/z'], deleted: [] });
});
