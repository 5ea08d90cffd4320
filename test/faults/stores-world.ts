import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { open } from '../../src/compose.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import type { Ports } from '../../src/ports/ports.ts';
import { putSource } from '../services/edge-bucket.ts';
import { readSecret, type ServiceName, type ServicesEnv, servicesEnv } from '../services/env.ts';
import { KmsAdmin } from '../services/kms-admin.ts';
import { productEnvironment } from '../services/product-environment.ts';
import { eventOf, settingsOf } from './store-settings.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const SERVICES = join(ROOT, 'scripts/services');
/** A set of services of its own beside the one that the other tests use: these get killed. */
const BASE = 2000;

/** One worker on real stores: objects and sources in S3, keys in the KMS stand-in, the registry in PostgreSQL. */
export interface StoresWorld {
  readonly services: ServicesEnv;
  readonly ports: Ports;
  readonly kms: KmsAdmin;
  /** Publishes a call of one audio file, which is put into the tenant's source bucket first. */
  publish(tenant: string, call: string, audio: Buffer): Promise<void>;
  startWorker(): void;
  stopWorker(): Promise<void>;
  /** Everything the worker said so far. */
  said(): string;
  /** Ends a service as a crash would. */
  kill(name: ServiceName): Promise<void>;
  /** Starts what is not running. */
  revive(): Promise<void>;
  callseal(words: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

export async function storesWorld(): Promise<StoresWorld> {
  await services('up');
  const env = servicesEnv(BASE);
  const folder = await mkdtemp(join(tmpdir(), 'callseal-stores-'));
  const data = join(folder, 'data');
  const config = join(folder, 'settings.yaml');
  const database = `faults_${process.pid}_${Date.now()}`;
  await makeDatabase(env, database);
  await writeFile(config, JSON.stringify(settingsOf(env, database)));
  const node = ['--no-warnings', '--disable-proto=delete'];
  const where = ['--profile', 'local', '--config', config, '--data', data];
  const cli = [...node, join(ROOT, 'src/cli.ts'), ...where];
  const callseal = async (words: readonly string[]): Promise<string> =>
    (await run(process.execPath, [...cli, ...words], { maxBuffer: 2 ** 26, env: productEnvironment() }))
      .stdout;
  const { owner } = env.postgres.users;
  await callseal(['registry', 'migrate', '--user', owner.user, '--password-file', owner.passwordFile]);

  const flags = [{ path: ['data'], value: data, flag: '--data' }];
  const opened = await open(
    await loadSettings({ profile: 'local', file: config, environment: {}, folder: ROOT, flags }),
    {
      version: 'test',
      ticket: undefined,
      actor: { kind: 'operator', id: 'test' },
      onKeyFileCreated: () => undefined,
    },
  );
  let worker: ChildProcess | undefined;
  let said = '';
  return {
    services: env,
    ports: opened.ports,
    kms: new KmsAdmin(
      env.kms.endpoint,
      await readFile(env.tls.ca, 'utf8'),
      readSecret(env.kms.adminSecretFile),
    ),
    publish: async (tenant, call, audio) => {
      await putSource(env, `${tenant}/${call}.raw`, audio);
      const headers = { 'content-type': 'application/cloudevents+json' };
      const value = Buffer.from(JSON.stringify(eventOf(tenant, call)));
      const record = { topic: 'callseal.calls.completed', key: `${tenant}/${call}`, headers, value };
      await opened.ports.inbox.publish(record, AbortSignal.timeout(30_000));
    },
    startWorker: () => {
      worker = spawn(process.execPath, [...node, join(ROOT, 'src/cli.ts'), ...where, 'worker'], {
        env: productEnvironment(),
      });
      worker.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    },
    stopWorker: async () => {
      if (!worker || worker.exitCode !== null || worker.signalCode !== null) return;
      const closed = once(worker, 'close');
      worker.kill('SIGTERM');
      await closed;
    },
    said: () => said,
    kill: async (name) => {
      const pid = Number((await readFile(join(env.run, `${name}.pid`), 'utf8')).trim().split(/\s+/)[0]);
      process.kill(pid, 'SIGKILL');
    },
    revive: async () => await services('up'),
    callseal,
    remove: async () => {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
      await services('down');
    },
  };
}

async function services(command: 'up' | 'down'): Promise<void> {
  const only = command === 'up' ? ['--only', 's3,kms,postgres'] : [];
  await run(SERVICES, [command, ...only, '--base', String(BASE)], { maxBuffer: 2 ** 24 });
}

async function makeDatabase({ postgres, tls }: ServicesEnv, name: string): Promise<void> {
  const { superuser, owner } = postgres.users;
  const client = new Client({
    host: postgres.host,
    port: postgres.port,
    database: 'postgres',
    user: superuser.user,
    password: readSecret(superuser.passwordFile),
    ssl: { ca: await readFile(tls.ca, 'utf8') },
  });
  await client.connect();
  await client.query(`create database ${name} owner ${owner.user}`);
  await client.end();
}
