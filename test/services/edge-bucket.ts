import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { type Bucket, openBucket } from '../../src/adapters/s3/bucket.ts';
import type { ServicesEnv } from './env.ts';
import { EDGE_BUCKET } from './production-settings.ts';

/** A PUT with the edge's credentials. */
export async function putSource(env: ServicesEnv, key: string, bytes: Buffer): Promise<void> {
  await asEdge(env, async ({ client, target }) => {
    await client.send(new PutObjectCommand({ ...target, Key: key, Body: bytes }));
  });
}

/** Removes what stands below a prefix, with all versions. */
export async function dropSources(env: ServicesEnv, prefix: string): Promise<void> {
  await asEdge(env, async ({ client, target }) => {
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ ...target, Prefix: prefix }),
    );
    for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
      await client.send(new DeleteObjectCommand({ ...target, Key, VersionId }));
    }
  });
}

async function asEdge({ s3, tls }: ServicesEnv, act: (bucket: Bucket) => Promise<void>): Promise<void> {
  const bucket = openBucket({
    bucket: EDGE_BUCKET,
    region: s3.region,
    endpoint: s3.endpoint,
    ca: tls.ca,
    pathStyle: true,
    credentialsFile: s3.credentialsFiles.edge,
  });
  try {
    await act(bucket);
  } finally {
    bucket.client.destroy();
  }
}
