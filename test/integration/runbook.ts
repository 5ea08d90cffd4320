import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const ROOT = join(import.meta.dirname, '../..');
const HOOK = join(ROOT, 'test/faults/hook.ts');

export interface Said {
  /** Exit code or signal. */
  readonly code: number | NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the named blocks of a runbook as an operator would type them, after `changes` to what is theirs to change. */
export interface Runbook {
  run(
    name: string,
    changes?: Readonly<Record<string, string>>,
    env?: Readonly<Record<string, string>>,
  ): Promise<Said>;
}

/** @param folder - where the commands run; `callseal` is this checkout's */
export function openRunbook(page: string, folder: string, env: Readonly<Record<string, string>>): Runbook {
  const blocks = blocksOf(readFileSync(join(ROOT, page), 'utf8'));
  const shim = join(folder, 'callseal');
  const call = [process.execPath, '--no-warnings', '--import', HOOK, join(ROOT, 'src/cli.ts')];
  writeFileSync(shim, `#!/bin/sh\nexec ${call.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(shim, 0o755);
  return {
    run: async (name, changes = {}, more = {}) => {
      const block = blocks.get(name);
      if (block === undefined) throw new TypeError(`${page} has no block ${name}`);
      let script = block;
      for (const [from, to] of Object.entries(changes)) {
        if (!script.includes(from)) throw new TypeError(`${page}, block ${name}, says nothing of ${from}`);
        script = script.replaceAll(from, to);
      }
      const path = `${folder}:${process.env['PATH'] ?? ''}`;
      const child = spawn('bash', ['-ec', script], {
        cwd: folder,
        // The product refuses a variable that is no setting of its own.
        env: {
          ...process.env,
          CALLSEAL_SERVICES_BASE: undefined,
          CALLSEAL_LONG: undefined,
          CALLSEAL_PROFILE: 'local',
          PATH: path,
          ...env,
          ...more,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const ended = new Promise((resolve) => child.once('close', resolve));
      const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
      return { code: child.exitCode ?? child.signalCode, out, err };
    },
  };
}

/** Fences whose first line is ```sh NAME, also inside a list. */
export function blocksOf(page: string): Map<string, string> {
  const blocks = new Map<string, string>();
  for (const [, indent = '', name = '', body = ''] of page.matchAll(
    /^( *)```sh (\w+)\n([\s\S]*?)^ *```$/gm,
  )) {
    blocks.set(name, body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
  }
  return blocks;
}
