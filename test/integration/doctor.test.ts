import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DisableKeyCommand, EnableKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import {
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type KafkaProbeOptions, probeKafka } from '../../src/adapters/kafka/probe.ts';
import { type AwsKmsProbeOptions, probeAwsKms } from '../../src/adapters/keys/probe-aws-kms.ts';
import { probeS3Objects } from '../../src/adapters/objects/probe-s3.ts';
import { openStore, type S3ObjectsOptions } from '../../src/adapters/objects/s3.ts';
import { listInS3 } from '../../src/adapters/objects/s3-list.ts';
import { probePostgres } from '../../src/adapters/registry/probe-postgres.ts';
import { probeS3Sources, refuseUnlistable } from '../../src/adapters/sources/probe-s3.ts';
import type { Finding } from '../../src/domain/findings.ts';
import { run } from '../commands/host.ts';
import {
  bucketOptions,
  dropBucket,
  makeBucket,
  S3_STORES,
  type S3StoreName,
  withBucket,
} from '../contract/s3-buckets.ts';
import { makeAuthority } from '../services/certificates.ts';
import { readAwsCredentials, servicesEnv, whatIsMissing } from '../services/env.ts';
import { type KmsProcess, startKms } from '../services/kms-process.ts';
import {
  asOwner,
  asSuperuser,
  dropSchema,
  emptySchema,
  migratedSchema,
  postgresOptions,
} from '../services/postgres-schema.ts';

/** What `doctor --connect` says of real services, well and broken. */

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'callseal-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** Another authority than that of the services. */
const stranger = makeAuthority(folder, 'stranger');

/** The finding of that name; fails where there is none. */
function named(findings: readonly Finding[], name: string): Finding {
  const found = findings.find((one) => one.name === name);
  if (!found) throw new Error(`no finding ${name} in ${JSON.stringify(findings)}`);
  return found;
}

function notOk(findings: readonly Finding[]): string[] {
  return findings.filter(({ status }) => status !== 'ok').map(({ name, status }) => `${name}: ${status}`);
}

for (const store of S3_STORES) {
  const missing = await whatIsMissing(store);
  describe.skipIf(missing)(`objects on ${store} ${missing ?? ''}`, () => {
    let bucket: string;
    beforeAll(async () => {
      bucket = await makeBucket(store);
    });
    afterAll(async () => await dropBucket(store, bucket));

    const look = async (more: Partial<S3ObjectsOptions> = {}) =>
      await probeS3Objects({ ...bucketOptions(store, bucket), ...more }, never);

    test('a good bucket is ok, and nothing is left in it', async () => {
      expect(notOk(await look())).toEqual([]);
      expect(await everythingIn(store, bucket)).toEqual([]);
    });

    test('also where versions are kept', async () => {
      const versioned = await makeBucket(store);
      onTestFinished(async () => await dropBucket(store, versioned));
      await withBucket(store, versioned, async ({ client, target }) => {
        const VersioningConfiguration = { Status: 'Enabled' } as const;
        await client.send(new PutBucketVersioningCommand({ ...target, VersioningConfiguration }));
      });
      const found = await look({ bucket: versioned });
      expect(notOk(found)).toEqual([]);
      expect(named(found, 'versioning').finding).toMatch(/^on/);
      expect(named(found, 'delete').status).toBe('ok');
    });

    test('a default retention is loud, and nothing is written that would have to stay', async () => {
      const locked = await makeBucket(store, { locked: true });
      onTestFinished(async () => await dropBucket(store, locked));
      await withBucket(store, locked, async ({ client, target }) => {
        const DefaultRetention = { Mode: 'GOVERNANCE', Days: 1 } as const;
        const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } } as const;
        await client.send(new PutObjectLockConfigurationCommand({ ...target, ObjectLockConfiguration }));
      });
      const found = await look({ bucket: locked });
      expect(notOk(found)).toEqual(['object lock: loud', 'writing: loud']);
      expect(named(found, 'object lock').finding).toContain('kept for 1 days (GOVERNANCE)');
      expect(await everythingIn(store, locked)).toEqual([]);
    });

    test('a bucket that is not there', async () => {
      const found = await look({ bucket: `${bucket}-gone` });
      expect(named(found, 'bucket')).toMatchObject({
        status: 'bad',
        finding: expect.stringContaining('there is no such bucket'),
        hint: expect.stringContaining('bucket, region and endpoint'),
      });
      expect(found.at(-1)?.name).toBe('bucket');
    });

    test('a secret that is wrong', async () => {
      const { credentialsFile = '' } = bucketOptions(store, bucket);
      const { accessKeyId } = readAwsCredentials(credentialsFile);
      const wrong = join(folder, `${store}-wrong`);
      writeFileSync(
        wrong,
        `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${'x'.repeat(40)}\n`,
      );
      const found = named(await look({ credentialsFile: wrong }), 'bucket');
      expect(found).toMatchObject({
        status: 'bad',
        finding: expect.stringContaining('does not take our credentials'),
      });
    });

    test('a file of credentials that is not there', async () => {
      const found = await look({ credentialsFile: join(folder, 'none') });
      expect(found).toMatchObject([
        { name: 'bucket', status: 'bad', finding: 'a credentials file cannot be read' },
      ]);
    });

    test('a user without rights', async () => {
      const { credentialsFile = '' } = bucketOptions(store, bucket, 'intruder');
      expect(named(await look({ credentialsFile }), 'bucket')).toMatchObject({ status: 'bad' });
    });

    test('an authority that is another', async () => {
      const found = await look({ ca: stranger.ca });
      expect(notOk(found)).toEqual(['certificate: bad']);
      expect(named(found, 'certificate').hint).toMatch(/^ca /);
    });

    test('an endpoint without TLS is refused, on loopback too', async () => {
      await expect(look({ endpoint: 'http://localhost:1' })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    });

    test('nobody there', async () => {
      expect(await look({ endpoint: 'https://localhost:1' })).toMatchObject([
        { name: 'tls', status: 'down' },
      ]);
    });
  });
}

