import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** May name a crash point (test/faults/hook.ts). */
  readonly env?: Readonly<Record<string, string>>;
  /** What stands before node: `['prlimit', '--fsize=65536']`, `['setpriv', '--reuid=65534', …]`. */
  readonly under?: readonly string[];
}

const HOOK = join(import.meta.dirname, '../faults/hook.ts');

/** Runs a program of this folder as a real process of its own, to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const node = [process.execPath, '--no-warnings', '--import', HOOK, join(import.meta.dirname, program)];
  const [command = '', ...rest] = [...(options.under ?? []), ...node, ...args];
  const child = spawn(command, rest, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<Pick<Ended, 'code' | 'signal'>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { ...end, stdout: stdout.trim(), stderr };
}

/** Runs a command of the system. @returns what it said, where it failed. */
export function system(command: string, ...args: string[]): string | undefined {
  const { status, stderr, error } = spawnSync(command, args);
  if (error) return error.message;
  return status === 0 ? undefined : `${command}: ${stderr.toString()}`;
}
