import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const BIN = resolve('bin/callseal');
const temporary = async (): Promise<string> => await mkdtemp(join(tmpdir(), 'callseal-bin-'));
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('CALLSEAL_')),
);

test('it runs from any folder, through a link to a link', async () => {
  const folder = await temporary();
  await symlink(BIN, join(folder, 'one'));
  await symlink('one', join(folder, 'two'));
  const { stdout, stderr } = await run(join(folder, 'two'), ['config', 'check'], {
    cwd: folder,
    env: environment,
  });
  expect(stdout).toMatch(/^the settings of profile local are good /);
  expect(stderr).toBe('callseal: profile local (--profile names another)\n');
});

test('what it starts writes no core file', async () => {
  const folder = await temporary();
  const { stdout } = await run(BIN, ['doctor', '--json'], { cwd: folder, env: environment });
  expect(stdout).toContain('{"name":"core files","ok":true,"finding":"none are written"}');
});

/** A checkout whose tools/node/use.sh only writes down what it is asked to run. */
async function checkout(): Promise<string> {
  const root = await temporary();
  for (const folder of ['bin', 'tools/node', 'node_modules', 'src'])
    await mkdir(join(root, folder), { recursive: true });
  await copyFile(BIN, join(root, 'bin/callseal'));
  await chmod(join(root, 'bin/callseal'), 0o755);
  await writeFile(join(root, 'package-lock.json'), '{}');
  await writeFile(join(root, 'tools/node/use.sh'), `echo "$*" >>'${root}/asked'\necho said by npm or node\n`);
  return root;
}

test('what is missing is installed once, said on stderr, and stdout stays data only', async () => {
  const root = await checkout();
  const first = await run(join(root, 'bin/callseal'), ['list'], { env: environment });
  expect(first.stderr).toBe('callseal: installing what is needed (once)\nsaid by npm or node\n');
  expect(first.stdout).toBe('said by npm or node\n');
  const second = await run(join(root, 'bin/callseal'), ['list'], { env: environment });
  expect(second.stderr).toBe('');
  const asked = (await readFile(join(root, 'asked'), 'utf8')).trim().split('\n');
  expect(asked.map((line) => line.split(' ')[0])).toEqual(['npm', 'node', 'node']);
});

test('Node.js is started hardened, with local as the profile where none is named, and the words as they are', async () => {
  const root = await checkout();
  await run(join(root, 'bin/callseal'), ['show', 'a b', '--json'], { env: environment });
  const asked = (await readFile(join(root, 'asked'), 'utf8')).trim().split('\n').at(-1);
  expect(asked).toBe(
    'node --max-semi-space-size=8 --disable-proto=delete --disable-sigusr1 --disable-warning=ExperimentalWarning ' +
      `${root}/src/cli.ts --default-profile local show a b --json`,
  );
});
