import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isUp, portOf, readSecret, servicesEnv, whatIsMissing } from '../services/env.ts';

/** `scripts/services` on ports of its own, with the two services that start fastest. */

const CHECKOUT = join(import.meta.dirname, '../..');
const BASE = 1000 + Number(env['CALLSEAL_SERVICES_BASE'] ?? 0);
const HOME = join(CHECKOUT, `.services/base-${BASE}`);
const ONLY = ['--only', 'redis,kms', '--base', String(BASE)];

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function services(...words: readonly string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  execFile(join(CHECKOUT, 'scripts/services'), words, { cwd: '/' }, (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
  });
  return await promise;
}

async function processes(): Promise<
  readonly { name: string; pid: number | null; port: number; state: string }[]
> {
  const { stdout } = await services('status', '--json', ...ONLY);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Awaited<ReturnType<typeof processes>>[number]);
}

async function listen(port: number): Promise<Server> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = createServer().listen(port, '127.0.0.1', resolve);
  await promise;
  return server;
}

/** A process that has ended and that nobody has waited for yet has no command line any more: `kill -0` would call it alive. */
function isAlive(pid: number | null): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

beforeAll(async () => {
  await services('down', '--base', String(BASE));
  rmSync(HOME, { recursive: true, force: true });
});
afterAll(async () => {
  await services('down', '--base', String(BASE));
  rmSync(HOME, { recursive: true, force: true });
});

describe('scripts/services', () => {
  test('status of what was never started says down and exits 6', async () => {
    expect(await services('status', ...ONLY)).toMatchObject({
      code: 6,
      stdout: expect.stringMatching(/^kms .*down\nredis .*down\n$|^redis .*down\nkms .*down\n$/),
    });
  });

  test('up ends when they answer over TLS, and writes where they are', async () => {
    const up = await services('up', ...ONLY);
    expect(up).toMatchObject({ code: 0, stdout: '' });
    expect(await isUp('redis', BASE)).toBe(true);
    expect(await isUp('kms', BASE)).toBe(true);
    expect(await isUp('postgres', BASE)).toBe(false);
    const written = servicesEnv(BASE);
    expect([portOf('kms', written), portOf('redis', written)]).toEqual([7445 + BASE, 16379 + BASE]);
    expect(readSecret(written.redis.users.callseal.passwordFile)).toMatch(/^[0-9a-f]{48}$/);
    expect(await services('status', ...ONLY)).toMatchObject({ code: 0 });
  });

  test('up again starts nothing anew', async () => {
    const before = await processes();
    expect(before.map(({ state }) => state)).toEqual(['up', 'up']);
    expect(await services('up', ...ONLY)).toMatchObject({ code: 0 });
    expect(await processes()).toEqual(before);
  });

  test('one of them is stopped by its pid, the other stays', async () => {
    const before = await processes();
    expect(await services('down', '--only', 'redis', '--base', String(BASE))).toMatchObject({ code: 0 });
    const redis = before.find(({ name }) => name === 'redis');
    const kms = before.find(({ name }) => name === 'kms');
    expect(isAlive(redis?.pid ?? null)).toBe(false);
    expect(isAlive(kms?.pid ?? null)).toBe(true);
    expect(await processes()).toMatchObject([{ name: 'redis', pid: null, state: 'down' }, { ...kms }]);
  });

  test('a taken port is refused with a sentence that names it, and nothing is started', async () => {
    const port = 16379 + BASE;
    const holder = await listen(port);
    const up = await services('up', ...ONLY);
    holder.close();
    expect(up.code).toBe(7);
    expect(up.stderr).toContain(`error: port ${port} is taken by `);
    expect(up.stderr).toContain('and redis needs it');
    expect(up.stderr).toContain('hint: ');
    expect(await processes()).toMatchObject([
      { name: 'redis', state: 'down' },
      { name: 'kms', state: 'up' },
    ]);
  });

  test('a pid file that tells of somebody else stops nobody', async () => {
    const stranger = String(process.pid);
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    writeFileSync(join(HOME, 'run/redis.pid'), `${stranger} 1 ${boot}\n`);
    expect(await services('down', '--only', 'redis', '--base', String(BASE))).toMatchObject({ code: 0 });
    expect(isAlive(process.pid)).toBe(true);
    expect((await processes())[0]).toMatchObject({ name: 'redis', pid: null, state: 'down' });
  });

  test('what was killed is seen as down and comes up again with its state', async () => {
    const kms = (await processes()).find(({ name }) => name === 'kms');
    const journal = join(HOME, 'data/kms/keys.ndjson');
    const keys = readFileSync(journal, 'utf8');
    process.kill(kms?.pid ?? 0, 'SIGKILL');
    await expect.poll(async () => (await processes())[1]).toMatchObject({ name: 'kms', state: 'down' });
    expect(await services('up', ...ONLY)).toMatchObject({ code: 0 });
    expect((await processes()).map(({ state }) => state)).toEqual(['up', 'up']);
    expect(readFileSync(journal, 'utf8')).toBe(keys);
  });

  test('down leaves no process and no pid file', async () => {
    const before = await processes();
    expect(await services('down', '--base', String(BASE))).toMatchObject({ code: 0, stdout: '' });
    expect(before.filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect((await processes()).map(({ state }) => state)).toEqual(['down', 'down']);
  });
});

test('a suite that needs what is not up is told so in one sentence', async () => {
  vi.stubEnv('CALLSEAL_SERVICES_BASE', String(BASE));
  expect(await whatIsMissing('redis', 'kms')).toBe(
    '(skipped: no redis, kms here; scripts/services up starts it)',
  );
  vi.unstubAllEnvs();
});

describe('wrong usage', () => {
  test.for([
    [['start'], "there is no command 'start'"],
    [['up', '--only', 'kafka,mongo'], "there is no service 'mongo'"],
    [['up', '--only', ''], '--only takes names'],
    [['up', '--brokers', '4'], '--brokers takes a whole number from 1 to 3'],
    [['up', '--base', '-5'], '--base takes a whole number from 0 to 40000'],
    [['status', '--loud'], "there is no option '--loud'"],
  ] as [string[], string][])('%j exits 2 and says why', async ([words, sentence]) => {
    const ended = await services(...words);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(sentence);
    expect(ended.stderr).toContain('hint: scripts/services --help');
  });

  test('--help is data: on stdout, with an example', async () => {
    expect(await services('--help')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('example: '),
    });
  });
});
