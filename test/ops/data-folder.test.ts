import { chmod, mkdtemp, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareDataFolder } from '../../src/ops/data-folder.ts';

const temporary = async (): Promise<string> => await mkdtemp(join(tmpdir(), 'callseal-data-'));
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test('a new data folder is its owner’s alone and can never be committed', async () => {
  const data = join(await temporary(), 'a', '.callseal');
  await prepareDataFolder(data);
  expect(await modeOf(data)).toBe(0o700);
  expect(await readFile(join(data, '.gitignore'), 'utf8')).toBe('*\n');
});

test('a data folder that is there keeps what is in it', async () => {
  const data = await temporary();
  await writeFile(join(data, '.gitignore'), 'mine\n');
  await prepareDataFolder(data);
  expect(await readFile(join(data, '.gitignore'), 'utf8')).toBe('mine\n');
});

test('a data folder that others may read is refused, not closed in silence', async () => {
  const data = await temporary();
  await chmod(data, 0o750);
  await expect(prepareDataFolder(data)).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    hint: `chmod 700 ${data}`,
  });
  expect(await modeOf(data)).toBe(0o750);
});

test('a link is no data folder', async () => {
  const folder = await temporary();
  await symlink(await temporary(), join(folder, 'link'));
  await expect(prepareDataFolder(join(folder, 'link'))).rejects.toMatchObject({ code: 'BAD_CONFIG' });
});
