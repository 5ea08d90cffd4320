import { createHash } from 'node:crypto';
import type { Place } from '../../src/domain/deliveries.ts';
import { codeOf } from '../../src/domain/errors.ts';
import { type Invariants, watch } from './invariants.ts';
import * as operator from './operator-steps.ts';
import { type Random, seeded } from './random.ts';
import { deliver } from './worker-steps.ts';
import {
  DAY,
  HOUR,
  MINUTE,
  type ModelArtifact,
  type ModelEvent,
  type ModelRecord,
  type Mutation,
  NEVER,
  openWorld,
  type Process,
  type Stage,
  Violation,
  type Worker,
  type World,
} from './world.ts';

/** What the scheduler may do next, and how often it does. */
const WEIGHTS = {
  step: 60,
  publish: 5,
  start: 10,
  crash: 2,
  zombie: 3,
  commitLate: 3,
  replay: 2,
  sweep: 1.5,
  shred: 1,
  relay: 1,
  snapshot: 1.2,
  restore: 0.8,
  minute: 1,
  hour: 1,
  day: 1.2,
  grace: 0.6,
};
type Move = keyof typeof WEIGHTS;

const MOVES = 90;
const MOST_EVENTS = 7;
/** A zombie that old has met a timeout of its own; the sweep's grace is longer. */
const ZOMBIE_LIFE = 6 * DAY;

/**
 * One seeded history, with every invariant checked after every step.
 *
 * @returns what it met, so that nobody takes histories in which nothing happens for proof
 * @throws Violation with the seed and the moves that led to it
 */
export async function runHistory(
  stage: Stage,
  seed: number,
  mutation: Mutation = {},
): Promise<readonly string[]> {
  const random = seeded(seed);
  const world = await openWorld(stage, random, mutation);
  try {
    const invariants = await watch(world);
    publish(world);
    publish(world);
    for (let move = 0; move < MOVES; move++) {
      const next = random.weighted<Move>({ ...WEIGHTS, ...mutation.often });
      world.log.push(next);
      await make(world, next, invariants);
    }
    await drain(world, invariants);
    return await invariants.atTheEnd();
  } catch (cause) {
    throw new Violation(`CALLSEAL_SEED=${seed}: ${String(cause)}\n${world.log.join(' ')}`, { cause });
  }
}

async function make(world: World, move: Move, invariants: Invariants): Promise<void> {
  switch (move) {
    case 'step':
      if (world.processes.length > 0) await step(world, world.random.pick(world.processes), invariants);
      return;
    case 'publish':
      return publish(world);
    case 'start':
      return await start(world);
    case 'crash':
      return crash(world);
    case 'zombie':
      return declareDead(world);
    case 'commitLate':
      await commitLate(world);
      return await invariants.check();
    case 'replay':
      return await operator.replay(world);
    case 'snapshot':
      return await operator.backUp(world);
    case 'sweep':
      return command(world, 'sweep', operator.sweep(world));
    case 'relay':
      return command(world, 'relay', operator.relay(world));
    case 'shred':
      return command(world, 'shred', operator.shred(world, scopeOf(world.random)));
    case 'restore':
      return await beginRestore(world, invariants);
    case 'minute':
      return await wait(world, 2 * MINUTE);
    case 'hour':
      return await wait(world, HOUR);
    case 'day':
      return await wait(world, 25 * HOUR);
    case 'grace':
      return await wait(world, 8 * DAY);
  }
}

async function step(world: World, process: Process, invariants: Invariants): Promise<void> {
  world.log.push(process.name);
  const { done } = await process.steps.next();
  world.fate = 'ok';
  if (done) world.processes = world.processes.filter((one) => one !== process);
  await invariants.check();
}

/** The database does at last what it was asked; nobody is there to hear of it. */
async function commitLate(world: World): Promise<void> {
  try {
    await world.inFlight.shift()?.();
  } catch (error) {
    if (codeOf(error) !== 'REGISTRY_WENT_BACK') throw error;
  }
}

const ARTIFACTS = [
  { id: 'audio', kind: 'audio' },
  { id: 'transcript', kind: 'transcript' },
  { id: 'voice', kind: 'voiceprint' },
] as const;

function publish(world: World): void {
  const { random, inbox } = world;
  if (inbox.filter(({ arrival }) => arrival.topic === 'in').length >= MOST_EVENTS) return;
  const again = inbox.length > 0 && random.chance(0.25);
  const event = again ? random.pick(inbox).event : newEvent(random);
  const place: Place = { topic: 'in', partition: 0, offset: inbox.length };
  inbox.push({ origin: place, replay: 0, arrival: place, event, done: false, owner: undefined });
}

