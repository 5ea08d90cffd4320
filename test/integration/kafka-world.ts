import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKafkaEvents } from '../../src/adapters/events/kafka.ts';
import { openKafkaInbox } from '../../src/adapters/inbox/kafka.ts';
import { type TopicNames, topicNames } from '../../src/adapters/inbox/topics.ts';
import type { KafkaClients } from '../../src/adapters/kafka/client.ts';
import { topicAdmin } from '../../src/adapters/kafka/topic-admin.ts';
import { openPostgres } from '../../src/adapters/postgres/connection.ts';
import { postgresAdmin } from '../../src/adapters/registry/postgres-admin.ts';
import { ALL_TENANTS } from '../../src/adapters/registry/sql.ts';
import type { Events } from '../../src/ports/events.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import type { TopicAdmin } from '../../src/ports/topic-admin.ts';
import { brokersHere, clientsOf } from '../adapters/kafka/test-topics.ts';
import { type KafkaPrincipal, servicesEnv } from '../services/env.ts';
import { asSuperuser, migrationFact, postgresOptions } from '../services/postgres-schema.ts';
import { artifact, callEvent, recordOf, TRANSCRIPT } from '../work/given.ts';

const ROOT = join(import.meta.dirname, '../..');
const HOOK = join(ROOT, 'test/faults/hook.ts');
const signal = new AbortController().signal;

/** Certificates as `topics ensure` knows them without being told. */
const PRINCIPALS = {
  edge: 'edge',
  worker: 'worker',
  operator: 'operator',
  reader: 'reader',
  auditor: 'auditor',
} as const;

export interface Worker {
  readonly process: ChildProcess;
  said(): string;
  /** @returns exit code or signal */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Topics with the rights of production, a registry in a database of its own, and the real worker on both. */
export interface KafkaWorld {
  readonly prefix: string;
  readonly group: string;
  readonly topics: TopicNames;
  readonly admin: TopicAdmin;
  /** Of the registry. */
  readonly database: string;
  /** Where the workers run and keep their data; holds the edge's files. */
  readonly folder: string;
  /** The settings of a worker, as the name of a file in `folder`. */
  config(): string;
  clients(principal: KafkaPrincipal): Promise<KafkaClients>;
  events(principal: KafkaPrincipal): Promise<Events>;
  inbox(principal: KafkaPrincipal): Promise<Inbox>;
  /** An edge publishes the event of a call with one transcript. */
  publish(call: string): Promise<void>;
  /** @param brokers - another way to the cluster */
  startWorker(env?: Record<string, string>, brokers?: readonly string[]): Worker;
  /** Answers of the registry. */
  answers(): Promise<number>;
  remove(): Promise<void>;
}

export async function kafkaWorld(partitions: number): Promise<KafkaWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-kafka-'));
  const prefix = `it-${randomBytes(5).toString('hex')}`;
  const group = `${prefix}-worker`;
  const topics = topicNames(prefix);
  const closing: (() => Promise<unknown>)[] = [];
  const clients = async (principal: KafkaPrincipal): Promise<KafkaClients> => {
    const made = await clientsOf(principal);
    closing.push(async () => made.stop());
    return made;
  };
  const admin = await topicAdmin({
    clients: await clients('admin'),
    topics,
    prefix,
    group,
    principals: PRINCIPALS,
  });
  await admin.ensure({ partitions }, signal);
  const database = await freshDatabase();
  mkdirSync(join(folder, 'edge'));

  const events = async (principal: KafkaPrincipal): Promise<Events> => {
    const opened = openKafkaEvents({ clients: await clients(principal), topics, prefix });
    closing.push(async () => await opened.close());
    return opened;
  };
  const inbox = async (principal: KafkaPrincipal): Promise<Inbox> => {
    const opened = openKafkaInbox({
      clients: await clients(principal),
      brokers: brokersHere(),
      topics,
      group,
      prefix,
      limits: { calls: 1, bytes: 1 },
      window: { offsets: 64, bytes: 1 },
      heldDelayMs: 1,
    });
    closing.push(async () => await opened.close());
    return opened;
  };
  const edge = await inbox('edge');
  let written = 0;
  const config = (brokers = brokersHere()): string => {
    const name = `worker-${++written}.yaml`;
    const text = JSON.stringify(settings({ folder, prefix, group, topics, database, brokers }));
    writeFileSync(join(folder, name), text);
    return name;
  };

  return {
    prefix,
    group,
    topics,
    admin,
    clients,
    events,
    inbox,
    publish: async (call) => {
      const key = `${call}.json`;
      const path = join(folder, 'edge', key);
      writeFileSync(path, TRANSCRIPT);
      utimesSync(path, new Date(0), new Date(0));
      const event = callEvent({ call, artifacts: [artifact('transcript', 'transcript', key)] });
      await edge.publish({ ...recordOf(event), topic: topics.inbox[0] ?? '' }, signal);
    },
    database,
    folder,
    config,
    startWorker: (env = {}, brokers = brokersHere()) =>
      startWorker(join(folder, config(brokers)), folder, env),
    answers: async () => {
      const opened = await openPostgres({ ...postgresOptions('worker', 'public'), database });
      const [row] = await opened.query('select count(*) as count from answers', [], ALL_TENANTS);
      await opened.close();
      return Number(row?.['count']);
    },
    remove: async () => {
      for (const close of closing.toReversed()) await close();
      await admin.close();
      await asSuperuser(`drop database ${database} with (force)`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freshDatabase(): Promise<string> {
  const database = `callseal_${randomBytes(5).toString('hex')}`;
  await asSuperuser(`create database ${database} owner callseal_owner`);
  const admin = await postgresAdmin({ ...postgresOptions('owner', 'public'), database });
  await admin.migrate(migrationFact(), signal);
  await admin.close();
  return database;
}

interface Given {
  readonly folder: string;
  readonly prefix: string;
  readonly group: string;
  readonly topics: TopicNames;
  readonly database: string;
  readonly brokers: readonly string[];
}

function settings({ folder, prefix, group, topics, database, brokers }: Given): object {
  const { kafka, tls, postgres } = servicesEnv();
  return {
    data: join(folder, 'data'),
    kafka: { brokers, tls: { ca: tls.ca, ...kafka.principals.worker }, prefix, group },
    inbox: { kind: 'kafka', topics: { [topics.inbox[0] ?? '']: { tenants: ['t-1'] } } },
    events: { kind: 'kafka' },
    registry: {
      kind: 'postgres',
      host: postgres.host,
      port: postgres.port,
      database,
      ...postgres.users.worker,
      ca: tls.ca,
    },
    retry: { inPlace: 1, delay: '2s', giveUpAfter: '10m' },
    tenants: {
      '*': null,
      demo: null,
      't-1': {
        create: 'at-start',
        policy: 'default',
        sources: { edge: { kind: 'files', root: join(folder, 'edge') } },
      },
    },
  };
}

function startWorker(config: string, folder: string, env: Record<string, string>): Worker {
  const child = spawn(
    process.execPath,
    ['--no-warnings', '--import', HOOK, join(ROOT, 'src/main.ts'), '--profile', 'local', '--config', config],
    {
      cwd: folder,
      // The product refuses a variable that is no setting of its own.
      env: { ...process.env, CALLSEAL_SERVICES_BASE: undefined, CALLSEAL_LONG: undefined, ...env },
      stdio: ['ignore', 'inherit', 'pipe'],
    },
  );
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return {
    process: child,
    said: () => said,
    ended: once(child, 'close').then(() => child.exitCode ?? child.signalCode),
  };
}
