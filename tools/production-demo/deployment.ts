import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { type TopicNames, topicNames } from '../../src/adapters/inbox/topics.ts';
import { rights, topicRules } from '../../src/adapters/kafka/topic-rules.ts';
import { clientsOf } from '../../test/adapters/kafka/test-topics.ts';
import { dropBucket, withBucket } from '../../test/contract/s3-buckets.ts';
import { dropSources } from '../../test/services/edge-bucket.ts';
import { readAwsCredentials, type ServicesEnv } from '../../test/services/env.ts';
import { asSuperuser } from '../../test/services/postgres-schema.ts';
import { productEnvironment } from '../../test/services/product-environment.ts';
import {
  type DeploymentNames,
  edgeSource,
  productionSettings,
} from '../../test/services/production-settings.ts';
import { ALIAS, TENANT } from './sample-call.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const NODE = ['--no-warnings', '--disable-proto=delete'];

/** Who types: each has a settings file with a certificate, a database role and access keys of its own. */
export type Who = 'worker' | 'operator' | 'admin';

/** One deployment of profile production, beside whatever else uses the services. */
export interface Deployment extends DeploymentNames {
  readonly env: ServicesEnv;
  readonly topics: TopicNames;
  /** Settings files, data of the workers, the exported key. */
  readonly folder: string;
  /** Where the tenant's alias points to in the edge's bucket. */
  readonly sources: string;
}

/** The auditor's rights go to the operator here: the services make no certificate for one. */
const PRINCIPALS = {
  edge: 'edge',
  worker: 'worker',
  operator: 'operator',
  reader: 'reader',
  auditor: 'operator',
};

export function freshName(): string {
  return `demo-${randomBytes(3).toString('hex')}`;
}

export function isName(text: string): boolean {
  return /^demo-[0-9a-f]{6}$/.test(text);
}

/** Names alone; nothing is made. */
export function deploymentOf(env: ServicesEnv, name: string): Deployment {
  return {
    env,
    prefix: name,
    group: `${name}-worker`,
    database: name.replace('-', '_'),
    bucket: `calls-${name}`,
    topics: topicNames(name),
    folder: join(dirname(env.run), name),
    sources: `${TENANT}/${name}/`,
  };
}

export function settingsFile({ folder }: Deployment, who: Who): string {
  return join(folder, `${who}.yaml`);
}

/** Words for Node.js: a program of this checkout under the settings of `who`. */
export function programOf(deployment: Deployment, who: Who, program: 'main' | 'cli'): string[] {
  const where = ['--profile', 'production', '--config', settingsFile(deployment, who)];
  return [...NODE, join(ROOT, `src/${program}.ts`), ...where];
}

/** What `callseal …` prints, typed by `who`. @throws Error - with what it said */
export async function callseal(
  deployment: Deployment,
  who: Who,
  words: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const options = { maxBuffer: 2 ** 24, env: environmentOf(deployment, who), signal };
  return (await run(process.execPath, [...programOf(deployment, who, 'cli'), ...words], options)).stdout;
}

/** @param process - each has a data folder of its own */
export function environmentOf({ folder }: Deployment, process: string) {
  return productEnvironment({ CALLSEAL_DATA: join(folder, `data-${process}`) });
}

export interface Made {
  readonly topics: number;
  readonly rights: number;
  /** Of the tables. */
  readonly version: number;
}

/** Topics and rights by `callseal topics ensure`, tables by `callseal registry migrate`, and a bucket. */
export async function makeDeployment(
  deployment: Deployment,
  partitions: number,
  signal: AbortSignal,
): Promise<Made> {
  await mkdir(deployment.folder, { recursive: true, mode: 0o700 });
  for (const who of ['worker', 'operator', 'admin'] as const) {
    await writeFile(
      settingsFile(deployment, who),
      `${JSON.stringify(settingsOf(deployment, who), null, 2)}\n`,
    );
  }
  const making = [
    ensureTopics(deployment, partitions, signal),
    makeRegistry(deployment, signal),
    makeBucket(deployment),
  ] as const;
  // Where one fails: whoever removes the deployment then must not meet another that is still at it.
  await Promise.allSettled(making);
  const [ensured, version] = await Promise.all(making);
  return { topics: ensured.made.length, rights: ensured.rights, version };
}

function settingsOf(deployment: Deployment, who: Who): object {
  const { env, sources } = deployment;
  const tenant = {
    policy: 'default',
    keks: { phi: `alias/${TENANT}-phi`, voiceprint: `alias/${TENANT}-voice` },
    sources: { [ALIAS]: edgeSource(env, sources) },
  };
  return productionSettings(env, { ...deployment, who, tenants: { [TENANT]: tenant } });
}

async function ensureTopics(
  deployment: Deployment,
  partitions: number,
  signal: AbortSignal,
): Promise<{ made: string[]; rights: number }> {
  const words = ['topics', 'ensure', '--partitions', String(partitions), '--json'];
  const named = ['--principal', `auditor=${PRINCIPALS.auditor}`];
  return JSON.parse(await callseal(deployment, 'admin', [...words, ...named], signal));
}

async function makeRegistry(deployment: Deployment, signal: AbortSignal): Promise<number> {
  const { user, passwordFile } = deployment.env.postgres.users.owner;
  await asSuperuser(`create database ${deployment.database} owner ${user}`);
  const login = ['--user', user, '--password-file', passwordFile];
  const said = await callseal(deployment, 'worker', ['registry', 'migrate', ...login, '--json'], signal);
  const { to }: { to: number } = JSON.parse(said);
  return to;
}

/** As `scripts/services up` gives the rights to the bucket that it makes. */
async function makeBucket({ bucket, env }: Deployment): Promise<void> {
  const { worker, operator } = env.s3.credentialsFiles;
  const AWS = [worker, operator].map((file) => readAwsCredentials(file).accessKeyId);
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  const Statement = [{ Effect: 'Allow', Principal: { AWS }, Action: ['s3:*'], Resource }];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await withBucket('s3', bucket, async ({ client, target }) => {
    await client.send(new CreateBucketCommand({ ...target }));
    await client.send(new PutBucketPolicyCommand({ ...target, Policy }));
  });
}

/** Whatever of it is there. @throws AggregateError - what could not be removed */
export async function removeDeployment(deployment: Deployment): Promise<void> {
  const removed = await Promise.allSettled([
    removeTopics(deployment),
    asSuperuser(`drop database if exists ${deployment.database} with (force)`),
    dropBucket('s3', deployment.bucket).catch(unlessGone),
    dropSources(deployment.env, deployment.sources),
    rm(deployment.folder, { recursive: true, force: true }),
  ]);
  const failures: unknown[] = removed.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  if (failures.length > 0) throw new AggregateError(failures, `${deployment.prefix} was not removed whole`);
}

function unlessGone(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'NoSuchBucket') throw error;
}

async function removeTopics({ topics, prefix, group }: Deployment): Promise<void> {
  const clients = await clientsOf('admin');
  const admin = clients.admin();
  try {
    await admin.connect();
    const there = new Set(await admin.listTopics());
    const names = topicRules(topics)
      .map(({ name }) => name)
      .filter((name) => there.has(name));
    if (names.length > 0) await admin.deleteTopics({ topics: names });
    const given = rights({ topics, prefix, group, principals: PRINCIPALS });
    await admin.deleteAcls({ filters: given.map(({ entry }) => entry) });
    const { groups } = await admin.listGroups();
    const ours = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(prefix));
    if (ours.length > 0) await admin.deleteGroups(ours);
  } finally {
    await admin.disconnect();
    clients.stop();
  }
}
