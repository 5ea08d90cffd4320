import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Opened } from '../../src/commands/app.ts';
import { type Host, runCommand } from '../../src/commands/run-command.ts';
import type { Ports } from '../../src/ports/ports.ts';

/** What a command run in the test's own process left behind. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly opened: number;
  readonly closed: number;
}

type Given = Partial<Host> & {
  readonly ports?: { readonly [Port in keyof Ports]?: Partial<Ports[Port]> };
  readonly closes?: () => Promise<void>;
};

/** Runs words as cli.ts would, under the shipped profile `local`, on ports of the test's own making. */
export async function run(words: string, given: Given = {}): Promise<Ran> {
  const { ports = {}, closes = async () => undefined, ...host } = given;
  const written = { stdout: '', stderr: '' };
  const count = { opened: 0, closed: 0 };
  const sink = (name: 'stdout' | 'stderr') => ({
    once: () => undefined,
    write: (text: string) => {
      written[name] += text;
      return true;
    },
  });
  const code = await runCommand(
    words.split(' ').filter((word) => word !== ''),
    {
      version: '1.2.3',
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      environment: { CALLSEAL_PROFILE: 'local' },
      folder: mkdtempSync(join(tmpdir(), 'callseal-command-')),
      signal: new AbortController().signal,
      startProblems: () => [],
      checks: async () => [],
      probes: async () => [],
      registryDesk: async () => {
        throw new Error('no registry of a test');
      },
      restoreDesk: async () => {
        throw new Error('no restore of a test');
      },
      skipDesk: async () => {
        throw new Error('no skip of a test');
      },
      topicDesk: async () => {
        throw new Error('no cluster of a test');
      },
      open: async () => {
        count.opened++;
        return {
          ports,
          close: async () => {
            count.closed++;
            await closes();
          },
        } as unknown as Opened;
      },
      ...host,
    },
  );
  return { code, ...written, ...count };
}

export function documentsIn(stdout: string): unknown[] {
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
