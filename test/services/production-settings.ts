import type { ServicesEnv } from './env.ts';

/** Who a process is: its certificate, its access keys and its role in the database go by one name. */
type Who = 'worker' | 'operator';

/** Names of one deployment's own on services that others use too. */
export interface DeploymentNames {
  /** Of topics, groups and transactional ids. */
  readonly prefix: string;
  readonly group: string;
  readonly database: string;
  /** Of sealed objects. */
  readonly bucket: string;
}

/** Registry, objects and keys, as they are reached here. */
export function storeSettings(
  { s3, kms, postgres, tls }: ServicesEnv,
  { database, bucket }: Pick<DeploymentNames, 'database' | 'bucket'>,
  who: Who = 'worker',
) {
  const { user, passwordFile } = postgres.users[who];
  return {
    registry: {
      kind: 'postgres',
      host: postgres.host,
      port: postgres.port,
      database,
      user,
      passwordFile,
      ca: tls.ca,
    },
    objects: {
      kind: 's3',
      bucket,
      region: s3.region,
      endpoint: s3.endpoint,
      ca: tls.ca,
      pathStyle: true,
      credentialsFile: s3.credentialsFiles[who],
    },
    keys: {
      kind: 'aws-kms',
      region: kms.region,
      endpoint: kms.endpoint,
      deadLetter: 'alias/callseal-dlq',
      ca: tls.ca,
      credentialsFile: kms.credentialsFiles[who],
    },
  };
}

export interface Production extends DeploymentNames {
  readonly who?: Who | 'admin';
  /** Where it is not the one of `who`: a file that changes under the process. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** All of them speak through one inbox topic. */
  readonly tenants: Readonly<Record<string, object>>;
}

/** A whole settings file of profile production on the services that run here, without its secrets. JSON is YAML, too. */
export function productionSettings(env: ServicesEnv, { who = 'worker', ...given }: Production) {
  const { kafka, redis, tls } = env;
  const { prefix, group, tenants } = given;
  // An administrator of topics has no right in the stores, and asks for nothing there.
  const stores = storeSettings(env, given, who === 'admin' ? 'worker' : who);
  const { cert, key } = given.certificate ?? kafka.principals[who];
  return {
    ...stores,
    profile: 'production',
    objects: { ...stores.objects, expectedOwner: null, sse: null },
    kafka: { brokers: kafka.brokers, tls: { ca: tls.ca, cert, key }, prefix, group },
    inbox: {
      kind: 'kafka',
      topics: { [EXAMPLE.topic]: null, [inboxTopic(prefix)]: { tenants: Object.keys(tenants) } },
    },
    events: { kind: 'kafka' },
    jobs: { kind: 'bullmq', host: redis.host, port: redis.port, ...redis.users.callseal, ca: tls.ca },
    ops: { probes: null, admin: null },
    tenants: { [EXAMPLE.tenant]: null, ...tenants },
  };
}

/** What config/production.yaml says of a place that is not this one. */
const EXAMPLE = { topic: 'callseal.calls.completed', tenant: 't-42' };

function inboxTopic(prefix: string): string {
  return `${prefix}.calls.completed`;
}

/** What a tenant's events may point to in the edge's bucket. @param prefix - ends in `/` */
export function edgeSource({ s3, tls }: ServicesEnv, prefix: string) {
  return {
    kind: 's3',
    bucket: EDGE_BUCKET,
    prefix,
    region: s3.region,
    endpoint: s3.endpoint,
    ca: tls.ca,
    pathStyle: true,
    expectedOwner: null,
    credentialsFile: s3.credentialsFiles.worker,
  };
}

/** The edge's own bucket, which `scripts/services up` makes. */
export const EDGE_BUCKET = 'edge-eu';
