import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DisableKeyCommand, EnableKeyCommand, ListAliasesCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ask } from '../ops/ask.ts';
import { makeAuthority } from '../services/certificates.ts';
import { servicesEnv, whatIsMissing } from '../services/env.ts';
import { type KmsProcess, startKms } from '../services/kms-process.ts';
import { productEnvironment } from '../services/product-environment.ts';
import { callEvent } from '../work/given.ts';
import { freePort } from './free-port.ts';
import { type KafkaWorld, kafkaWorld } from './kafka-world.ts';
import { openRunbook, type Runbook, type Said } from './runbook.ts';

/** Blocks of docs/runbooks/ that need a service: the same commands on Kafka, PostgreSQL, Redis and the KMS stand-in. */
const missing = await whatIsMissing('kafka', 'postgres', 'redis');
const MAIN = join(import.meta.dirname, '../../src/main.ts');
const RUNBOOKS = [
  'docs/operate.md',
  ...['deploy', 'kms-key-disabled', 'certificate-rotation', 'redis-lost'].map(
    (name) => `docs/runbooks/${name}.md`,
  ),
];
const SOON = { timeout: 60_000, interval: 200 };

describe.skipIf(missing)(`runbooks on real services ${missing ?? ''}`, () => {
  let world: KafkaWorld;
  let kms: KmsProcess;
  let worker: ChildProcess;
  let said = '';
  let admin: number;
  let settings: Settings;
  let runbooks: ReadonlyMap<string, Runbook>;

  beforeAll(async () => {
    world = await kafkaWorld(1);
    runbooks = new Map(RUNBOOKS.map((page) => [page, openRunbook(page, world.folder, {})]));
    kms = await startKms(join(world.folder, 'kms'));
    admin = await freePort();
    mkdirSync(join(world.folder, 'certs'));
    mkdirSync(join(world.folder, 'new'));
    const { kafka, redis, tls } = servicesEnv();
    for (const folder of ['certs', 'new']) copyPair(kafka.principals.worker, join(world.folder, folder));
    const given: Settings = JSON.parse(readFileSync(join(world.folder, world.config()), 'utf8'));
    settings = {
      ...given,
      kafka: { ...given.kafka, tls: { ca: tls.ca, cert: 'certs/worker.crt', key: 'certs/worker.key' } },
      keys: {
        kind: 'aws-kms',
        region: 'us-east-1',
        endpoint: kms.endpoint,
        deadLetter: 'alias/callseal-dlq',
        ca: join(world.folder, 'kms/cert.pem'),
        credentialsFile: join(world.folder, 'kms/kms-worker'),
      },
      jobs: { kind: 'bullmq', host: redis.host, port: redis.port, ...redis.users.callseal, ca: tls.ca },
      ops: { admin: `127.0.0.1:${admin}` },
      tenants: {
        ...given.tenants,
        't-1': { ...given.tenants['t-1'], keks: { phi: 'alias/t-1-phi', voiceprint: 'alias/t-1-voice' } },
      },
    };
    put(settings);
    const words = [MAIN, '--profile', 'local', '--config', 'worker.yaml'];
    worker = spawn(process.execPath, ['--no-warnings', ...words], {
      cwd: world.folder,
      env: { ...productEnvironment(), CALLSEAL_SERVICES_BASE: undefined },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    worker.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    await vi.waitFor(paused, SOON);
  });
  afterAll(async () => {
    worker?.kill('SIGKILL');
    await kms?.stop();
    await world?.remove();
  });

  const put = (chosen: Settings, name = 'worker.yaml'): void =>
    writeFileSync(join(world.folder, name), JSON.stringify(chosen));
  const block = async (page: string, name: string, changes = {}): Promise<Said> => {
    const runbook = runbooks.get(page);
    if (runbook === undefined) throw new TypeError(`there is no page ${page}`);
    return await runbook.run(name, changes);
  };
  const paused = async (): Promise<unknown> => JSON.parse((await ask(admin, '/status')).body).paused;
  const adminPort = () => ({ '127.0.0.1:9401': `127.0.0.1:${admin}` });

  test('operate: settings, tables, topics and rights, the machine, from the page alone', async () => {
    const page = 'docs/operate.md';
    const own = { '--profile production': '--config worker.yaml' };
    expect((await block(page, 'settings', own)).out).toMatch(/^the settings of profile local are good/);
    const { passwordFile } = servicesEnv().postgres.users.owner;
    const migrated = await block(page, 'registry', { ...own, '/run/secrets/pg-owner': passwordFile });
    expect(migrated).toEqual({ ...migrated, code: 0 });
    const { cert, key } = servicesEnv().kafka.principals.admin;
    put(
      { ...settings, kafka: { ...settings.kafka, tls: { ca: servicesEnv().tls.ca, cert, key } } },
      'admin.yaml',
    );
    const names = { 'edge=pbx-1': 'edge=edge', 'worker=callseal-worker': 'worker=worker' };
    const made = await block(page, 'topics', { '--profile production': '', ...names });
    expect(made).toEqual({ ...made, code: 0 });
    const looked = await block(page, 'doctor', own);
    expect(looked).toEqual({ ...looked, code: 0 });
  });

  test('deploy: tables are brought to this version and looked at', async () => {
    const { passwordFile } = servicesEnv().postgres.users.owner;
    const migrated = await block('docs/runbooks/deploy.md', 'migrate', { 'pg-owner': passwordFile });
    expect(migrated).toEqual({ ...migrated, code: 0 });
  });

  test('a key is disabled: its tenant waits, everybody sees why, and it goes on when it is enabled', async () => {
    const page = 'docs/runbooks/kms-key-disabled.md';
    const root = kms.client('root');
    const { Aliases = [] } = await root.send(new ListAliasesCommand({}));
    const KeyId = Aliases.find(({ AliasName }) => AliasName === 'alias/t-1-phi')?.TargetKeyId;
    await root.send(new DisableKeyCommand({ KeyId }));
    await world.publish('waited');
    await vi.waitFor(
      async () =>
        expect(await paused()).toMatchObject([{ scope: 'tenant', tenant: 't-1', code: 'KEY_DISABLED' }]),
      SOON,
    );
    const [which, waiting, held] = await Promise.all([
      block(page, 'which'),
      block(page, 'waiting', adminPort()),
      block(page, 'held'),
    ]);
    expect(which.code).toBe(8);
    expect(which.out).toMatch(/^keys .*BAD +alias\/t-1-phi is disabled$/m);
    expect(which.err).toContain(`aws kms enable-key --key-id ${KeyId}`);
    expect(waiting).toMatchObject({ code: 0, out: expect.stringContaining('"code":"KEY_DISABLED"') });
    expect(waiting.out).toMatch(/^inbox {5}1 waiting/m);
    expect(held).toEqual({ ...held, code: 0 });

    await root.send(new EnableKeyCommand({ KeyId }));
    root.destroy();
    const proved = await block(page, 'prove');
    expect(proved).toMatchObject({ code: 0, out: expect.stringMatching(/^ok +t-1\/waited transcript/m) });
    await vi.waitFor(async () => expect(await paused()).toEqual([]), SOON);
    const over = await block(page, 'over');
    expect(over).toEqual({ ...over, code: 0 });
    expect(over.out).toMatch(/alias\/t-1-phi is enabled/);
    expect(over.out).toMatch(/^parked {4}0$/m);
  });

  test('operate: a first call is followed to its bytes, and what comes again by itself is done by hand', async () => {
    const page = 'docs/operate.md';
    const own = { '--profile production': '--config worker.yaml' };
    const envelope = {
      specversion: '1.0',
      id: 'n',
      source: 'urn:edge',
      type: 'callseal.call.completed.v1',
    };
    const event = { ...envelope, data: callEvent({ call: 'next' }) };
    writeFileSync(join(world.folder, 'event.json'), JSON.stringify(event));
    const [judged, first, byhand, status] = await Promise.all([
      block(page, 'event', own),
      block(page, 'first', { ...own, 't-42/c-0001': 't-1/waited' }),
      block(page, 'byhand', own),
      block(page, 'status', own),
    ]);
    expect(judged.out).toMatch(/^sealed: the worker would seal 1 artifact/);
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^ok +t-1\/waited transcript/m) });
    expect(byhand).toEqual({ ...byhand, code: 0 });
    expect(status.out).toMatch(/^inbox {5}0 waiting/m);
  });

  test('a certificate is refused, is exchanged under a worker that runs, and is taken', async () => {
    const page = 'docs/runbooks/certificate-rotation.md';
    const files = await block(page, 'files', adminPort());
    expect(files.out).toMatch(/^callseal_certificate_expiry\w+\{setting="kafka.tls.cert"\} \d/m);
    copyPair(makeAuthority(world.folder, 'stranger').issue('worker', 90), join(world.folder, 'certs'));
    const look = await block(page, 'look');
    expect([6, 8]).toContain(look.code);
    expect(look.out).toMatch(/^kafka .*(BAD|DOWN)/m);
    expect(await block(page, 'put')).toMatchObject({ code: 0, err: '' });
    const renewed = await block(page, 'new');
    expect(renewed).toEqual({ ...renewed, code: 0 });
    expect(renewed.out).toMatch(/^kafka +certificate +ok /m);
  });

  test('Redis is away: doctor says so of jobs alone', async () => {
    const page = 'docs/runbooks/redis-lost.md';
    put({ ...settings, jobs: { ...settings['jobs'], port: 1 } });
    const away = await block(page, 'doctor');
    put(settings);
    expect(away.code).toBe(6);
    expect(away.out.match(/^\w+ .*(BAD|DOWN)/gm)?.map((line) => line.split(' ')[0])).toEqual(['jobs']);
    expect(await block(page, 'doctor')).toMatchObject({ code: 0 });
  });

  test('the first signal drains, and the worker ends well', async () => {
    const ended = once(worker, 'close');
    worker.kill('SIGTERM');
    await ended;
    expect({ code: worker.exitCode, said }).toEqual({ code: 0, said });
  });
});

/** What is changed here of the settings that kafkaWorld writes. */
interface Settings {
  readonly kafka: Readonly<Record<string, unknown>>;
  readonly tenants: Readonly<Record<string, object | null>>;
  readonly [block: string]: object;
}

function copyPair({ cert, key }: { readonly cert: string; readonly key: string }, folder: string): void {
  copyFileSync(cert, join(folder, 'worker.crt'));
  copyFileSync(key, join(folder, 'worker.key'));
}
