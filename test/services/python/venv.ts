import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FOLDER = path.resolve('.services/python');
const REQUIREMENTS = path.resolve('test/services/python/requirements.txt');

/** A Python with the stock SDK, or why there is none here. */
export type StockPython = { readonly python: string } | { readonly missing: string };

/** Installs once, by hash, into `.services/python`; again when the requirements change. Takes about 15 s. */
export async function stockPython(): Promise<StockPython> {
  try {
    await run('python3', ['-c', 'import venv, ensurepip']);
  } catch {
    return { missing: 'no python3 with venv on this machine' };
  }
  try {
    if (!(await isInstalled())) await install();
    return { python: path.join(FOLDER, 'bin/python') };
  } catch (error) {
    return { missing: `pip could not install the stock SDK: ${lastLine(error)}` };
  }
}

async function isInstalled(): Promise<boolean> {
  const installed = await readFile(path.join(FOLDER, 'installed.txt'), 'utf8').catch(() => '');
  return installed === (await readFile(REQUIREMENTS, 'utf8'));
}

/** A half-made folder has no `installed.txt` and is made again. */
async function install(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(path.dirname(FOLDER), { recursive: true });
  await run('python3', ['-m', 'venv', FOLDER]);
  const pip = path.join(FOLDER, 'bin/pip');
  await run(pip, [
    'install',
    '--quiet',
    '--require-hashes',
    '--no-deps',
    '--only-binary',
    ':all:',
    '-r',
    REQUIREMENTS,
  ]);
  const marker = path.join(FOLDER, 'installed.txt');
  await writeFile(`${marker}.new`, await readFile(REQUIREMENTS));
  await rename(`${marker}.new`, marker);
}

function lastLine(error: unknown): string {
  const { stderr } = error as { stderr?: string };
  return (stderr ?? String(error)).trim().split('\n').at(-1) ?? '';
}
