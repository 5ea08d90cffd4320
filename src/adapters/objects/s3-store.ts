import { HeadBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import type { Bucket } from '../s3/bucket.ts';
import { decodeCrc32 } from '../s3/crc32.ts';
import { failureOf } from '../s3/failures.ts';
import { type Patience, retrying } from '../s3/retrying.ts';

export interface S3Store extends Bucket {
  readonly patience: Patience;
  /** Goes into every request that makes an object. */
  readonly encryption: { readonly ServerSideEncryption?: 'aws:kms' | 'AES256' };
}

/** What a store says of an object that is there. */
export interface Found {
  readonly bytes: number;
  /** As the store writes it: of the whole object, or composite with `-<parts>` at its end. */
  readonly checksum: string | undefined;
  readonly versionId: string | undefined;
}

/** @returns undefined where there is no such object; an answer without the bucket is no answer, and throws. */
export async function lookAt(store: S3Store, name: string, signal: AbortSignal): Promise<Found | undefined> {
  const { client, target, patience } = store;
  const command = new HeadObjectCommand({ ...target, Key: name, ChecksumMode: 'ENABLED' });
  try {
    const head = await retrying(
      async () => await client.send(command, { abortSignal: signal }),
      patience,
      signal,
    );
    return { bytes: head.ContentLength ?? 0, checksum: head.ChecksumCRC32, versionId: head.VersionId };
  } catch (error) {
    if (failureOf(error)?.meaning !== 'missing') throw error;
    // A HEAD has no error document: a missing bucket looks the same, and would read as "nothing is left".
    await requireBucket(store, signal);
    return undefined;
  }
}

export async function requireBucket(
  { client, target, patience }: S3Store,
  signal: AbortSignal,
): Promise<void> {
  try {
    const command = new HeadBucketCommand({ ...target });
    await retrying(async () => await client.send(command, { abortSignal: signal }), patience, signal);
  } catch (error) {
    if (failureOf(error)?.meaning !== 'missing') throw error;
    throw Object.assign(new Error('no bucket'), { name: 'NoSuchBucket', $metadata: { httpStatusCode: 404 } });
  }
}

/** The CRC-32 of the whole object, where the store keeps that one. */
export function wholeCrc32(found: Found): { crc32?: number } {
  const crc32 = decodeCrc32(found.checksum);
  return crc32 === undefined ? {} : { crc32 };
}
