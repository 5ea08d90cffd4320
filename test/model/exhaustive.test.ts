import { afterAll, beforeAll, expect, test } from 'vitest';
import { begin, drain } from './history.ts';
import { type Invariants, watch } from './invariants.ts';
import type { Random } from './random.ts';
import {
  type ModelEvent,
  type ModelRecord,
  openStage,
  openWorld,
  type Process,
  type Stage,
  Violation,
  type World,
} from './world.ts';

/**
 * Small configurations, exhaustively: two deliveries, every order of their steps, and at every place one trouble.
 * A step goes up to and with the next transaction of the registry: a delivery that has read is no different from one
 * that is about to read, until it or the other one writes. `CALLSEAL_LONG=1` takes every question for a step.
 */
const LONG = process.env['CALLSEAL_LONG'] === '1';

const event = (changes: Partial<ModelEvent>): ModelEvent => ({
  tenant: 't1',
  call: 'c1',
  revision: 1,
  recording: 'granted',
  artifacts: [{ id: 'transcript', kind: 'transcript', version: 0 }],
  fate: 'seals',
  digest: 'event one',
  ...changes,
});

const record = (offset: number, arrivalOffset: number, of: ModelEvent): ModelRecord => ({
  origin: { topic: 'in', partition: 0, offset },
  replay: 0,
  arrival: { topic: 'in', partition: 0, offset: arrivalOffset },
  event: of,
  done: false,
  owner: undefined,
});

const CONFIGURATIONS: Record<string, () => ModelRecord[]> = {
  'the same event under two origins': () => [record(0, 0, event({})), record(1, 1, event({}))],
  'one origin that arrives twice': () => [record(0, 0, event({})), record(0, 1, event({}))],
  'two revisions of a call': () => [
    record(0, 0, event({})),
    record(1, 1, event({ revision: 2, digest: 'event two' })),
  ],
  'a revision and a withdrawn consent': () => [
    record(0, 0, event({})),
    record(1, 1, event({ revision: 2, recording: 'denied', artifacts: [], digest: 'event two' })),
  ],
  'one revision with two events': () => [
    record(0, 0, event({})),
    record(1, 1, event({ digest: 'another event' })),
  ],
};

const TROUBLES = ['crash', 'zombie', 'lost-done', 'lost-undone', 'lost-late'] as const;
type Trouble = (typeof TROUBLES)[number];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => await stage.database.close());

for (const [name, records] of Object.entries(CONFIGURATIONS)) {
  for (const trouble of TROUBLES) {
    test(`${name}: every order, ${trouble} at every place`, { timeout: 600_000 }, async () => {
      let schedules = 0;
      for (let choices: number[] | undefined = []; choices; schedules++) {
        choices = nextSchedule(await runSchedule(records(), trouble, choices));
      }
      expect(schedules).toBeGreaterThan(50);
    });
  }
}

interface Choice {
  readonly taken: number;
  readonly of: number;
}

/** The next in the order of an odometer: the last place that has another choice takes it. */
function nextSchedule(made: readonly Choice[]): number[] | undefined {
  const last = made.findLastIndex(({ taken, of }) => taken + 1 < of);
  if (last < 0) return undefined;
  return made.slice(0, last + 1).map(({ taken }, i) => (i === last ? taken + 1 : taken));
}

async function runSchedule(
  records: readonly ModelRecord[],
  trouble: Trouble,
  choices: readonly number[],
): Promise<Choice[]> {
  const made: Choice[] = [];
  const fate = { next: 'ok' };
  const world = await openWorld(stage, calm(fate));
  world.inbox.push(...records);
  const invariants = await watch(world);
  try {
    let troubled = false;
    const alive: Process[] = [];
    for (const one of records) alive.push(await begin(world, one));
    while (alive.length > 0) {
      const options = alive.flatMap((process) => [
        { process, trouble: undefined },
        ...(troubled ? [] : [{ process, trouble }]),
      ]);
      const taken = choices[made.length] ?? 0;
      made.push({ taken, of: options.length });
      const option = options[taken];
      if (!option) throw new Error('a schedule does not fit the world');
      if (option.trouble) troubled = true;
      const ended = await advance(world, option.process, option.trouble, fate, invariants);
      if (ended) alive.splice(alive.indexOf(option.process), 1);
    }
    await drain(world, invariants);
    await invariants.atTheEnd();
  } catch (cause) {
    throw new Violation(`${trouble}, schedule ${made.map(({ taken }) => taken).join('')}: ${String(cause)}`, {
      cause,
    });
  }
  return made;
}

/** @returns whether the process came to its end */
async function advance(
  world: World,
  going: Process,
  trouble: Trouble | undefined,
  fate: { next: string },
  invariants: Invariants,
): Promise<boolean> {
  const { delivery } = going;
  if (!delivery) throw new Error('a process without a delivery');
  const end = (): true => {
    world.processes = world.processes.filter((one) => one !== going);
    return true;
  };
  if (trouble === 'crash') {
    delivery.record.owner = undefined;
    return end();
  }
  if (trouble === 'zombie') {
    delivery.worker.zombieSince = world.clock.now;
    // Whoever takes over goes on side by side with it, in the drain.
    await begin(world, delivery.record);
  } else {
    fate.next = trouble ?? 'ok';
  }
  const asked = LONG ? 'times' : 'transactions';
  const before = world.asked[asked];
  let done = false;
  while (!done && world.asked[asked] === before) done = (await going.steps.next()).done ?? false;
  fate.next = 'ok';
  await invariants.check();
  return done && end();
}

/** Nothing by chance: the next transaction's fate is the schedule's, and everything else is the first choice. */
function calm(fate: { readonly next: string }): Random {
  return {
    below: () => 0,
    chance: () => false,
    pick: (from) => from[0] as (typeof from)[number],
    weighted: (weights) => {
      const names = Object.keys(weights) as (keyof typeof weights)[];
      return names.find((name) => name === fate.next) ?? (names[0] as keyof typeof weights);
    },
  };
}
