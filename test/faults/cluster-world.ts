import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { openKafkaInbox } from '../../src/adapters/inbox/kafka.ts';
import { type TopicNames, topicNames } from '../../src/adapters/inbox/topics.ts';
import { topicAdmin } from '../../src/adapters/kafka/topic-admin.ts';
import { clientsOf } from '../adapters/kafka/test-topics.ts';
import { putSource } from '../services/edge-bucket.ts';
import { type ServicesEnv, servicesEnv } from '../services/env.ts';
import { asSuperuser } from '../services/postgres-schema.ts';
import { productEnvironment } from '../services/product-environment.ts';
import { productionSettings } from '../services/production-settings.ts';
import { eventOf, OBJECTS, PACE, recording, TENANTS, tenantsOf, transcript } from './store-settings.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const HOOK = join(ROOT, 'test/faults/hook.ts');
const PREFIX = 'callseal';
const GROUP = 'callseal-worker';
const PARTITIONS = 6;
const PUBLISH_WITHIN_MS = 120_000;
const never = new AbortController().signal;

export interface ClusterWorker {
  readonly pid: number;
  /** Still there, stopped by a signal or not. */
  alive(): boolean;
  signal(name: NodeJS.Signals): void;
  /** @returns exit code or signal */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Profile production as it stands, on a cluster of its own: Kafka, S3, KMS, PostgreSQL and Redis, all over TLS. */
export interface ClusterWorld {
  readonly services: ServicesEnv;
  readonly topics: TopicNames;
  readonly database: string;
  /** @param env - for the crash hook */
  startWorker(env?: Readonly<Record<string, string>>): ClusterWorker;
  /** Publishes until a broker has it; a try whose reply was lost may stand there twice. */
  publish(tenant: string, call: string, revision: number, artifacts?: readonly object[]): Promise<void>;
  /** Ends a process of the services as a crash would: `kafka-1`, `s3`, … */
  kill(name: string): Promise<void>;
  /** Starts what is not running, and waits until it answers. */
  revive(): Promise<void>;
  /** Puts a fresh certificate where the workers read theirs. @returns its serial number */
  rotateCertificate(): Promise<string>;
  callseal(words: readonly string[]): Promise<string>;
  /** What workers have said, the newest last. */
  said(): string;
  remove(): Promise<void>;
}

/** @param base - a set of services that nothing else uses: these get killed. What it held before is removed */
export async function clusterWorld(base: number, brokers: 1 | 3): Promise<ClusterWorld> {
  const home = join(ROOT, `.services/base-${base}`);
  const services = async (verb: 'up' | 'down'): Promise<void> => {
    const only = verb === 'up' ? ['--only', 'kafka,s3,kms,postgres,redis', '--brokers', String(brokers)] : [];
    await run(join(ROOT, 'scripts/services'), [verb, ...only, '--base', String(base)], {
      maxBuffer: 2 ** 24,
    });
  };
  await services('down');
  await rm(join(home, 'data'), { recursive: true, force: true });
  await services('up');
  const env = servicesEnv(base);
  const folder = await mkdtemp(join(tmpdir(), 'callseal-cluster-'));
  const database = `faults_${process.pid}`;
  const topics = topicNames(PREFIX);
  await asSuperuser(`create database ${database} owner ${env.postgres.users.owner.user}`, base);
  await ensureTopics(base, topics);
  for (const end of ['crt', 'key'] as const) {
    await copyFile(workerFile(env, end), join(folder, `worker.${end}`));
  }
  const config = join(folder, 'settings.yaml');
  const production = productionSettings(env, {
    prefix: PREFIX,
    group: GROUP,
    database,
    bucket: OBJECTS,
    certificate: { cert: join(folder, 'worker.crt'), key: join(folder, 'worker.key') },
    tenants: tenantsOf(env),
  });
  await writeFile(config, JSON.stringify({ ...PACE, ...production }));
  const node = ['--no-warnings', '--disable-proto=delete'];
  const where = ['--profile', 'production', '--config', config];
  const callseal = async (words: readonly string[]): Promise<string> => {
    const cli = [...node, join(ROOT, 'src/cli.ts'), ...where, ...words];
    const options = { maxBuffer: 2 ** 28, env: productEnvironment() };
    return (await run(process.execPath, cli, options)).stdout;
  };
  const { owner } = env.postgres.users;
  await callseal(['registry', 'migrate', '--user', owner.user, '--password-file', owner.passwordFile]);
  for (const tenant of TENANTS) {
    await putSource(env, `${tenant}/audio.raw`, AUDIO);
    await putSource(env, `${tenant}/transcript.json`, Buffer.from('{"turns":[]}'));
  }

  const edge = await clientsOf('edge', { base });
  const inbox = openKafkaInbox({
    clients: edge,
    brokers: env.kafka.brokers,
    topics,
    group: GROUP,
    prefix: PREFIX,
    limits: { calls: 1, bytes: 1 },
    window: { offsets: 64, bytes: 1 },
    heldDelayMs: 1,
  });
  const workers = new Set<ChildProcess>();
  let said = '';
  return {
    services: env,
    topics,
    database,
    startWorker: (more = {}) => {
      const words = [...node, '--import', HOOK, join(ROOT, 'src/main.ts'), ...where];
      const child = spawn(process.execPath, words, {
        env: productEnvironment(more),
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      workers.add(child);
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        // What answers are called `info`; what goes wrong is told by others.
        const told = text.split('\n').filter((line) => !line.includes('"level":"info"'));
        said = (said + told.join('\n')).slice(-20_000);
      });
      const { pid } = child;
      if (pid === undefined) throw new Error('the worker did not start');
      return {
        pid,
        alive: () => child.exitCode === null && child.signalCode === null,
        signal: (name) => void child.kill(name),
        ended: once(child, 'close').then(() => {
          workers.delete(child);
          return child.exitCode ?? child.signalCode;
        }),
      };
    },
    publish: async (tenant, call, revision, artifacts = ARTIFACTS) => {
      const value = Buffer.from(JSON.stringify(eventOf(tenant, call, { revision, artifacts })));
      const headers = { 'content-type': 'application/cloudevents+json' };
      const record = { topic: topics.inbox[0] ?? '', key: `${tenant}/${call}`, headers, value };
      for (const from = performance.now(); ; ) {
        const failure = await inbox.publish(record, never).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure === undefined) return;
        if (performance.now() - from > PUBLISH_WITHIN_MS) throw failure;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    },
    kill: async (name) => {
      const [pid] = (await readFile(join(env.run, `${name}.pid`), 'utf8')).split(/\s+/);
      process.kill(Number(pid), 'SIGKILL');
    },
    revive: async () => await services('up'),
    rotateCertificate: async () => await rotate(env, folder),
    callseal,
    said: () => said,
    remove: async () => {
      for (const child of workers) child.kill('SIGKILL');
      await inbox.close();
      edge.stop();
      await services('down');
      await rm(folder, { recursive: true, force: true });
      await rm(join(home, 'data'), { recursive: true, force: true });
    },
  };
}

/** Half a second of a tone, two channels. */
const AUDIO = Buffer.alloc(16_000);
for (let i = 0; i < AUDIO.length / 2; i++) AUDIO.writeInt16LE(Math.round(8000 * Math.sin(i / 3)), i * 2);

/** Of every call: what is new of each is its name, its key and its place. */
const ARTIFACTS = [recording('audio.raw'), transcript('transcript.json')];

async function ensureTopics(base: number, topics: TopicNames): Promise<void> {
  const clients = await clientsOf('admin', { base });
  const principals = {
    edge: 'edge',
    worker: 'worker',
    operator: 'operator',
    reader: 'reader',
    auditor: 'auditor',
  };
  const admin = await topicAdmin({ clients, topics, prefix: PREFIX, group: GROUP, principals });
  await admin.ensure({ partitions: PARTITIONS }, never);
  await admin.close();
  clients.stop();
}

function workerFile({ kafka }: ServicesEnv, end: 'crt' | 'key'): string {
  return end === 'crt' ? kafka.principals.worker.cert : kafka.principals.worker.key;
}

async function rotate({ tls, kafka }: ServicesEnv, folder: string): Promise<string> {
  const at = (name: string): string => join(folder, name);
  const { worker } = kafka.principals;
  const authority = join(dirname(worker.cert), 'ca');
  const openssl = async (words: readonly string[]) => await run('openssl', words);
  const fresh = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=worker',
  ];
  await openssl(['req', ...fresh, '-keyout', at('new.key'), '-out', at('new.csr')]);
  const signed = ['-CA', tls.ca, '-CAkey', `${authority}.key`, '-days', '2'];
  await openssl(['x509', '-req', '-in', at('new.csr'), ...signed, '-out', at('new.crt')]);
  const { stdout } = await openssl(['x509', '-in', at('new.crt'), '-noout', '-serial']);
  // A reader between the two finds a pair that does not fit, and keeps what it has until its next look.
  await rename(at('new.key'), at('worker.key'));
  await rename(at('new.crt'), at('worker.crt'));
  return stdout.trim();
}
