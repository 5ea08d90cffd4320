import type { ServicesEnv } from '../services/env.ts';

export const TENANTS = ['t-1', 't-2', 't-3'] as const;

/** Registry, objects, keys, sources and tenants on the real services. */
export function settingsOf({ s3, kms, postgres, tls }: ServicesEnv, database: string) {
  const store = { region: s3.region, endpoint: s3.endpoint, ca: tls.ca, pathStyle: true };
  const source = (tenant: string) => ({
    ...store,
    kind: 's3',
    bucket: 'edge-eu',
    prefix: `${tenant}/`,
    credentialsFile: s3.credentialsFiles.worker,
    sharedBucket: true,
  });
  const { worker } = postgres.users;
  const tenants = TENANTS.map((tenant) => [
    tenant,
    {
      policy: 'default',
      keks: { phi: `alias/${tenant}-phi`, voiceprint: `alias/${tenant}-voice` },
      sources: { edge: source(tenant) },
    },
  ]);
  return {
    budgets: { calls: 8, memory: '64MiB' },
    retry: { inPlace: 3, delay: '1s', giveUpAfter: '10m' },
    registry: {
      kind: 'postgres',
      host: postgres.host,
      port: postgres.port,
      database,
      user: worker.user,
      passwordFile: worker.passwordFile,
      ca: tls.ca,
    },
    objects: { ...store, kind: 's3', bucket: 'calls', credentialsFile: s3.credentialsFiles.worker },
    keys: {
      kind: 'aws-kms',
      region: kms.region,
      endpoint: kms.endpoint,
      deadLetter: 'alias/callseal-dlq',
      ca: tls.ca,
      credentialsFile: kms.credentialsFiles.worker,
    },
    tenants: { '*': null, demo: null, ...Object.fromEntries(tenants) } as Readonly<
      Record<string, object | null>
    >,
  };
}

/** The event of a call with one recording. @param more - another revision, further artifacts */
export function eventOf(
  tenant: string,
  call: string,
  more: { readonly revision?: number; readonly artifacts?: readonly object[] } = {},
) {
  const { revision = 1, artifacts = [recording(`${call}.raw`)] } = more;
  return {
    specversion: '1.0',
    id: `${call}-${revision}`,
    source: 'urn:test',
    type: 'callseal.call.completed.v1',
    datacontenttype: 'application/json',
    data: { tenant, call, revision, consent: { recording: 'granted' }, artifacts },
  };
}

/** Raw PCM of two channels. @param key - of its source */
export function recording(key: string): object {
  const media = { container: 'raw', codec: 'pcm_s16le', sampleRate: 8000, channels: ['caller', 'agent'] };
  return { id: 'audio', kind: 'audio', source: { alias: 'edge', key }, media };
}

export function transcript(key: string): object {
  return { id: 'transcript', kind: 'transcript', source: { alias: 'edge', key } };
}

/** A PUT with the edge's credentials. */
export async function putSource({ s3, tls }: ServicesEnv, key: string, bytes: Buffer): Promise<void> {
  const { PutObjectCommand } = await import('@aws-sdk/client-s3');
  const { openBucket } = await import('../../src/adapters/s3/bucket.ts');
  const { client, target } = openBucket({
    bucket: 'edge-eu',
    region: s3.region,
    endpoint: s3.endpoint,
    ca: tls.ca,
    pathStyle: true,
    credentialsFile: s3.credentialsFiles.edge,
  });
  await client.send(new PutObjectCommand({ ...target, Key: key, Body: bytes }));
  client.destroy();
}
