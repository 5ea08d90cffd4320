import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Python with the stock SDK, or why there is none here. */
export type StockPython = { readonly python: string } | { readonly missing: string };

export async function stockPython(): Promise<StockPython> {
  try {
    await run('python3', ['-c', 'import venv, ensurepip']);
  } catch {
    return { missing: 'no python3 with venv on this machine' };
  }
  try {
    await run('sh', ['test/services/python/install.sh']);
    return { python: path.resolve('.services/python/bin/python') };
  } catch (error) {
    return { missing: `the stock SDK could not be installed: ${lastLine(error)}` };
  }
}

function lastLine(error: unknown): string {
  const { stderr } = error as { stderr?: string };
  return (stderr ?? String(error)).trim().split('\n').at(-1) ?? '';
}
