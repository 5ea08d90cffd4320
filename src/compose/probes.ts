import { bucketAliases, bucketOf, connectionOf } from '../compose.ts';
import { splitHostPort } from '../config/endpoints.ts';
import type { Settings } from '../config/schema.ts';
import { inboxTopics } from '../config/tenant-settings.ts';
import type { Finding } from '../domain/findings.ts';

/** What `doctor --connect` looks at: one probe for each block of the settings that is a service. */
export interface DependencyProbe {
  readonly dependency: string;
  look(signal: AbortSignal): Promise<readonly Finding[]>;
}

/** Each probe loads its adapter when it looks. */
export function probesOf(settings: Settings): DependencyProbe[] {
  return [
    kafka(settings),
    registry(settings),
    objects(settings),
    keys(settings),
    sources(settings),
    jobs(settings),
  ].filter((probe) => probe !== undefined);
}

function kafka(settings: Settings): DependencyProbe | undefined {
  const { inbox, kafka: cluster } = settings;
  if (cluster === undefined || inbox.kind !== 'kafka') return undefined;
  const { brokers, tls, prefix, group } = cluster;
  const look = async (signal: AbortSignal): Promise<Finding[]> => {
    const { probeKafka } = await import('../adapters/kafka/probe.ts');
    const { topicNames } = await import('../adapters/inbox/topics.ts');
    const { inbox: inputs, retry, replay, outputs } = topicNames(prefix, inboxTopics(settings));
    const topics = [...inputs, retry, replay, ...Object.values(outputs)];
    const at = brokers.map((broker) => splitHostPort(broker)).filter((broker) => broker !== undefined);
    return await probeKafka({ brokers: at, topics, group, ...(tls && { tls }) }, signal);
  };
  return { dependency: 'kafka', look };
}

function registry({ registry: options }: Settings): DependencyProbe | undefined {
  if (options.kind !== 'postgres') return undefined;
  const look = async (signal: AbortSignal): Promise<Finding[]> =>
    await (await import('../adapters/registry/probe-postgres.ts')).probePostgres(options, signal);
  return { dependency: 'registry', look };
}

function objects({ objects: options }: Settings): DependencyProbe | undefined {
  if (options.kind !== 's3') return undefined;
  const { sse } = options;
  const look = async (signal: AbortSignal): Promise<Finding[]> =>
    await (await import('../adapters/objects/probe-s3.ts')).probeS3Objects(
      { ...bucketOf(options), sse },
      signal,
    );
  return { dependency: 'objects', look };
}

function keys({ keys: options, tenants }: Settings): DependencyProbe | undefined {
  if (options.kind !== 'aws-kms') return undefined;
  const { region, fips, requestsPerSecond, deadLetter } = options;
  const keks = Object.entries(tenants).flatMap(([tenant, { keks: named }]) =>
    Object.entries(named ?? {}).map(([keyClass, kek]) => ({ use: `${tenant} ${keyClass}`, kek })),
  );
  const all = [...keks, { use: 'dead-letter', kek: deadLetter }];
  const look = async (signal: AbortSignal): Promise<Finding[]> => {
    const { probeAwsKms } = await import('../adapters/keys/probe-aws-kms.ts');
    return await probeAwsKms(
      { region, fips, requestsPerSecond, keks: all, ...connectionOf(options) },
      signal,
    );
  };
  return { dependency: 'keys', look };
}

function sources(settings: Settings): DependencyProbe | undefined {
  const aliases = bucketAliases(settings);
  if (Object.keys(aliases).length === 0) return undefined;
  const look = async (signal: AbortSignal): Promise<Finding[]> =>
    await (await import('../adapters/sources/probe-s3.ts')).probeS3Sources(aliases, signal);
  return { dependency: 'sources', look };
}

/** The handshake alone: Redis lost makes things late, never wrong. */
function jobs({ jobs: options }: Settings): DependencyProbe | undefined {
  if (options.kind !== 'bullmq' || options.plaintext) return undefined;
  const look = async (signal: AbortSignal): Promise<readonly Finding[]> =>
    (await (await import('../adapters/tls/probe.ts')).probeTls(options, signal)).findings;
  return { dependency: 'jobs', look };
}
