import { z } from 'zod';
import { isId } from '../domain/ids.ts';
import { hostName, hostPort, httpOrigin } from './endpoints.ts';
import { byteSize, duration } from './units.ts';

/** Which adapter stands behind each port, and what it needs. Descriptions become docs/settings.md. */

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const id = z
  .string()
  .refine(isId, 'must be an opaque id of letters, digits, dot, dash and underscore');

/** A file that is read at the start; `path: true` resolves it beside the settings file that names it. */
const file = z.string().min(1).max(4096).meta({ path: 'settings' });
const belowData = z.string().min(1).max(4096).meta({ path: 'data' });
const port = z.int().min(1).max(65_535);

const minVersion = z
  .enum(['TLSv1.3', 'TLSv1.2'])
  .default('TLSv1.3')
  .describe('lowest TLS version spoken; TLSv1.2 only where the other side cannot do better');
const ca = file
  .nullable()
  .default(null)
  .describe('PEM file of the authorities that are trusted; null: those that Node.js ships');
const plaintext = z.boolean().default(false).describe('no TLS; accepted for a loopback host only');
const credentialsFile = file
  .optional()
  .describe('AWS credentials file; absent: the machine or container role, as the AWS SDK finds it');
const passwordFile = file.optional().describe('file that holds the password, nothing else');
const region = z.string().min(1).max(64).describe('region');
const endpoint = httpOrigin.optional().describe("another endpoint than the region's own");
const bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket name')
  .describe('bucket');
const expectedOwner = z
  .string({ error: "must be an account of 12 digits in quotes, such as '111122223333'" })
  .regex(/^\d{12}$/, "must be an account of 12 digits in quotes, such as '111122223333'")
  .nullable()
  .default(null)
  .describe('account that must own the bucket; null: not checked');
const pathStyle = z
  .boolean()
  .default(false)
  .describe('bucket in the path, not in the host name: for stores that are not AWS');

export const kafka = z
  .strictObject({
    brokers: z.array(hostPort).min(1).describe('bootstrap brokers'),
    tls: z
      .strictObject({
        ca: file.describe('PEM file of the authorities that sign the brokers'),
        cert: file.describe("PEM file of this process's certificate; its name is the principal"),
        key: file.describe('PEM file of the private key'),
        minVersion,
      })
      .optional()
      .describe('mutual TLS; may be left out for brokers on loopback only'),
    prefix: id.default('callseal').describe('prefix of every topic name'),
    group: id.default('callseal-worker').describe('consumer group; part of the transactional ids'),
  })
  .optional()
  .describe('the cluster behind inbox and events of kind kafka');

export const inbox = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('sqlite') }),
    z.strictObject({
      kind: z.literal('kafka'),
      topics: z
        .record(id, z.strictObject({ tenants: z.array(id).min(1).describe('tenants its writers speak for') }))
        .describe('inbox topics, each with its tenants; a tenant stands in exactly one'),
      window: z
        .strictObject({
          offsets: z.int().min(64).max(18_432).default(4096).describe('widest span of open offsets'),
          bodies: byteSize({ min: MiB, max: GiB }).prefault('32MiB').describe('event bodies kept in memory'),
        })
        .prefault({})
        .describe('how far a partition runs ahead of its oldest open delivery'),
    }),
  ])
  .describe('where deliveries come from');

export const events = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('sqlite') }),
    z.strictObject({ kind: z.literal('kafka') }),
  ])
  .describe('where outputs go and are read from; the same kind as inbox');

export const registry = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('sqlite') }),
    z.strictObject({
      kind: z.literal('postgres'),
      host: hostName.describe('host'),
      port: port.default(5432).describe('port'),
      database: z.string().min(1).max(63).describe('database'),
      user: z.string().min(1).max(63).describe('role; never a superuser'),
      passwordFile,
      ca,
      minVersion,
      plaintext,
      pool: z.int().min(2).max(200).default(8).describe('most connections'),
    }),
  ])
  .describe('database of calls, receipts and wrapped keys');

export const objects = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('files'),
      root: belowData.default('objects').describe('folder, below the data folder'),
    }),
    z.strictObject({
      kind: z.literal('s3'),
      bucket,
      region,
      endpoint,
      expectedOwner,
      sse: z.enum(['aws:kms', 'AES256']).nullable().default(null).describe("the store's own encryption"),
      ca,
      credentialsFile,
      minVersion,
      pathStyle,
    }),
  ])
  .describe('where sealed objects are kept');

export const keys = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('keyfile'),
      file: belowData
        .default('keys/kek.json')
        .describe('file of the KEKs, below the data folder; --keys moves it'),
    }),
    z.strictObject({
      kind: z.literal('aws-kms'),
      region,
      endpoint,
      fips: z.boolean().default(false).describe('use the FIPS endpoint'),
      requestsPerSecond: z.int().min(1).max(50_000).default(200).describe('most requests, per KMS key'),
      deadLetter: z.string().min(1).max(256).describe('alias or id of the KEK for dead letters'),
      ca,
      credentialsFile,
      minVersion,
    }),
  ])
  .describe('who holds the key-encryption keys');

export const jobs = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('inline') }),
    z.strictObject({
      kind: z.literal('bullmq'),
      host: hostName.describe('host'),
      port: port.default(6380).describe('port'),
      user: z.string().min(1).max(64).describe('ACL user'),
      passwordFile,
      ca,
      minVersion,
      plaintext,
    }),
  ])
  .describe('schedules and chunks of campaigns');

export const decoder = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.literal('processes'),
      children: z.int().min(1).max(64).default(1).describe('most processes at once'),
      memory: byteSize({ min: 192 * MiB, max: 4 * GiB })
        .prefault('256MiB')
        .describe('a process that grows over it is killed'),
      answer: duration({ min: SECOND, max: 60 * MINUTE })
        .prefault('60s')
        .describe('longest that a sealing waits for peaks; then the process is killed'),
      queue: byteSize({ min: MiB, max: 16 * GiB })
        .prefault('64MiB')
        .describe('recordings kept in memory while they wait; one that does not fit gets no peaks'),
    }),
  ])
  .prefault({ kind: 'processes' })
  .describe('who decodes Opus for peaks and statistics');

export const source = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('files'),
    root: z.string().min(1).max(4096).meta({ path: 'settings' }).describe('folder, beside the settings file'),
  }),
  z.strictObject({
    kind: z.literal('s3'),
    bucket,
    prefix: z
      .string()
      .max(512)
      .regex(
        /^[^/].*\/$/,
        'must end in / and not begin with it: a prefix without it also matches its neighbours',
      )
      .describe('prefix of its keys; ends in /'),
    region: region.default('us-east-1'),
    endpoint,
    expectedOwner,
    ca,
    credentialsFile,
    minVersion,
    pathStyle,
    sharedBucket: z
      .boolean()
      .default(false)
      .describe('accept that another tenant reads this bucket under the same credentials'),
  }),
]);
