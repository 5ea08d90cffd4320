import { once } from 'node:events';
import {
  appendFile,
  chmod,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { failureCode } from './failure-code.ts';
import { patterned } from './objects-parts.ts';
import { runProgram, system } from './run-program.ts';
import { sourcesContract } from './sources-suite.ts';
import { filesWorld } from './sources-worlds.ts';

sourcesContract('files', filesWorld);

const KiB = 1024;
const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

describe('source folders', () => {
  let world: Awaited<ReturnType<typeof filesWorld>>;

  beforeEach(async () => {
    world = await filesWorld();
    return async () => await world.dispose();
  });

  /** The code that both open and stat fail with. */
  const failure = async (key: string): Promise<string> => {
    const codes = [
      await failureCode(world.sources.open(world.ref(key), never)),
      await failureCode(world.sources.stat(world.ref(key), never)),
    ];
    return [...new Set(codes)].join(' or ');
  };
  const readAll = async (key: string): Promise<Buffer> =>
    Buffer.concat(await Array.fromAsync((await world.sources.open(world.ref(key), never)).body));

  test('a FIFO is no file, and nobody waits for its writer', async () => {
    expect(system('mkfifo', join(world.root, 'fifo'))).toBeUndefined();
    expect(await failure('fifo')).toBe('SOURCE_NOT_A_FILE');
  });

  test('a socket is no file', async () => {
    const server = createServer().listen(join(world.root, 'socket'));
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    expect(await failure('socket')).toBe('SOURCE_NOT_A_FILE');
  });

  test('a folder is no file, and a file is no folder', async () => {
    await world.put('day/c-1.wav', patterned(1));
    expect(await failure('day')).toBe('SOURCE_NOT_A_FILE');
    expect(await failure('day/c-1.wav/more')).toBe('SOURCE_MISSING');
  });

  test('a link as the file is refused, wherever it leads', async () => {
    await world.put('c-1.wav', patterned(1));
    await symlink('c-1.wav', join(world.root, 'inside'));
    await symlink('/etc/passwd', join(world.root, 'outside'));
    await symlink('nowhere', join(world.root, 'broken'));
    for (const key of ['inside', 'outside', 'broken']) expect(await failure(key)).toBe('SOURCE_NOT_A_FILE');
  });

  test('a link above the file that leads out of the root is refused', async () => {
    await writeFile(join(world.folder, 'theirs', 'c-1.wav'), 'theirs');
    await symlink(join(world.folder, 'theirs'), join(world.root, 'day'));
    expect(await failure('day/c-1.wav')).toBe('SOURCE_KEY_FORBIDDEN');
  });

  test('a folder beside the root whose name begins like it is outside', async () => {
    await mkdir(`${world.root}-2`);
    await writeFile(`${world.root}-2/c-1.wav`, 'theirs');
    await symlink(`${world.root}-2`, join(world.root, 'day'));
    expect(await failure('day/c-1.wav')).toBe('SOURCE_KEY_FORBIDDEN');
  });

  test('a link above the file that stays under the root is followed', async () => {
    await world.put('2026/c-1.wav', patterned(10));
    await symlink('2026', join(world.root, 'latest'));
    expect((await readAll('latest/c-1.wav')).equals(patterned(10))).toBe(true);
  });

  test('the root itself may be a link', async () => {
    await world.put('c-1.wav', patterned(10));
    await rename(world.root, `${world.root}-real`);
    await symlink(`${world.root}-real`, world.root);
    expect((await readAll('c-1.wav')).equals(patterned(10))).toBe(true);
  });

  test('a link swapped in between open and read is refused', async () => {
    await world.put('day/c-1.wav', patterned(10));
    await writeFile(join(world.folder, 'theirs', 'c-1.wav'), patterned(10));
    const { body } = await world.sources.open(world.ref('day/c-1.wav'), never);
    await rename(join(world.root, 'day'), join(world.root, 'old'));
    await symlink(join(world.folder, 'theirs'), join(world.root, 'day'));
    await expect(Array.fromAsync(body)).rejects.toMatchObject({ code: 'SOURCE_KEY_FORBIDDEN' });
  });

  test('a piece that no file name can hold is forbidden: it will never be there', async () => {
    expect(await failure('x'.repeat(300))).toBe('SOURCE_KEY_FORBIDDEN');
  });

  test('a root that is gone pauses its alias, nothing is called missing', async () => {
    await world.put('c-1.wav', patterned(1));
    await rename(world.root, `${world.root}.away`);
    const isDown = { code: 'SOURCE_DOWN', scope: { tenant: 't-42', alias: 'edge' } };
    await expect(world.sources.open(world.ref('c-1.wav'), never)).rejects.toMatchObject(isDown);
    await expect(world.sources.stat(world.ref('c-1.wav'), never)).rejects.toMatchObject(isDown);
  });

  test('a file that may not be read pauses its alias', async () => {
    const path = await world.put('c-1.wav', patterned(1));
    await chmod(path, 0);
    await chmod(world.folder, 0o755);
    const under = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    const { stdout, stderr } = await runProgram('sources-child.ts', [world.root, 'c-1.wav'], { under });
    expect([stdout, stderr]).toEqual(['SOURCE_DENIED t-42 edge', '']);
  });

  const edits: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    grown: async (path) => await appendFile(path, 'more'),
    truncated: async (path) => await truncate(path, 300 * KiB),
    'written over in place': async (path) => {
      const file = await open(path, 'r+');
      await file.write(Buffer.from('RIFF'), 0, 4, 0);
      await file.close();
    },
  };
  for (const [how, edit] of Object.entries(edits)) {
    test(`a source ${how} while it is read fails with SOURCE_CHANGED before its last chunk`, async () => {
      const path = await world.put('c-1.wav', patterned(1000 * KiB));
      const { body, bytes } = await world.sources.open(world.ref('c-1.wav'), never);
      let read = 0;
      const reading = async (): Promise<void> => {
        for await (const chunk of body) {
          if (read === 0) await edit(path);
          read += chunk.length;
        }
      };
      await expect(reading()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
      expect(read).toBeLessThan(bytes);
    });

    test(`a source ${how} between open and read fails with SOURCE_CHANGED and no chunk`, async () => {
      const path = await world.put('c-1.wav', patterned(1000 * KiB));
      const { body } = await world.sources.open(world.ref('c-1.wav'), never);
      await edit(path);
      const first = body[Symbol.asyncIterator]().next();
      await expect(first).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    });
  }

  test('a file written over at once after it was written is told apart, every time', async () => {
    for (let round = 0; round < 20; round++) {
      const path = await world.put('c-1.wav', patterned(10, 1));
      const first = await world.sources.stat(world.ref('c-1.wav'), never);
      await writeFile(path, patterned(10, 2), { flag: 'r+' });
      const second = await world.sources.stat(world.ref('c-1.wav'), never);
      expect(second.version).not.toBe(first.version);
    }
  });

  test('a source that is gone between open and read is missing', async () => {
    const path = await world.put('c-1.wav', patterned(10));
    const { body } = await world.sources.open(world.ref('c-1.wav'), never);
    await rm(path);
    await expect(Array.fromAsync(body)).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
  });

  test('nothing stays open: bodies read, left early, failed, or never begun', async () => {
    const path = await world.put('c-1.wav', patterned(1000 * KiB));
    const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
    const before = await openFiles();
    for (let i = 0; i < 20; i++) {
      await world.sources.open(world.ref('c-1.wav'), never);
      await readAll('c-1.wav');
      for await (const chunk of (await world.sources.open(world.ref('c-1.wav'), never)).body) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
    }
    await chmod(path, 0o644);
    expect(await failure('day')).toBe('SOURCE_MISSING');
    expect(await openFiles()).toBe(before);
  });
});
