import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { AssignerProtocol } from 'kafkajs';
import { clientsOf } from '../../test/adapters/kafka/test-topics.ts';
import { type Deployment, environmentOf, programOf } from './deployment.ts';
import { until } from './until.ts';

export interface Worker {
  readonly pid: number;
  /** Whether it has answered a delivery of the call. */
  answered(call: string): boolean;
  /** @throws Error - it has ended, with the last that it said */
  mustRun(): void;
  /** Asks it to stop, and kills it where it does not. @returns exit code or signal */
  stop(): Promise<number | NodeJS.Signals | null>;
}

interface LogLine {
  readonly call?: string;
  readonly answer?: string;
}

/** A process of src/main.ts, as an orchestrator starts it. */
export function startWorker(deployment: Deployment, number: number): Worker {
  const child = spawn(process.execPath, programOf(deployment, 'worker', 'main'), {
    env: environmentOf(deployment, `worker-${number}`),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // a Ctrl-C is for the demo, which then stops it
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('a worker could not be started');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid,
    answered: (call) => linesOf(said).some((line) => line.call === call && line.answer !== undefined),
    mustRun: () => {
      if (hasEnded()) throw new Error(`worker ${pid} has ended: ${said.split('\n').slice(-5).join('\n')}`);
    },
    stop: async () => {
      if (!hasEnded()) await ended(child);
      return child.exitCode ?? child.signalCode;
    },
  };
}

/** A worker with nothing in hand stops at once. */
const STOP_WITHIN_MS = 20_000;

async function ended(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await closed;
  clearTimeout(patience);
}

/** Whole lines only: the last one may still be on its way. */
function linesOf(said: string): LogLine[] {
  const lines = said.split('\n').slice(0, -1);
  return lines.filter((line) => line.startsWith('{')).map((line): LogLine => JSON.parse(line));
}

/**
 * Waits until every worker has a share of the inbox topic, and together they have all of it.
 *
 * @returns the partitions of each, as the group's coordinator knows them
 */
export async function sharesOf(
  deployment: Deployment,
  workers: readonly Worker[],
  partitions: number,
  signal: AbortSignal,
): Promise<number[][]> {
  const clients = await clientsOf('admin');
  const admin = clients.admin();
  try {
    await admin.connect();
    return await until(
      'the workers did not share the partitions',
      async () => {
        for (const worker of workers) worker.mustRun();
        const { groups } = await admin.describeGroups([deployment.group]);
        const shares = (groups[0]?.members ?? [])
          .map(({ memberAssignment }) => partitionsIn(memberAssignment, deployment.topics.inbox[0] ?? ''))
          .filter((share) => share.length > 0)
          .toSorted(([a = 0], [b = 0]) => a - b);
        const isShared = shares.length === workers.length && shares.flat().length === partitions;
        return isShared ? shares : undefined;
      },
      signal,
    );
  } finally {
    await admin.disconnect();
    clients.stop();
  }
}

function partitionsIn(assignment: Buffer, topic: string): number[] {
  const decoded = assignment.length > 0 ? AssignerProtocol.MemberAssignment.decode(assignment) : null;
  return (decoded?.assignment[topic] ?? []).toSorted((a, b) => a - b);
}
