import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadSettings } from '../../src/config/load-settings.ts';
import { pythonTool, run, toolFolder } from '../deploy/tools.ts';

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly healthcheck?: object;
  readonly secrets?: readonly string[];
  readonly network_mode?: string;
  readonly [field: string]: unknown;
}

const TEXT = readFileSync('docker-compose.yml', 'utf8');
const FILE: {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
} = parse(TEXT, { merge: true });
const SERVICES = Object.entries(FILE.services);
let python: string;

beforeAll(() => {
  python = toolFolder('python');
}, 600_000);

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-compose-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const SCHEMA = ['--builtin-schema', 'vendor.compose-spec'];

test('the compose specification knows every field', () => {
  const { status, text } = pythonTool(python, 'check_jsonschema', [...SCHEMA, 'docker-compose.yml']);
  expect([status, text]).toEqual([0, 'ok -- validation done\n']);
});

test('a misspelt field is refused', () => {
  const misspelt = TEXT.replace('cap_drop', 'capdrop');
  expect(pythonTool(python, 'check_jsonschema', [...SCHEMA, '-'], misspelt).status).toBe(1);
});

/** Where a container has what the script has elsewhere. */
function inContainer(word: string, folder: string): string {
  const checkout = process.cwd();
  const places: readonly (readonly [string, string])[] = [
    [folder, ''],
    [`file:${checkout}/scripts/services.d/kafka/`, 'file:/config/'],
    [checkout, '/checkout'],
    ['/tools/kafka-4.3.1/*', '/opt/kafka/libs/*'],
    ['/tools/seaweedfs-4.48/bin/weed', 'weed'],
    ['/bin/postgres', 'postgres'],
    ['/data/kafka-of-1/kafka-1/server.properties', '/config/kafka.properties'],
    ['/data/s3-second/identities.json', '/config/identities.json'],
    ['/data/redis/redis.conf', '/config/redis.conf'],
    ['/data/postgres/pg_hba.conf', '/config/pg_hba.conf'],
    ['/data/postgres/tls/', '/run/secrets/'],
  ];
  const placed = places.reduce((text, [from, to]) => text.replace(from, to), word);
  return placed === '/secrets' ? '/run/secrets' : placed;
}

test('each container runs what scripts/services runs', () => {
  const folder = temporary();
  const { status, text } = run('bash', ['test/deploy/script-commands.sh', process.cwd(), folder]);
  expect([status, text.trim().split('\n').length]).toEqual([0, 5]);
  for (const line of text.trim().split('\n')) {
    const [name = '', ...words] = line.split('\t');
    const placed = words.map((word) => inContainer(word, folder));
    // The image's own Node.js stands where the script looks for one.
    const command = placed[0] === 'sh' ? placed.slice(2) : placed;
    expect([name, FILE.services[name]?.command]).toEqual([name, command]);
  }
});

test('every container that stays says whether it is well, and waits for those that do', () => {
  const staying = SERVICES.filter(([name]) => name !== 'kafka-format');
  // The worker's check is the image's.
  expect(staying.filter(([name, { healthcheck }]) => name !== 'worker' && !healthcheck)).toEqual([]);
});

test('no container writes its root, has a capability, or is asked from another machine', () => {
  for (const [name, service] of SERVICES) {
    expect([name, service]).toMatchObject([
      name,
      { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], network_mode: 'host' },
    ]);
    expect(service['ports']).toBeUndefined();
  }
  const said = TEXT + readFileSync('deploy/compose/production.yaml', 'utf8');
  expect(said).not.toContain('0.0.0.0');
});

test('no image has a default, and none is built of another', () => {
  const images = SERVICES.flatMap(([, { image }]) => image ?? []);
  expect(images.filter((image) => !/^\$\{[A-Z]+_IMAGE:\?/.test(image))).toEqual([]);
  const example = readFileSync('deploy/compose/images.env.example', 'utf8');
  const wanted = new Set([...TEXT.matchAll(/\$\{([A-Z]+_IMAGE):/g)].map(([, name = '']) => name));
  expect([...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => name).toSorted()).toEqual(
    [...wanted].toSorted(),
  );
});

test('a secret is a file, named by what it is, and given to nobody who does not need it', () => {
  const used = new Set(SERVICES.flatMap(([, { secrets }]) => secrets ?? []));
  expect([...used].toSorted()).toEqual(Object.keys(FILE.secrets).toSorted());
  for (const [name, { file }] of Object.entries(FILE.secrets)) expect(file).toMatch(new RegExp(`/${name}$`));
  const said = SERVICES.map(([, { command }]) => command?.join(' ') ?? '').join('\n');
  expect(said).not.toMatch(/password|secret_/i);
});

test('the settings of the worker are settings', async () => {
  const { settings } = await loadSettings({
    profile: 'production',
    profiles: 'deploy/compose',
    environment: {},
    folder: process.cwd(),
  });
  const given = FILE.services['worker']?.secrets ?? [];
  const named = [...JSON.stringify(settings).matchAll(/"\/run\/secrets\/([^"]+)"/g)].map(
    ([, name = '']) => name,
  );
  expect([...new Set(named)].toSorted()).toEqual([...given].toSorted());
});
