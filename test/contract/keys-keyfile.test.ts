import {
  chmod,
  chown,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { withKernelLock } from '../../src/adapters/files/kernel-lock.ts';
import { keyfileKeys, keyfileState } from '../../src/adapters/keys/keyfile.ts';
import { exitOf } from '../../src/domain/errors.ts';
import { failureCode } from './failure-code.ts';
import { keysContract } from './keys-suite.ts';
import { keyfileWorld } from './keys-worlds.ts';
import { runProgram } from './run-program.ts';

keysContract('keyfile', keyfileWorld);

const never = new AbortController().signal;
const CONTEXT = { tenant: 't-42', class: 'phi' };
const isRoot = process.getuid?.() === 0;

describe('the key file', () => {
  let world: Awaited<ReturnType<typeof keyfileWorld>>;

  beforeEach(async () => {
    world = await keyfileWorld();
    return async () => await world.dispose();
  });

  /** What it fails with for who has it open already, for who opens it now, and for the look at the start. */
  const failures = async (): Promise<unknown[]> => {
    const fresh = keyfileKeys({ path: world.path });
    const acts = [
      world.keys.generate('t-42:phi', CONTEXT, never),
      fresh.generate('t-42:phi', CONTEXT, never),
      fresh.ensure('t-44:phi', never),
      keyfileState(world.path),
    ];
    return await Promise.all(acts.map(async (act) => await act.catch((error: unknown) => error)));
  };
  const unusable = (hint: string): unknown[] =>
    Array(4).fill(
      expect.objectContaining({ code: 'KEY_FILE_UNUSABLE', hint: expect.stringContaining(hint) }),
    );

  test('it is 0600 in a folder 0700, with nothing beside it but the empty lock', async () => {
    expect((await stat(world.path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(world.path))).mode & 0o777).toBe(0o700);
    expect((await readdir(dirname(world.path))).toSorted()).toEqual(['kek.json', 'kek.json.lock']);
    const lock = await stat(`${world.path}.lock`);
    expect([lock.size, lock.mode & 0o777]).toEqual([0, 0o600]);
  });

  for (const mode of [0o640, 0o604, 0o660, 0o610, 0o666]) {
    test(`mode ${mode.toString(8)} is refused with exit 8, also while running`, async () => {
      await chmod(world.path, mode);
      expect(await failures()).toEqual(unusable('chmod 600'));
      expect(exitOf('KEY_FILE_UNUSABLE')).toBe(8);
      await chmod(world.path, 0o600);
      await world.keys.generate('t-42:phi', CONTEXT, never);
    });
  }

  test.skipIf(!isRoot)(
    'a file of another user is refused (skipped: only root can give one away)',
    async () => {
      await chown(world.path, 65_534, 65_534);
      expect(await failures()).toEqual(unusable('chown'));
    },
  );

  test('a link in its place is refused', async () => {
    await rename(world.path, `${world.path}.real`);
    await symlink(`${world.path}.real`, world.path);
    const fresh = keyfileKeys({ path: world.path });
    expect(await failureCode(fresh.generate('t-42:phi', CONTEXT, never))).toBe('KEY_FILE_UNUSABLE');
    expect(await failureCode(fresh.ensure('t-44:phi', never))).toBe('KEY_FILE_UNUSABLE');
  });

  test('a folder in its place is refused', async () => {
    await rm(world.path);
    await mkdir(world.path);
    expect(await failures()).toEqual(unusable('look at'));
  });

  test('a damaged file is refused and not quoted: an empty, a cut, a changed one', async () => {
    const whole = await readFile(world.path, 'utf8');
    const key = /"key": "([0-9a-f]{64})"/.exec(whole)?.[1] ?? '';
    const flipped = key.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    for (const text of [
      '',
      whole.slice(0, -10),
      `${whole}x`,
      whole.replace(key, flipped),
      whole.replace('"key"', '"kex"'),
    ]) {
      await writeFile(world.path, text);
      expect(await failures()).toEqual(unusable('restore its backup'));
      const error: unknown = await keyfileState(world.path).catch((cause: unknown) => cause);
      const shown = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error);
      for (let at = 0; at + 8 <= key.length; at += 8) expect(shown).not.toContain(key.slice(at, at + 8));
      expect((error as Error).cause).toBeUndefined();
    }
  });

  test('a missing file is refused by all but ensure, which makes it only for who never saw one', async () => {
    const { wrapped, kek } = await world.keys.generate('t-42:phi', CONTEXT, never);
    await rm(world.path);
    const missing = { code: 'KEY_FILE_UNUSABLE', hint: expect.stringContaining('restore') };
    await expect(world.keys.ensure('t-44:phi', never)).rejects.toMatchObject(missing);
    await expect(world.keys.ensure('t-42:phi', never)).rejects.toMatchObject(missing);
    await expect(world.keys.unwrap({ wrapped, kek, context: CONTEXT }, never)).rejects.toMatchObject(missing);
    const fresh = keyfileKeys({ path: world.path });
    await expect(fresh.describe('t-42:phi', never)).rejects.toMatchObject(missing);
    await expect(fresh.generate('t-42:phi', CONTEXT, never)).rejects.toMatchObject(missing);
    expect(await keyfileState(world.path)).toEqual({ state: 'missing' });
    await fresh.ensure('t-42:phi', never);
    await expect(fresh.unwrap({ wrapped, kek, context: CONTEXT }, never)).rejects.toMatchObject({
      code: 'NOT_AUTHENTIC',
    });
  });

  test('its state names every KEK with its newest material, the material of all versions, and no key', async () => {
    const { materialId } = await world.keys.describe('t-42:phi', never);
    await world.rotate('t-42:phi');
    const state = await keyfileState(world.path);
    const keks = await Promise.all(
      Object.values(world.keks).map(async (kek) => await world.keys.describe(kek, never)),
    );
    const newest = keks.map((kek) => kek.materialId);
    expect(state).toEqual({ state: 'usable', keks, materialIds: [materialId, ...newest] });
  });

  test('an older backup lacks the version of a newer wrapping: KEY_UNKNOWN, and what to do', async () => {
    await copyFile(world.path, `${world.path}.backup`);
    await world.rotate('t-42:phi');
    const { wrapped, kek } = await world.keys.generate('t-42:phi', CONTEXT, never);
    await rename(`${world.path}.backup`, world.path);
    await expect(world.keys.unwrap({ wrapped, kek, context: CONTEXT }, never)).rejects.toMatchObject({
      code: 'KEY_UNKNOWN',
      hint: expect.stringContaining('newest backup'),
      scope: { tenant: 't-42' },
    });
  });

  test('the KEK of the dead letters concerns everybody', async () => {
    const unknown: unknown = await world.keys
      .describe('system:dead-letter', never)
      .catch((error: unknown) => error);
    expect(unknown).toMatchObject({ code: 'KEY_UNKNOWN', scope: {} });
    expect(unknown).not.toHaveProperty('scope.tenant');
  });

  for (const kek of ['', 't-42', 't-42:', ':phi', 't 42:phi', 't-42:phi:x', '__proto__', '../x:phi']) {
    test(`${JSON.stringify(kek)} names no KEK of a key file`, async () => {
      await expect(world.keys.ensure(kek, never)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    });
  }

  test('who made the file is told so, once', async () => {
    const path = join(world.folder, 'elsewhere', 'deep', 'kek.json');
    let told = 0;
    const keys = keyfileKeys({ path, onCreated: () => told++ });
    await keys.ensure('t-42:phi', never);
    await keys.ensure('t-43:phi', never);
    await keyfileKeys({ path, onCreated: () => told++ }).ensure('t-44:phi', never);
    expect(told).toBe(1);
  });

  test('a file that vanishes while a change waits for the lock is not made anew', async () => {
    let ensuring: Promise<unknown> = Promise.resolve();
    await withKernelLock(
      `${world.path}.lock`,
      0,
      async () => {
        ensuring = failureCode(world.keys.ensure('t-44:phi', never));
        // Most likely it has looked at the file by then; if not, it is refused for the same reason.
        for (let i = 0; i < 20; i++) await stat(world.path);
        await rm(world.path);
      },
      never,
    );
    expect(await ensuring).toBe('KEY_FILE_UNUSABLE');
    expect(await keyfileState(world.path)).toEqual({ state: 'missing' });
  });

  test('a wait for the lock ends with the abort, and nothing is written', async () => {
    const stop = new AbortController();
    await withKernelLock(
      `${world.path}.lock`,
      0,
      async () => {
        const waiting = world.keys.ensure('t-44:phi', stop.signal);
        stop.abort();
        await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
      },
      never,
    );
    expect(await failureCode(world.keys.describe('t-44:phi', never))).toBe('KEY_UNKNOWN');
  });

  test('what another process added is there at once', async () => {
    const { stdout } = await runProgram('keys-child.ts', [world.path, 'added', '1']);
    const [kek = '', materialId] = stdout.split(' ');
    expect(await world.keys.describe(kek, never)).toMatchObject({ materialId });
  });

  test('processes that make and add KEKs at the same time lose none', async () => {
    const path = join(world.folder, 'shared', 'kek.json');
    const ended = await Promise.all(
      ['a', 'b', 'c'].map(async (tenant) => await runProgram('keys-child.ts', [path, tenant, '15'])),
    );
    const lines = ended.flatMap(({ stdout }) => stdout.split('\n'));
    expect(lines.filter((line) => line === 'created')).toHaveLength(1);
    const told = lines.filter((line) => line !== 'created').toSorted();
    const state = await keyfileState(path);
    const there = state.state === 'usable' ? state.keks : [];
    expect(told).toHaveLength(45);
    expect(
      there.map(({ kek, materialId }) => `${kek.replace('keyfile:', '')} ${materialId}`).toSorted(),
    ).toEqual(told);
  });

  test('what a killed process left beside it is cleared by the next change, and its lock is free', async () => {
    const { signal, stdout } = await runProgram('keys-child.ts', [world.path, 'die']);
    expect([signal, stdout]).toEqual(['SIGKILL', '']);
    expect(await readdir(dirname(world.path))).toContain('kek.json.new');
    await world.keys.ensure('t-44:phi', never);
    expect((await readdir(dirname(world.path))).toSorted()).toEqual(['kek.json', 'kek.json.lock']);
  });
});
