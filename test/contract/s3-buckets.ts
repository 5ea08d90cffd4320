import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { type Bucket, type BucketOptions, openBucket } from '../../src/adapters/s3/bucket.ts';
import { type S3Role, servicesEnv } from '../services/env.ts';

export const S3_STORES = ['s3', 's3-second'] as const;
export type S3StoreName = (typeof S3_STORES)[number];

/** How to reach a bucket of one of the two stores. */
export function bucketOptions(store: S3StoreName, bucket: string, role: S3Role = 'root'): BucketOptions {
  const services = servicesEnv();
  const { endpoint, region, credentialsFiles } = store === 's3' ? services.s3 : services.s3Second;
  const credentialsFile = credentialsFiles[role];
  return { bucket, region, endpoint, credentialsFile, ca: services.tls.ca, pathStyle: true };
}

/** A bucket of a test's own. */
export async function makeBucket(store: S3StoreName, more: { locked?: boolean } = {}): Promise<string> {
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  await withBucket(store, bucket, async ({ client, target }) => {
    const lock = more.locked === undefined ? {} : { ObjectLockEnabledForBucket: more.locked };
    await client.send(new CreateBucketCommand({ ...target, ...lock }));
  });
  return bucket;
}

/** Removes a bucket with everything in it. */
export async function dropBucket(store: S3StoreName, bucket: string): Promise<void> {
  await withBucket(store, bucket, async ({ client, target }) => {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ ...target }));
    for (const { Key, UploadId } of Uploads) {
      await client.send(new AbortMultipartUploadCommand({ ...target, Key, UploadId }));
    }
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ ...target }),
    );
    for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
      await client.send(
        new DeleteObjectCommand({ ...target, Key, VersionId, BypassGovernanceRetention: true }),
      );
    }
    await client.send(new DeleteBucketCommand({ ...target }));
  });
}

export async function withBucket<T>(
  store: S3StoreName,
  bucket: string,
  work: (opened: Bucket) => Promise<T>,
): Promise<T> {
  const opened = openBucket(bucketOptions(store, bucket));
  try {
    return await work(opened);
  } finally {
    opened.client.destroy();
  }
}
