import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** The folder of a pinned tool of tools/deploy, installed where it is missing. */
export function toolFolder(name: 'promtool' | 'python' | 'kubernetes-models'): string {
  const said = execFileSync('bash', ['tools/deploy/install.sh', name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return said.trim().slice(name.length + 1);
}

export interface Said {
  readonly status: number | null;
  /** stdout and stderr. */
  readonly text: string;
}

export function run(command: string, words: readonly string[], input = ''): Said {
  const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: 'utf8', input });
  if (error) throw error;
  return { status, text: stdout + stderr };
}

/** A program of the pinned Python packages: a script beside that Python. */
export function pythonTool(folder: string, program: string, words: readonly string[], input?: string): Said {
  const bin = join(folder, 'bin');
  return program === 'hadolint'
    ? run(join(bin, 'hadolint'), words, input)
    : run(join(bin, 'python'), ['-m', program, ...words], input);
}