async function everythingIn(store: S3StoreName, bucket: string): Promise<unknown[]> {
  const opened = openStore(bucketOptions(store, bucket));
  try {
    return await Array.fromAsync(listInS3(opened, '', never));
  } finally {
    opened.client.destroy();
  }
}

const noS3 = await whatIsMissing('s3');

describe.skipIf(noS3)(`the owner of a bucket ${noS3 ?? ''}`, () => {
  test('another one than expected is said before anything is written', async () => {
    const options = { ...bucketOptions('s3', 'calls', 'worker'), expectedOwner: '999988887777' };
    const found = await probeS3Objects(options, never);
    expect(named(found, 'bucket')).toMatchObject({
      status: 'bad',
      finding: 'calls belongs to another account than expectedOwner',
    });
    expect(found.at(-1)?.name).toBe('bucket');
  });
});

describe.skipIf(noS3)(`sources ${noS3 ?? ''}`, () => {
  let bucket: string;
  beforeEach(async () => {
    bucket = await makeBucket('s3');
    return async () => await dropBucket('s3', bucket);
  });

  const aliases = () => ({ 't-1/edge': { ...bucketOptions('s3', bucket, 'worker'), prefix: 't-1/' } });

  /** Grants to the worker's user what is named, and nothing else. */
  async function grant(...actions: readonly string[]): Promise<void> {
    const { credentialsFile = '' } = bucketOptions('s3', bucket, 'worker');
    const { accessKeyId } = readAwsCredentials(credentialsFile);
    const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
    const Statement = [{ Effect: 'Allow', Principal: { AWS: [accessKeyId] }, Action: actions, Resource }];
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await withBucket('s3', bucket, async ({ client, target }) => {
      await client.send(new PutBucketPolicyCommand({ ...target, Policy }));
      await client.send(new PutObjectCommand({ ...target, Key: 't-1/one', Body: 'x' }));
    });
  }

  test('one that can be listed and read is ok', async () => {
    await grant('s3:GetObject', 's3:ListBucket');
    const found = await probeS3Sources(aliases(), never);
    expect(notOk(found)).toEqual([]);
    expect(named(found, 't-1/edge').finding).toContain('a missing object answers 404');
    await expect(refuseUnlistable(aliases(), never)).resolves.toBeUndefined();
  });

  test('one without s3:ListBucket is bad, and refused at the start', async () => {
    await grant('s3:GetObject');
    const found = named(await probeS3Sources(aliases(), never), 't-1/edge');
    expect(found).toMatchObject({
      status: 'bad',
      finding: expect.stringContaining('lacks s3:ListBucket'),
      hint: expect.stringContaining('grant s3:ListBucket'),
    });
    await expect(refuseUnlistable(aliases(), never)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringMatching(/^source alias t-1\/edge: the alias lacks s3:ListBucket/),
    });
  });

  test('a worker does not start with it: it ends with 8 and says which alias and what to grant', async () => {
    await grant('s3:GetObject');
    const { endpoint, region, ca, credentialsFile, prefix } = aliases()['t-1/edge'];
    const edge = { kind: 's3', bucket, prefix, endpoint, region, ca, credentialsFile, pathStyle: true };
    const config = join(folder, `${bucket}.json`);
    // JSON is YAML, too.
    writeFileSync(config, JSON.stringify({ tenants: { 't-1': { sources: { edge } } } }));
    const cli = ['--no-warnings', '--disable-proto=delete', join(import.meta.dirname, '../../src/cli.ts')];
    const words = [
      '--profile',
      'local',
      '--config',
      config,
      '--data',
      join(folder, bucket),
      'worker',
      '--until-idle',
    ];
    const ended = spawnSync(process.execPath, [...cli, ...words], { encoding: 'utf8' });
    expect(ended).toMatchObject({ status: 8, stdout: '' });
    expect(ended.stderr).toContain('callseal: error: source alias t-1/edge: the alias lacks s3:ListBucket');
    expect(ended.stderr).toContain('callseal: hint: grant s3:ListBucket');
  });

  test('one that can be listed and answers 403 for what is missing is bad, and refused at the start', async () => {
    await grant('s3:ListBucket');
    expect(named(await probeS3Sources(aliases(), never), 't-1/edge')).toMatchObject({
      status: 'bad',
      finding: expect.stringContaining('a missing object answers 403'),
    });
    await expect(refuseUnlistable(aliases(), never)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  test('one that is away, or is not there, is no reason not to start', async () => {
    const away = { 't-1/edge': { ...aliases()['t-1/edge'], endpoint: 'https://localhost:1' } };
    const gone = { 't-1/edge': { ...aliases()['t-1/edge'], bucket: `${bucket}-gone` } };
    await expect(refuseUnlistable(away, never)).resolves.toBeUndefined();
    await expect(refuseUnlistable(gone, never)).resolves.toBeUndefined();
    expect(named(await probeS3Sources(away, never), 't-1/edge').status).toBe('down');
    expect(named(await probeS3Sources(gone, never), 't-1/edge').status).toBe('bad');
  });

  test('an endpoint that several share is told of once', async () => {
    await grant('s3:GetObject', 's3:ListBucket');
    const { 't-1/edge': edge } = aliases();
    const found = await probeS3Sources({ 't-1/edge': edge, 't-2/edge': { ...edge, prefix: 't-2/' } }, never);
    expect(found.map(({ name }) => name.split(' ')[0])).toEqual([
      'tls',
      'certificate',
      'clock',
      't-1/edge',
      't-2/edge',
    ]);
  });
});

describe('keys', () => {
  let kms: KmsProcess;
  const home = join(folder, 'kms');
  beforeAll(async () => {
    kms = await startKms(home);
  });
  afterAll(async () => await kms.stop());

  const look = async (kek: string, more: Partial<AwsKmsProbeOptions> = {}) =>
    await probeAwsKms(
      {
        region: 'us-east-1',
        endpoint: kms.endpoint,
        ca: join(home, 'cert.pem'),
        credentialsFile: join(home, 'kms-worker'),
        requestsPerSecond: 1000,
        keks: [{ use: 't-1 phi', kek }],
        ...more,
      },
      never,
    );

  test('an enabled key is named with its material, and no key is made under it', async () => {
    const found = named(await look('alias/t-1-phi'), 'key t-1 phi');
    expect(found).toMatchObject({
      status: 'ok',
      finding: expect.stringMatching(/^alias\/t-1-phi is enabled, material [0-9a-f]{64}, rotation not told/),
    });
    const made = (await kms.admin.requests()).filter(({ operation }) => operation === 'GenerateDataKey');
    expect(made.map(({ outcome }) => outcome)).toEqual(['DryRunOperationException']);
  });

  test('a disabled key', async () => {
    const root = kms.client('root');
    onTestFinished(() => root.destroy());
    const KeyId = await idOf('t-2-phi');
    await root.send(new DisableKeyCommand({ KeyId }));
    expect(named(await look('alias/t-2-phi'), 'key t-1 phi')).toMatchObject({
      status: 'bad',
      finding: 'alias/t-2-phi is disabled',
      hint: expect.stringContaining(`aws kms enable-key --key-id ${KeyId}`),
    });
    await root.send(new EnableKeyCommand({ KeyId }));
    expect(named(await look('alias/t-2-phi'), 'key t-1 phi').status).toBe('ok');
  });

  test('a key that will be deleted, with the day', async () => {
    const root = kms.client('root');
    onTestFinished(() => root.destroy());
    await root.send(new ScheduleKeyDeletionCommand({ KeyId: await idOf('t-3-phi'), PendingWindowInDays: 7 }));
    expect(named(await look('alias/t-3-phi'), 'key t-1 phi')).toMatchObject({
      status: 'bad',
      finding: expect.stringMatching(/^alias\/t-3-phi will be deleted on \d{4}-\d\d-\d\d$/),
      hint: expect.stringContaining('cancel-key-deletion'),
    });
  });

  test.for([
    ['an alias that nobody made', 'alias/nobody', 'no such KEK'],
    ['a key that signs', 'alias/callseal-audit-sign', 'is no symmetric encryption key'],
    ['a key that may be looked at and not generated under', 'alias/callseal-backup', 'does not let us'],
  ] as const)('%s', async ([, kek, says]) => {
    expect(named(await look(kek), 'key t-1 phi')).toMatchObject({
      status: 'bad',
      finding: expect.stringContaining(says),
      hint: expect.stringMatching(/./),
    });
  });

  test('one key behind two uses is loud', async () => {
    const keks = ['t-1 phi', 't-1 voiceprint'].map((use) => ({ use, kek: 'alias/t-1-phi' }));
    expect(named(await look('', { keks }), 'keys')).toMatchObject({
      status: 'loud',
      finding: 'one KMS key is behind t-1 phi, t-1 voiceprint',
    });
  });

  test('credentials that may do nothing, and a secret that is wrong', async () => {
    const intruder = await look('alias/t-1-phi', { credentialsFile: join(home, 'kms-intruder') });
    expect(named(intruder, 'key t-1 phi')).toMatchObject({
      status: 'bad',
      finding: expect.stringContaining('not let us'),
    });
    const wrong = join(folder, 'kms-wrong');
    writeFileSync(wrong, '[default]\naws_access_key_id=TESTWORKER\naws_secret_access_key=wrong\n');
    expect(named(await look('alias/t-1-phi', { credentialsFile: wrong }), 'key t-1 phi').status).toBe('bad');
  });

  test('an authority that is another', async () => {
    expect(notOk(await look('alias/t-1-phi', { ca: stranger.ca }))).toEqual(['certificate: bad']);
  });

  test('fips together with an endpoint is refused in a sentence', async () => {
    expect(await look('alias/t-1-phi', { fips: true })).toMatchObject([{ status: 'bad', name: 'endpoint' }]);
  });

  test('a service that was killed', async () => {
    const other = await startKms(join(folder, 'kms-killed'));
    const { endpoint } = other;
    await other.kill();
    expect(await look('alias/t-1-phi', { endpoint })).toMatchObject([
      { name: 'tls', status: 'down', finding: expect.stringContaining('cannot be reached') },
    ]);
  });

  test('an expired certificate, and a clock that is far from ours', async () => {
    const over = await answering(stranger.issue('over', 0), new Date());
    const expired = await look('alias/t-1-phi', { endpoint: over, ca: stranger.ca });
    expect(notOk(expired)).toEqual(['certificate: bad']);
    expect(named(expired, 'certificate').finding).toMatch(/^ended on /);

    const ahead = await answering(stranger.issue('ahead', 90), new Date(Date.now() + 20 * 60_000));
    const found = named(await look('alias/t-1-phi', { endpoint: ahead, ca: stranger.ca }), 'clock');
    expect(found).toMatchObject({
      status: 'bad',
      finding: expect.stringMatching(/^this machine is (1199|1200|1201) s behind it/),
    });
  });

  async function idOf(alias: string): Promise<string> {
    const seed: { keys: { id: string; alias: string }[] } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../services/kms/seed.json'), 'utf8'),
    );
    return seed.keys.find((key) => key.alias === `alias/${alias}`)?.id ?? '';
  }
});

/** A server that refuses everything, at a time of its own. @returns its endpoint */
async function answering(files: { cert: string; key: string }, time: Date): Promise<string> {
  const server = createServer(
    { cert: readFileSync(files.cert), key: readFileSync(files.key) },
    (_request, response) => {
      response.writeHead(400, { date: time.toUTCString(), 'content-type': 'application/x-amz-json-1.1' });
      response.end('{"__type":"AccessDeniedException","message":"no"}');
    },
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

const noPostgres = await whatIsMissing('postgres');

describe.skipIf(noPostgres)(`the registry ${noPostgres ?? ''}`, () => {
  let schema: string;
  beforeAll(async () => {
    schema = await migratedSchema();
  });
  afterAll(async () => await dropSchema(schema));

  const look = async (more: Partial<Parameters<typeof probePostgres>[0]> = {}) =>
    await probePostgres({ ...postgresOptions('worker', schema), ...more }, never);

  test('a good one is ok but for the standby that is missing, which is loud', async () => {
    const found = await look();
    expect(notOk(found)).toEqual(['standby: loud']);
    expect(named(found, 'standby').finding).toContain('no synchronous standby');
    expect(named(found, 'login').finding).toBe('as callseal_worker: no superuser, no BYPASSRLS');
    expect(named(found, 'clock').status).toBe('ok');
  });

  test('a superuser', async () => {
    const found = await look(postgresOptions('superuser', schema));
    expect(named(found, 'login')).toMatchObject({
      status: 'bad',
      finding: expect.stringContaining('superuser'),
      hint: expect.stringContaining('callseal_worker'),
    });
  });

  test.for([
    ['BYPASSRLS', 'bypassrls', 'BYPASSRLS'],
    ['synchronous_commit off', '', 'synchronous_commit is off'],
  ] as const)('a role with %s', async ([, attribute, says]) => {
    const user = `doctor_${randomBytes(4).toString('hex')}`;
    const passwordFile = join(folder, user);
    writeFileSync(passwordFile, 'p');
    await asSuperuser(`create role ${user} login ${attribute} password 'p' in role callseal_worker`);
    onTestFinished(async () => void (await asSuperuser(`drop role ${user}`)));
    if (attribute === '') await asSuperuser(`alter role ${user} set synchronous_commit = off`);
    expect(named(await look({ user, passwordFile }), 'login')).toMatchObject({
      status: 'bad',
      finding: expect.stringContaining(says),
    });
  });

  test('the owner of the tables is loud', async () => {
    expect(named(await look(postgresOptions('owner', schema)), 'login').status).toBe('loud');
  });

  test('a wrong password', async () => {
    const passwordFile = join(folder, 'wrong-password');
    writeFileSync(passwordFile, 'wrong');
    expect(named(await look({ passwordFile }), 'login')).toMatchObject({
      status: 'bad',
      finding: 'the database does not let this user in',
      hint: expect.stringContaining('registry.passwordFile'),
    });
  });

  test('a database that is not there', async () => {
    expect(named(await look({ database: 'nobody_made_it' }), 'login').status).toBe('bad');
  });

  test('tables that were never made', async () => {
    const empty = await emptySchema();
    onTestFinished(async () => await dropSchema(empty));
    await asOwner(empty, `grant usage on schema ${empty} to callseal_worker`);
    expect(named(await look({ schema: empty }), 'tables')).toMatchObject({
      status: 'bad',
      hint: expect.stringContaining('callseal registry migrate'),
    });
  });

  test('row-level security that is not forced', async () => {
    const open = await migratedSchema();
    onTestFinished(async () => await dropSchema(open));
    await asOwner(open, 'alter table receipts no force row level security');
    expect(named(await look({ schema: open }), 'row-level security').status).toBe('bad');
  });

  test('an authority that is another, and nobody there', async () => {
    expect(notOk(await look({ ca: stranger.ca }))).toEqual(['certificate: bad']);
    expect(await look({ port: 1 })).toMatchObject([{ name: 'tls', status: 'down' }]);
  });
});

const noKafka = await whatIsMissing('kafka');

describe.skipIf(noKafka)(`the cluster ${noKafka ?? ''}`, () => {
  const look = async (principal: 'worker' | 'admin' | 'intruder', more: Partial<KafkaProbeOptions> = {}) => {
    const { kafka, tls } = servicesEnv();
    const brokers = kafka.brokers.map((at) => ({ host: 'localhost', port: Number(at.split(':')[1]) }));
    const files = { ca: tls.ca, ...kafka.principals[principal], minVersion: 'TLSv1.3' } as const;
    const names = { topics: [`doctor-${principal}-none`], group: 'doctor' };
    return await probeKafka({ brokers, tls: files, ...names, ...more }, never);
  };

  test('a topic that is not there is bad, and not made by looking', async () => {
    for (const _ of [1, 2]) {
      const found = await look('admin');
      expect(notOk(found)).toEqual(['topic doctor-admin-none: bad']);
      expect(named(found, 'topic doctor-admin-none').hint).toContain('callseal topics ensure');
      expect(named(found, 'group doctor').status).toBe('ok');
    }
  });

  test('a topic that is there and led is ok', async () => {
    await look('admin'); // looking at a group makes the cluster's own topic of groups
    const found = await look('admin', { topics: ['__consumer_offsets'] });
    expect(notOk(found)).toEqual([]);
    expect(named(found, 'topic __consumer_offsets').finding).toMatch(/^\d+ partitions$/);
  });

  test('a principal without rights', async () => {
    const found = await look('intruder');
    expect(named(found, 'topic doctor-intruder-none').status).toBe('bad');
    expect(named(found, 'group doctor').status).toBe('bad');
  });

  test('an authority that is another, and nobody there', async () => {
    const { cert, key } = servicesEnv().kafka.principals.worker;
    const tls = { ca: stranger.ca, cert, key, minVersion: 'TLSv1.3' } as const;
    expect(notOk(await look('worker', { tls }))).toEqual(['certificate: bad']);
    expect(await look('worker', { brokers: [{ host: 'localhost', port: 1 }] })).toMatchObject([
      { name: 'tls', status: 'down' },
    ]);
  });
});

const noSet = await whatIsMissing('s3', 'kms', 'postgres');

describe.skipIf(noSet)(`the command ${noSet ?? ''}`, () => {
  /** Words as cli.ts would run them, on the services of the settings in test/integration/stores.yaml. */
  async function doctor(overlay: Readonly<Record<string, string>> = {}) {
    const { probesOf } = await import('../../src/compose/probes.ts');
    const { tls, kms, s3, postgres } = servicesEnv();
    const environment = {
      CALLSEAL_PROFILE: 'local',
      CALLSEAL_REGISTRY__CA: tls.ca,
      CALLSEAL_REGISTRY__PORT: String(postgres.port),
      CALLSEAL_OBJECTS__ENDPOINT: s3.endpoint,
      CALLSEAL_KEYS__ENDPOINT: kms.endpoint,
      ...overlay,
    };
    return await run(`doctor --connect --json --config ${join(import.meta.dirname, 'stores.yaml')}`, {
      environment,
      probes: async ({ settings }) => probesOf(settings),
    });
  }

  interface Document {
    readonly ok: boolean;
    readonly exit: number;
    readonly checks: readonly ({ readonly dependency: string } & Finding)[];
  }
  const documentOf = (text: string): Document => JSON.parse(text) as Document;

  test('looks at every service of the settings in one document', async () => {
    const ran = await doctor();
    const { exit, checks } = documentOf(ran.stdout);
    expect([...new Set(checks.map(({ dependency }) => dependency))]).toEqual([
      'machine',
      'registry',
      'objects',
      'keys',
      'sources',
    ]);
    expect(checks.filter(({ dependency, status }) => dependency !== 'registry' && status !== 'ok')).toEqual(
      [],
    );
    expect(exit).toBe(ran.code);
  });

  test('one that is away makes 6, one that is set wrong makes 8, and the others are told of', async () => {
    const away = documentOf((await doctor({ CALLSEAL_OBJECTS__ENDPOINT: 'https://localhost:1' })).stdout);
    expect(away.checks.filter(({ status }) => status === 'down')).toMatchObject([
      { dependency: 'objects', name: 'tls' },
    ]);
    expect(away.checks.some(({ dependency, status }) => dependency === 'keys' && status === 'ok')).toBe(true);
    const wrong = await doctor({ CALLSEAL_KEYS__CA: stranger.ca });
    expect(wrong.code).toBe(8);
    expect(wrong.stderr).toContain('callseal: hint: keys certificate: ca in this block');
  });
});
