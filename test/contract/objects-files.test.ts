import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { filesObjects } from '../../src/adapters/objects/files.ts';
import type { Objects } from '../../src/ports/objects.ts';
import { CountedParts, patterned } from './objects-parts.ts';
import { objectsContract } from './objects-suite.ts';
import { type Ended, runProgram, system } from './run-program.ts';

objectsContract('files');

const MiB = 2 ** 20;
const never = new AbortController().signal;
const NAME = 't-42/call-uid/attempt-uid/audio';
const isRoot = process.getuid?.() === 0;
/** Somebody else, for what root may do anyway. */
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-files-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

async function create(objects: Objects, name = NAME, bytes = patterned(10)): Promise<void> {
  await objects.create(name, new CountedParts(bytes).stream(), never);
}

async function createInChild(location: string, bytes: number, under: readonly string[]): Promise<Ended> {
  return await runProgram('objects-child.ts', ['files', location, NAME, String(bytes), '1'], { under });
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe('a disk that says no', () => {
  test('a file size limit is STORE_FULL and leaves nothing', async () => {
    const location = await temporaryFolder();
    const { stdout } = await createInChild(location, 5 * MiB, ['prlimit', `--fsize=${MiB}`]);
    expect(stdout).toBe('STORE_FULL');
    expect(await filesUnder(location)).toEqual([]);
  });

  test.skipIf(!isRoot)(
    'a full disk is STORE_FULL and leaves nothing (skipped: only root can mount one)',
    async () => {
      const location = await temporaryFolder();
      expect(system('mount', '-t', 'tmpfs', '-o', 'size=2m', 'callseal-test', location)).toBeUndefined();
      onTestFinished(() => void system('umount', location));
      const objects = filesObjects({ root: join(location, 'objects') });
      await create(objects, 't/c/a/first', patterned(MiB));
      const parts = new CountedParts(patterned(4 * MiB), MiB / 2);
      await expect(objects.create(NAME, parts.stream(), never)).rejects.toMatchObject({ code: 'STORE_FULL' });
      expect(parts.allReleasedOnce && parts.closed).toBe(true);
      expect(await filesUnder(location)).toEqual(['first']);
      await objects.remove('t/c/a/first', never);
      await create(objects, NAME, patterned(MiB));
    },
  );

  test('a folder that may not be written is STORE_DENIED', async () => {
    const location = await temporaryFolder();
    await mkdir(join(location, 'objects'));
    await chmod(join(location, 'objects'), 0o555);
    await chmod(location, 0o755);
    const { stdout, stderr } = await createInChild(location, 10, isRoot ? AS_NOBODY : []);
    expect([stdout, stderr]).toEqual(['STORE_DENIED', '']);
    await chmod(join(location, 'objects'), 0o755);
  });

  test('a root that is gone is STORE_DOWN, for every method: "nothing there" would be a lie', async () => {
    const root = join(await temporaryFolder(), 'objects');
    const objects = filesObjects({ root });
    await create(objects);
    await rename(root, `${root}.away`);
    const isDown = { code: 'STORE_DOWN' };
    await expect(objects.stat(NAME, never)).rejects.toMatchObject(isDown);
    await expect(objects.remove(NAME, never)).rejects.toMatchObject(isDown);
    await expect(create(objects, `${NAME}-2`)).rejects.toMatchObject(isDown);
    await expect(Array.fromAsync(objects.list('', never))).rejects.toMatchObject(isDown);
    const reading = Array.fromAsync(objects.read(NAME, { from: 0, to: 1 }, never));
    await expect(reading).rejects.toMatchObject(isDown);
    await rename(`${root}.away`, root);
    expect(await objects.stat(NAME, never)).toMatchObject({ bytes: 10 });
  });

  test('a file that the file system holds is named by remove as still there', async ({ skip }) => {
    const root = await temporaryFolder();
    const objects = filesObjects({ root });
    await create(objects);
    const failure = system('chattr', '+i', join(root, NAME));
    if (failure !== undefined) skip(`skipped: no file can be made immutable here: ${failure}`);
    onTestFinished(() => void system('chattr', '-i', join(root, NAME)));
    expect(await objects.remove(NAME, never)).toEqual([NAME]);
    expect(await objects.stat(NAME, never)).toMatchObject({ bytes: 10 });
  });
});

describe('what stands on the disk', () => {
  test('files are 0600 and folders 0700: nobody else reads even ciphertext', async () => {
    const root = join(await temporaryFolder(), 'objects');
    await create(filesObjects({ root }));
    const modes = [];
    for (let path = join(root, NAME); path.startsWith(root); path = dirname(path)) {
      modes.push(((await stat(path)).mode & 0o777).toString(8));
    }
    expect(modes).toEqual(['600', '700', '700', '700', '700']);
  });

  test('after a create only the object is there', async () => {
    const root = await temporaryFolder();
    await create(filesObjects({ root }));
    expect(await filesUnder(root)).toEqual(['audio']);
  });

  test('the last object takes its empty folders along, and the root stays', async () => {
    const root = await temporaryFolder();
    const objects = filesObjects({ root });
    await create(objects, 't/c/a/audio');
    await create(objects, 't/c/b/audio');
    await objects.remove('t/c/a/audio', never);
    expect(await readdir(join(root, 't/c'))).toEqual(['b']);
    await objects.remove('t/c/b/audio', never);
    expect(await readdir(root)).toEqual([]);
  });

  test('creates go on while another removes the folders under them', async () => {
    const root = await temporaryFolder();
    const [creator, remover] = [filesObjects({ root }), filesObjects({ root })];
    for (let round = 0; round < 30; round++) {
      await create(remover, 't/c/a/old');
      await Promise.all([remover.remove('t/c/a/old', never), create(creator, `t/c/a/new`)]);
      expect(await creator.stat('t/c/a/new', never)).toMatchObject({ bytes: 10 });
      await remover.remove('t/c/a/new', never);
    }
  });

  test('an object cannot be a folder of others as well', async () => {
    const objects = filesObjects({ root: await temporaryFolder() });
    await create(objects, 't/c');
    await expect(create(objects, 't/c/a')).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    await create(objects, 't/d/a');
    await expect(create(objects, 't/d')).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });

  test('what is not of this product is neither listed nor removed', async () => {
    const root = await temporaryFolder();
    const objects = filesObjects({ root });
    await create(objects);
    await mkdir(join(root, 'lost+found'));
    await writeFile(join(root, 'lost+found', 'inode'), 'x');
    await writeFile(join(root, 't-42', 'a note.txt'), 'x');
    expect(await Array.fromAsync(objects.list('', never))).toEqual([
      { name: NAME, bytes: 10, unfinished: false },
    ]);
    await objects.remove(NAME, never);
    expect((await filesUnder(root)).toSorted()).toEqual(['a note.txt', 'inode']);
  });

  test('a link in the place of an object is not followed', async () => {
    const root = await temporaryFolder();
    const objects = filesObjects({ root });
    await writeFile(join(root, 'elsewhere'), 'secret');
    await mkdir(join(root, 't'));
    await symlink(join(root, 'elsewhere'), join(root, 't/link'));
    expect(await objects.stat('t/link', never)).toBeUndefined();
    const reading = Array.fromAsync(objects.read('t/link', { from: 0, to: 9 }, never));
    await expect(reading).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
  });
});
