import { type Random, seeded } from '../model/random.ts';
import { ModelBroker } from './broker.ts';
import { Network } from './network.ts';
import { ModelWorker, type Without } from './worker.ts';

/** One run of the group, drawn from a seed: workers come, sleep, wake, die; requests are lost and late. */
export interface History {
  readonly seed: number;
  readonly steps: number;
  readonly without?: Without;
}

/** What was wrong; empty: nothing. */
export type Violations = readonly string[];

const KEYS = 5;
const FAULT_RATE = 0.15;
/** After the last fault everything must be settled within so many steps. */
const PATIENCE = 4000;

export async function runHistory({ seed, steps, without }: History): Promise<Violations> {
  const random = seeded(seed);
  const broker = new ModelBroker();
  const network = new Network(random, FAULT_RATE);
  let names = 0;
  const start = (): ModelWorker => new ModelWorker(`w${++names}`, broker, network, without);
  let workers = [start(), start()];
  let owner = workers[0]!;
  owner.join(true, false);
  workers[1]!.join(false, false);

  /** The partition moves. Members who sleep hear of it when they wake, if ever. */
  const move = (to: ModelWorker): void => {
    for (const worker of workers) if (worker !== to && worker.awake) worker.join(false, true);
    owner = to;
    to.join(true, true);
  };
  const wake = (worker: ModelWorker): void => {
    worker.awake = true;
    // Its session has ended: it is a new member, and has the partition where nobody else was given it meanwhile.
    if (random.chance(0.5)) worker.join(worker === owner, false);
  };
  const kill = (worker: ModelWorker): void => {
    worker.awake = false;
    const fresh = start();
    workers = workers.map((each) => (each === worker ? fresh : each));
    fresh.join(false, false);
    if (owner === worker) move(random.pick(workers));
  };
  const any = (): ModelWorker => random.pick(workers);
  const awake = (act: (worker: ModelWorker) => void): void => {
    const worker = any();
    if (worker.awake) act(worker);
  };
  const work: readonly (() => void)[] = [
    () => network.step(isAwake),
    () => network.step(isAwake),
    () => network.step(isAwake),
    () => broker.ending().forEach((id) => broker.complete(id)),
    () => awake((worker) => worker.fetch(1 + random.below(4))),
    () => awake((worker) => worker.take()),
    () => awake((worker) => worker.take()),
    () => awake((worker) => worker.answer((jobs) => pickOf(random, jobs))),
    () => awake((worker) => worker.answer((jobs) => pickOf(random, jobs))),
    () => owner.awake && owner.heartbeat(),
  ];
  const trouble: readonly (() => void)[] = [
    () => move(any()),
    () => {
      any().awake = false;
    },
    () => wake(any()),
    () => kill(any()),
    () => awake((worker) => worker.skip()),
  ];
  const violations: string[] = [];
  const step = async (acts: readonly (() => unknown)[]): Promise<void> => {
    random.pick(acts)();
    await turn();
    violations.push(...wrongNow(broker));
  };

  for (let i = 0; i < steps && violations.length === 0; i++) {
    if (random.chance(0.15)) broker.input.push(random.chance(0.1) ? undefined : `key-${random.below(KEYS)}`);
    await step(random.chance(0.06) ? trouble : work);
  }
  network.faults = false;
  for (const worker of workers) if (!worker.awake) wake(worker);
  move(workers[0]!);
  for (let i = 0; i < PATIENCE && violations.length === 0 && !isSettled(broker); i++) await step(work);
  return violations.length > 0 ? violations : wrongAtEnd(broker);

  function isAwake(worker: object): boolean {
    return worker instanceof ModelWorker && worker.awake;
  }
}

function isSettled({ committed, input }: ModelBroker): boolean {
  return committed.floor === input.length;
}

/** At any moment: nothing twice, and nothing marked done that committed readers do not see. */
function wrongNow(broker: ModelBroker): string[] {
  const visible = broker.visible();
  const seen = new Set(visible);
  const wrong: string[] = [];
  if (seen.size !== visible.length) wrong.push('an output stands twice');
  const { floor, done } = broker.committed;
  for (let offset = 0; offset < floor; offset++) {
    if (broker.input[offset] !== undefined && !seen.has(offset))
      wrong.push(`${offset} is below the floor and has no output`);
  }
  for (const offset of done) if (!seen.has(offset)) wrong.push(`${offset} is done and has no output`);
  return wrong;
}

function wrongAtEnd(broker: ModelBroker): string[] {
  const { input, committed } = broker;
  if (!isSettled(broker))
    return [`only ${committed.floor} of ${input.length} are done: nothing moves any more`];
  const wrong: string[] = [];
  const last = new Map<string, number>();
  for (const offset of broker.visible()) {
    const key = input[offset] ?? '';
    if ((last.get(key) ?? -1) > offset) wrong.push(`${offset} came after ${last.get(key)} of its key`);
    last.set(key, offset);
  }
  return wrong;
}

function pickOf<T>(random: Random, from: readonly T[]): T | undefined {
  return from.length === 0 ? undefined : random.pick(from);
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
