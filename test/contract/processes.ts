import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { World } from './inbox-worlds.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

export interface Child {
  /** Resolves with the next line it prints. */
  line(): Promise<string>;
  readonly pid: number | undefined;
  kill(): void;
  readonly ended: Promise<Ended>;
}

const HOOK = join(import.meta.dirname, '../faults/hook.ts');
const PROGRAM = join(import.meta.dirname, 'inbox-child.ts');

/** A real process on the same deployment. `env` may name a crash point (test/faults/hook.ts). */
export function startChild(world: World, args: readonly string[], env: Record<string, string> = {}): Child {
  const child = spawn(
    process.execPath,
    ['--no-warnings', '--import', HOOK, PROGRAM, world.kind, world.location, ...args],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const lines: string[] = [];
  const readers: ((line: string) => void)[] = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const reading = createInterface({ input: child.stdout });
  reading.on('line', (line) => {
    lines.push(line);
    readers.shift()?.(line);
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, lines, stderr }));
  });
  return {
    line: () => new Promise((resolve) => readers.push(resolve)),
    pid: child.pid,
    kill: () => void child.kill('SIGKILL'),
    ended,
  };
}

export async function runChild(
  world: World,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  return await startChild(world, args, env).ended;
}
