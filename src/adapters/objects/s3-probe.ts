import { randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetBucketVersioningCommand,
} from '@aws-sdk/client-s3';
import { failureOf } from '../s3/failures.ts';
import { openStore, type S3ObjectsOptions } from './s3.ts';
import { translated } from './s3-errors.ts';
import { requireBucket, type S3Store } from './s3-store.ts';

/** What a store has beyond what it must have (docs/stores.md). */
export interface S3Facts {
  readonly versioning: 'on' | 'suspended' | 'off' | 'unknown';
  /** Of an upload in parts it keeps the CRC-32 of the whole; else lengths and the parts' checksums are compared. */
  readonly wholeChecksums: boolean;
}

/**
 * Reaches the bucket as the worker would, begins an upload and gives it up.
 *
 * @throws CallsealError STORE_DOWN, STORE_DENIED
 */
export async function probeS3Objects(options: S3ObjectsOptions, signal: AbortSignal): Promise<S3Facts> {
  const store = openStore(options);
  try {
    await requireBucket(store, signal);
    return {
      versioning: await versioningOf(store, signal),
      wholeChecksums: await keepsWholeChecksums(store, signal),
    };
  } catch (error) {
    throw translated(error);
  } finally {
    store.client.destroy();
  }
}

/** The right to ask is not one that the worker needs. */
async function versioningOf(
  { client, target }: S3Store,
  signal: AbortSignal,
): Promise<S3Facts['versioning']> {
  try {
    const { Status } = await client.send(new GetBucketVersioningCommand({ ...target }), {
      abortSignal: signal,
    });
    if (Status === undefined) return 'off';
    return Status === 'Enabled' ? 'on' : 'suspended';
  } catch (error) {
    signal.throwIfAborted();
    if (failureOf(error)?.meaning === 'down') throw error;
    return 'unknown';
  }
}

async function keepsWholeChecksums(store: S3Store, signal: AbortSignal): Promise<boolean> {
  const { client, target, encryption } = store;
  const Key = `callseal-probe/${randomUUID()}`;
  const begin = new CreateMultipartUploadCommand({
    ...target,
    ...encryption,
    Key,
    ChecksumAlgorithm: 'CRC32',
    ChecksumType: 'FULL_OBJECT',
  });
  try {
    const { UploadId, ChecksumType } = await client.send(begin, { abortSignal: signal });
    await client.send(new AbortMultipartUploadCommand({ ...target, Key, UploadId }), { abortSignal: signal });
    return ChecksumType === 'FULL_OBJECT';
  } catch (error) {
    signal.throwIfAborted();
    if (failureOf(error)?.meaning !== 'unable') throw error;
    return false;
  }
}