function newEvent(random: Random): ModelEvent {
  const artifacts: ModelArtifact[] = ARTIFACTS.slice(0, 1 + random.below(3)).map((artifact) => ({
    ...artifact,
    version: random.below(2),
  }));
  const event = {
    tenant: random.chance(0.8) ? 't1' : 't2',
    call: random.chance(0.75) ? 'c1' : 'c2',
    revision: 1 + random.below(3),
    recording: random.chance(0.12) ? 'denied' : 'granted',
    artifacts,
    fate: random.weighted({ seals: 80, fails: 10, flickers: 10 }),
  } as const;
  return { ...event, digest: createHash('sha256').update(JSON.stringify(event)).digest('hex') };
}

function scopeOf(random: Random): operator.ModelScope {
  const call = random.pick(['c1', 'c1', 'c2']);
  return random.pick([
    { tenant: 't1', call },
    { tenant: 't1', call, keyClass: 'voiceprint' },
    { tenant: 't1', call, keyClass: 'voiceprint' },
    { tenant: 't2' },
  ]);
}

function command(world: World, name: string, steps: AsyncGenerator<void, void>): void {
  world.processes.push({ name, steps, delivery: undefined });
}

async function start(world: World): Promise<void> {
  const waiting = world.inbox.filter(({ done, owner }) => !done && owner === undefined);
  if (waiting.length === 0 || isRestoring(world)) return;
  await begin(world, world.random.pick(waiting));
}

/** No worker starts before the restore is accepted. */
function isRestoring(world: World): boolean {
  return world.processes.some(({ name }) => name === 'restore');
}

export async function begin(world: World, record: ModelRecord): Promise<Process> {
  const handle = world.openRegistry();
  // Looks first whether the registry went back, and from then on lives in the epoch that it met.
  await handle.state(NEVER);
  const worker: Worker = {
    get registry() {
      return world.habits.outlivesRestores ? world.openRegistry() : handle;
    },
    attempts: new Set(),
    zombieSince: undefined,
  };
  record.owner = worker;
  const name = `deliver-${record.origin.offset}/${record.replay}`;
  const process: Process = { name, steps: deliver(world, record, worker), delivery: { worker, record } };
  world.processes.push(process);
  return process;
}

function living(world: World): Process[] {
  return world.processes.filter(({ delivery }) => delivery && delivery.worker.zombieSince === undefined);
}

/** Gone from one step to the next; the delivery comes again. */
function crash(world: World): void {
  const alive = living(world);
  if (alive.length === 0) return;
  const victim = world.random.pick(alive);
  world.processes = world.processes.filter((one) => one !== victim);
  if (victim.delivery) victim.delivery.record.owner = undefined;
}

/** Taken for dead, and still going: it may put objects, and ask for decisions, but no longer settle. */
function declareDead(world: World, victims: readonly Process[] = living(world).slice(0, 1)): void {
  for (const { delivery } of victims) {
    if (!delivery) continue;
    delivery.worker.zombieSince = world.clock.now;
    delivery.record.owner = undefined;
  }
}

async function beginRestore(world: World, invariants: Invariants): Promise<void> {
  if (!world.snapshot || isRestoring(world)) return;
  declareDead(world, living(world));
  const steps = operator.restore(world);
  command(world, 'restore', steps);
  await steps.next();
  await invariants.afterRestore();
}

/** The clock goes on; the living refresh their attempts, zombies do not, and in the end die. */
async function wait(world: World, ms: number): Promise<void> {
  world.clock.now += ms;
  const alive = new Set(living(world).flatMap(({ delivery }) => [...(delivery?.worker.attempts ?? [])]));
  await world.registry.touchAttempts([...alive], NEVER);
  world.processes = world.processes.filter(({ delivery }) => {
    const since = delivery?.worker.zombieSince;
    return since === undefined || world.clock.now - since < ZOMBIE_LIFE;
  });
}

/** No new trouble: everything that was begun ends, everything that waits is delivered, and the sweep has its time. */
export async function drain(world: World, invariants: Invariants): Promise<void> {
  const runAll = async (): Promise<void> => {
    while (world.processes.length > 0) {
      await commitLate(world);
      await invariants.check();
      await step(world, world.random.pick(world.processes), invariants);
    }
  };
  await runAll();
  while (world.inbox.some(({ done }) => !done)) {
    for (const record of world.inbox) {
      if (!record.done && record.owner === undefined) await begin(world, record);
    }
    await runAll();
  }
  for (let round = 0; round < 4; round++) {
    await wait(world, 8 * DAY);
    command(world, 'sweep', operator.sweep(world));
    await runAll();
  }
}
