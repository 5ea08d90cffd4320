import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../src/commands/run-command.ts';
import { open } from '../../src/compose.ts';

/** What one command came to. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs commands as cli.ts does, on the real adapters, without a process for each of them. */
export interface Desk {
  readonly folder: string;
  run(...words: readonly string[]): Promise<Ran>;
}

export async function openDesk(): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-bad-input-'));
  return { folder, run: async (...words) => await runIn(folder, words) };
}

async function runIn(folder: string, words: readonly string[]): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    once: () => undefined,
    write: (text: string) => {
      written[name] += text;
      return true;
    },
  });
  const code = await runCommand(words, {
    version: '0.0.0',
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    environment: { CALLSEAL_PROFILE: 'local' },
    folder,
    signal: new AbortController().signal,
    startProblems: () => [],
    checks: async () => await Promise.resolve([]),
    probes: async () => await Promise.resolve([]),
    registryDesk: async () => await Promise.reject(new Error('nothing here is about PostgreSQL')),
    restoreDesk: async () => await Promise.reject(new Error('nothing here is about a restore')),
    skipDesk: async () => await Promise.reject(new Error('nothing here stands still')),
    topicDesk: async () => await Promise.reject(new Error('nothing here is about Kafka')),
    open: async (loaded, { version, ticket }) =>
      await open(loaded, {
        version,
        actor: { kind: 'operator', id: 'test' },
        ticket,
        onKeyFileCreated: () => undefined,
      }),
  });
  return { code, ...written };
}
