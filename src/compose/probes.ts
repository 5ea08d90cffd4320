import { bucketAliases, bucketOf, connectionOf } from '../compose.ts';
import { splitHostPort } from '../config/endpoints.ts';
import type { Settings } from '../config/schema.ts';
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

/** The handshake with each broker; topics and rights are told by `callseal topics check`. */
function kafka({ inbox, events, kafka: cluster }: Settings): DependencyProbe | undefined {
  const tls = cluster?.tls;
  if (cluster === undefined || tls === undefined || (inbox.kind !== 'kafka' && events.kind !== 'kafka'))
    return undefined;
  const look = async (signal: AbortSignal): Promise<Finding[]> => {
    const { probeTls } = await import('../adapters/tls/probe.ts');
    const brokers = cluster.brokers.map((at) => splitHostPort(at)).filter((at) => at !== undefined);
    const looks = await Promise.all(
      brokers.map(async (at) => await probeTls({ ...at, ...tls, client: tls }, signal)),
    );
    return looks.flatMap(({ findings }) => findings);
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
