import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pythonTool, run, toolFolder } from '../deploy/tools.ts';

/** The user of the Dockerfile. */
const USER = 65532;
const DOCKERFILE = readFileSync('Dockerfile', 'utf8');

let folder: string;
let app: string;
let port: number;

/** What .dockerignore lets in, built by the script that the Dockerfile runs, into what would be /app. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-image-'));
  chmodSync(folder, 0o755);
  app = join(folder, 'app');
  const source = join(folder, 'source');
  mkdirSync(join(source, 'deploy'), { recursive: true });
  for (const path of contextPaths()) cpSync(path, join(source, path), { recursive: true });
  const build = `cd '${source}' && exec sh '${process.cwd()}/tools/node/use.sh' sh deploy/image/build.sh '${app}'`;
  const { status, text } = run('sh', ['-c', build]);
  if (status !== 0) throw new Error(`the image could not be built: ${text}`);
  // As in an image, Node.js stands where everybody may run it; a checkout may be below a closed folder.
  mkdirSync(join(folder, 'runtime'));
  copyFileSync(process.execPath, join(folder, 'runtime/node'));
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, USER, USER);
  port = await freePort();
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

function contextPaths(): string[] {
  return [...readFileSync('.dockerignore', 'utf8').matchAll(/^!(.+)$/gm)]
    .map(([, path = '']) => path)
    .filter((path) => path !== 'deploy');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** As the image's user: no group, no capability, no way to get one; nothing but the data folder may be written. */
const AS_USER = [
  '--reuid',
  String(USER),
  '--regid',
  String(USER),
  '--clear-groups',
  '--no-new-privs',
  '--inh-caps=-all',
  '--bounding-set=-all',
];

function environment(): Record<string, string> {
  return {
    PATH: `${join(app, 'bin')}:${join(folder, 'runtime')}:/usr/bin:/bin`,
    NODE_ENV: 'production',
    CALLSEAL_DATA: join(folder, 'data/callseal'),
    CALLSEAL_OPS__PROBES: `127.0.0.1:${port}`,
  };
}

function asUser(words: readonly string[]) {
  try {
    const text = execFileSync('setpriv', [...AS_USER, ...words], {
      env: environment(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { status: 0, text };
  } catch (error) {
    return error as { status: number; stderr: string };
  }
}

const HEALTH = (JSON.parse(/^HEALTHCHECK .* CMD (\[.*\])$/m.exec(DOCKERFILE)?.[1] ?? '[]') as string[]).map(
  (word) => word.replace('/app/', '@/'),
);
const health = () => asUser(HEALTH.map((word) => word.replace('@', app)));

test('hadolint has nothing to say about the Dockerfile', () => {
  expect(pythonTool(toolFolder('python'), 'hadolint', ['--no-color', 'Dockerfile'])).toEqual({
    status: 0,
    text: '',
  });
});

test('no image is named but by an argument without a default, which must hold a digest', () => {
  const from = [...DOCKERFILE.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(from).toEqual(['${NODE_IMAGE}', '${NODE_IMAGE}']);
  expect(DOCKERFILE).not.toMatch(/^ARG NODE_IMAGE=/m);
  const check = /RUN (case "\$\{NODE_IMAGE\}".*?esac)/s.exec(DOCKERFILE)?.[1] ?? 'exit 9';
  const refused = (image: string) => run('env', [`NODE_IMAGE=${image}`, 'sh', '-euc', check]).status;
  expect([refused('node:24'), refused('node:24@sha256:0123')]).toEqual([1, 0]);
});

test('the image holds what runs, a list of it, and nothing that builds or tests', () => {
  expect(readdirSync(app).toSorted()).toEqual([
    'LICENSE',
    'bin',
    'config',
    'dist',
    'node_modules',
    'package.json',
    'sbom.cdx.json',
  ]);
  expect(existsSync(join(app, 'node_modules/typescript'))).toBe(false);
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const sbom: { components: { name: string; version: string }[] } = JSON.parse(
    readFileSync(join(app, 'sbom.cdx.json'), 'utf8'),
  );
  const listed = Object.fromEntries(sbom.components.map(({ name, version }) => [name, version]));
  expect(listed).toMatchObject(dependencies);
  expect(Object.keys(listed)).not.toContain('vitest');
});

test('the processes of the image start with the options of bin/callseal', () => {
  const optionsOf = (file: string) =>
    readFileSync(file, 'utf8')
      .match(/ --(?:max|disable)[a-z-]+(?:=\w+)?/g)
      ?.toSorted();
  for (const file of ['worker', 'callseal']) {
    expect(optionsOf(`deploy/image/${file}`)).toEqual(optionsOf('bin/callseal'));
    expect(readFileSync(`deploy/image/${file}`, 'utf8')).toContain('ulimit -c 0');
  }
});

test('the worker runs as the image runs it, is healthy by its own probe, writes its data folder alone, and stops', async () => {
  expect(health().status).toBe(1);
  const settings = join(folder, 'settings.yaml');
  writeFileSync(settings, 'tenants: { demo: null }\n');
  const words = [...AS_USER, join(app, 'bin/worker'), '--profile', 'local', '--config', settings];
  const worker = spawn('setpriv', words, {
    cwd: app,
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const ended = new Promise<number | null>((resolve) => worker.on('exit', resolve));
  const started = new Promise<void>((resolve) => {
    worker.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes('worker started')) resolve();
    });
  });
  try {
    expect(await Promise.race([started, ended])).toBeUndefined();
    expect(health()).toMatchObject({ status: 0 });
    const status = readFileSync(`/proc/${worker.pid}/status`, 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:(\\s+${USER}){4}$`, 'm'));
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(readFileSync(`/proc/${worker.pid}/limits`, 'utf8')).toMatch(/^Max core file size\s+0\s/m);
    expect(run('find', [folder, '-uid', String(USER), '-not', '-path', `${folder}/data*`]).text).toBe('');
    expect(run('find', [app, '-perm', '/022', '-not', '-type', 'l']).text).toBe('');
  } finally {
    worker.kill('SIGTERM');
  }
  expect([await ended, said]).toEqual([0, said]);
  expect(health().status).toBe(1);
});

test('the command of the image names its version, and wants a profile', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(asUser([join(app, 'bin/callseal'), '--version'])).toMatchObject({ status: 0, text: `${version}\n` });
  expect(asUser([join(app, 'bin/callseal'), 'status'])).toMatchObject({ status: 8 });
});
