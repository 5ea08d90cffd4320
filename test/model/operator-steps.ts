import type { KeyClass } from '../../src/domain/artifacts.ts';
import { codeOf } from '../../src/domain/errors.ts';
import { attemptPrefix } from '../../src/domain/object-names.ts';
import { outputsOf } from '../../src/domain/outputs.ts';
import type { SweepableAttempt, Tombstone } from '../../src/ports/registry.ts';
import { DAY, GRACE, MINUTE, type ModelRecord, NEVER, takeSnapshot, type World } from './world.ts';

type Steps = AsyncGenerator<void, void>;

/** The sweep, as `src/work/sweep.ts` does it. */
export async function* sweep(world: World): Steps {
  const { registry } = world;
  try {
    await registry.abandonAttempts(DAY, () => world.fact('attempt.abandon'), NEVER);
    yield;
    await registry.closeDanglingIntents(
      DAY,
      ({ eventUid }) => world.fact('key.generate', { outcome: { status: 'unknown' }, intentUid: eventUid }),
      NEVER,
    );
    yield;
    for (const attempt of await registry.sweepable(GRACE, 100, NEVER)) yield* sweepAttempt(world, attempt);
  } catch (error) {
    if (codeOf(error) !== 'REGISTRY_WENT_BACK') throw error;
  }
}

async function* sweepAttempt(world: World, { tenant, callUid, uid }: SweepableAttempt): Steps {
  const prefix = attemptPrefix(tenant, callUid, uid);
  const names = [...world.objects.keys()].filter((name) => name.startsWith(prefix));
  for (const name of names) {
    yield;
    await world.registry.noteDeletion(uid, [world.fact('object.delete')], NEVER);
    yield;
    world.objects.delete(name);
  }
  yield;
  if (names.length === 0) await world.registry.markSwept(uid, GRACE, NEVER);
}

export interface ModelScope {
  readonly tenant: string;
  readonly call?: string;
  readonly keyClass?: KeyClass;
}

/** A shred that is asked again until it is known to be done; a tenant's until a pass finds no key. */
export async function* shred(world: World, scope: ModelScope): Steps {
  const uid = world.uid('dddddddd');
  const at = new Date(world.clock.now).toISOString();
  const audit = { uid, at, fact: world.fact('call.shred') };
  // It stands in the object store before the registry is asked: a restored registry is told of it.
  world.tombstones.push({ ...scope, at });
  while (true) {
    yield;
    try {
      world.fate = world.random.weighted({ ok: 8, refused: 1, 'lost-undone': 1, 'lost-done': 1 });
      const { keysDeleted, objects, answers } = await world.registry.shred(scope, audit, NEVER);
      for (const object of objects) {
        yield;
        world.objects.delete(object);
      }
      for (const row of answers) {
        if (world.published.some((one) => one.row.uid === row.uid)) continue;
        world.published.push({ row, outputs: await outputsOf(row, async () => undefined) });
      }
      if (scope.call !== undefined || keysDeleted === 0) return;
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'REGISTRY_WENT_BACK' && code !== 'REGISTRY_DOWN' && code !== 'COMMIT_UNKNOWN') throw error;
    }
  }
}

export async function* relay(world: World): Steps {
  try {
    yield* relayRounds(world);
  } catch (error) {
    if (codeOf(error) !== 'FENCED' && codeOf(error) !== 'REGISTRY_WENT_BACK') throw error;
  }
}

async function* relayRounds(world: World): Steps {
  const { registry } = world;
  const fence = await registry.leaseRelay(world.uid('eeeeeeee'), 60_000, NEVER);
  if (fence === undefined) return;
  for (let round = 0; round < 3; round++) {
    yield;
    await registry.sequence(fence, 5, NEVER);
    yield;
    const last = (await registry.unpublished(5, NEVER)).at(-1);
    yield;
    if (last) await registry.markPublished(fence, last.seq, NEVER);
  }
}

/**
 * The registry is put back to an older state, and comes to know it. Every worker loses its connection; the marks of
 * the inbox and what was published stay as they are.
 */
export async function* restore(world: World): Steps {
  const { snapshot, habits } = world;
  if (!snapshot) return;
  // Longer than an intent may be used: no zombie uses a key on the word of an intent that was lost.
  world.clock.now += 2 * MINUTE;
  await world.putBack(snapshot);
  world.inFlight = [];
  const tombstones: readonly Tombstone[] = habits.acceptsRestoreWithoutTombstones ? [] : world.tombstones;
  await world.registry.declareWentBack(tombstones, world.fact('registry.accept-restore'), NEVER);
  yield;
  yield;
  const fact = world.fact('registry.accept-restore');
  await world.registry.acceptRestore(fact, NEVER);
  await requeueUnanswered(world);
}

/** Records that are marked done and whose answer the restored registry does not know go in front again. */
async function requeueUnanswered(world: World): Promise<void> {
  for (const record of world.inbox.filter(({ done }) => done)) {
    const { origin, replay: number, event } = record;
    const delivery = { origin, replay: number, deliveredDigest: event.digest };
    if (await world.registry.answerOf(delivery, NEVER)) continue;
    // A place of its own: the record that was handed over before may still be on its way, with the old arrival.
    const arrival = world.habits.handsOverWithOldArrival ? record.arrival : nextPlace(world, 'retry');
    world.inbox.push({ ...record, arrival, done: false });
  }
}

/** Puts a parked delivery in front of the pipeline again; a command that crashed half-way may do it twice. */
export async function replay(world: World): Promise<void> {
  const parked = await world.registry.answers({ answer: 'parked', limit: 5 }, NEVER);
  if (parked.length === 0) return;
  const row = world.random.pick(parked);
  const record = world.inbox.find(
    ({ origin, replay: number }) => origin.offset === row.origin.offset && number === row.replay,
  );
  if (!record) return;
  for (let copies = world.random.chance(0.4) ? 2 : 1; copies > 0; copies--) {
    world.inbox.push({
      ...record,
      replay: record.replay + 1,
      arrival: nextPlace(world, 'replay'),
      done: false,
      owner: undefined,
    });
  }
}

export function nextPlace(world: World, topic: string): ModelRecord['origin'] {
  return { topic, partition: 0, offset: world.inbox.length };
}

export async function backUp(world: World): Promise<void> {
  world.snapshot = await takeSnapshot(world.truth);
}
