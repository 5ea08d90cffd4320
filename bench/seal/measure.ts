import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** One line of the table: a measured ratio, what it must reach, and what would be better still. */
export interface BenchRow {
  readonly name: string;
  /** What it is measured against, in the same process and round. */
  readonly reference: string;
  /** Median over the rounds. */
  readonly ratio: number;
  readonly rounds: readonly number[];
  readonly floor: number;
  readonly target: number;
  readonly better: 'higher' | 'lower';
  readonly met: boolean;
}

/** What is asked of a ratio. */
export type Asked = Pick<BenchRow, 'name' | 'reference' | 'floor' | 'target' | 'better'>;

export function rowOf(asked: Asked, rounds: readonly number[]): BenchRow {
  const ratio = median(rounds);
  const met = asked.better === 'higher' ? ratio >= asked.floor : ratio <= asked.floor;
  return { ...asked, ratio, rounds, met };
}

export interface Rounds {
  readonly rounds: number;
  readonly one: () => Promise<void> | void;
  readonly other: () => Promise<void> | void;
  readonly clock: Clock;
}

/**
 * CPU time, so that a busy neighbour does not count. `thread`: this thread's, the time on one core. `process`:
 * with the threads of the collector, for work that leaves it much to do; what the other one left is collected
 * before the clock starts.
 */
export type Clock = 'thread' | 'process';

/**
 * The time of `one` over that of `other`, per round. The order alternates, so that whatever slows the machine
 * down during a round does not always meet the same of the two. One round before the first is not counted.
 */
export async function ratiosOf({ rounds, one, other, clock }: Rounds): Promise<number[]> {
  const ratios: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const oneFirst = round % 2 === 0;
    const first = await timeOf(oneFirst ? one : other, clock);
    const second = await timeOf(oneFirst ? other : one, clock);
    ratios.push(oneFirst ? first / second : second / first);
  }
  return ratios.slice(1);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return ((sorted[middle] ?? Number.NaN) + (sorted[sorted.length - 1 - middle] ?? Number.NaN)) / 2;
}

setFlagsFromString('--expose-gc');
const collectGarbage = (): void => {
  runInNewContext('gc()');
};

/** In microseconds. */
async function timeOf(work: () => Promise<void> | void, clock: Clock): Promise<number> {
  const usage = clock === 'thread' ? process.threadCpuUsage.bind(process) : process.cpuUsage.bind(process);
  if (clock === 'process') collectGarbage();
  const from = usage();
  await work();
  const { user, system } = usage(from);
  return user + system;
}
