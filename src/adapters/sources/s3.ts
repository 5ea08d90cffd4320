import { HeadBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { CallsealError } from '../../domain/errors.ts';
import type { OpenSource, SourceRef, SourceStat, Sources } from '../../ports/sources.ts';
import { type Bucket, type BucketOptions, openBucket } from '../s3/bucket.ts';
import { failureOf } from '../s3/failures.ts';
import { readRange } from '../s3/read-range.ts';
import { PATIENCE, type Patience, retrying } from '../s3/retrying.ts';
import { checkSourceKey } from './check-key.ts';
import { type Place, translated } from './s3-place.ts';
import { removeFromBucket, storedInS3 } from './s3-remove.ts';

/** Where the keys of one alias are: a bucket under its own credentials, and a prefix that ends in `/`. */
export interface S3Alias extends BucketOptions {
  readonly prefix: string;
}

export interface S3SourcesOptions {
  /** The aliases of each tenant. */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, S3Alias>>>>;
  readonly patience?: Patience;
}

interface Version extends SourceStat {
  readonly etag: string;
}

/**
 * Sources in S3 buckets at the edge. A version is the version id where the bucket keeps versions, else the ETag,
 * and the length. Each request for bytes says `If-Match`, so bytes of two versions never come together.
 */
export function s3Sources(options: S3SourcesOptions): Sources {
  const patience = options.patience ?? PATIENCE;
  const buckets = new Map<S3Alias, Bucket>();
  const placeOf = ({ tenant, alias, key }: SourceRef): Place => {
    const found = aliasOf(options.aliases, tenant, alias);
    checkSourceKey(key);
    const bucket = buckets.get(found) ?? openBucket(found);
    buckets.set(found, bucket);
    return { bucket, key: found.prefix + key, scope: { tenant, alias } };
  };

  return {
    open: async (ref, signal) => {
      const place = placeOf(ref);
      const version = await lookAt(place, patience, signal);
      return {
        bytes: version.bytes,
        version: version.version,
        body: bodyOf(place, version, patience, signal),
      };
    },
    stat: async (ref, signal) => {
      const { bytes, version } = await lookAt(placeOf(ref), patience, signal);
      return { bytes, version };
    },
    stored: async (ref, signal) => await storedInS3(placeOf(ref), patience, signal),
    remove: async (ref, version, signal) => await removeFromBucket(placeOf(ref), version, patience, signal),
    close: async () => {
      for (const { client } of buckets.values()) client.destroy();
    },
  };
}

function aliasOf(aliases: S3SourcesOptions['aliases'], tenant: string, alias: string): S3Alias {
  // Own properties only: a tenant may be called `constructor`.
  const ofTenant = Object.hasOwn(aliases, tenant) ? aliases[tenant] : undefined;
  const found = ofTenant !== undefined && Object.hasOwn(ofTenant, alias) ? ofTenant[alias] : undefined;
  if (found) return found;
  throw new CallsealError('ALIAS_NOT_OF_TENANT', 'the tenant has no such source alias');
}

async function lookAt(place: Place, patience: Patience, signal: AbortSignal): Promise<Version> {
  const { bucket, key, scope } = place;
  const command = new HeadObjectCommand({ ...bucket.target, Key: key });
  try {
    const head = await retrying(
      async () => await bucket.client.send(command, { abortSignal: signal }),
      patience,
      signal,
    );
    const { ETag: etag = '', VersionId: id, ContentLength: bytes = 0 } = head;
    return { etag, bytes, version: `${id && id !== 'null' ? id : etag}-${bytes}` };
  } catch (error) {
    if (failureOf(error)?.meaning === 'missing') await requireBucket(place, patience, signal);
    throw translated(error, scope);
  }
}

/** A HEAD has no error document, so a missing bucket looks like a missing key; it concerns the whole alias. */
async function requireBucket(
  { bucket, scope }: Place,
  patience: Patience,
  signal: AbortSignal,
): Promise<void> {
  const command = new HeadBucketCommand({ ...bucket.target });
  try {
    await retrying(async () => await bucket.client.send(command, { abortSignal: signal }), patience, signal);
  } catch (error) {
    if (failureOf(error)?.meaning !== 'missing') throw translated(error, scope);
    throw new CallsealError('SOURCE_DOWN', 'the bucket of the source alias is not there', { scope });
  }
}

async function* bodyOf(
  { bucket, key, scope }: Place,
  { etag, bytes }: Version,
  patience: Patience,
  signal: AbortSignal,
): OpenSource['body'] & AsyncGenerator<Buffer, void, undefined> {
  signal.throwIfAborted();
  let read = 0;
  try {
    for await (const chunk of readRange(bucket, { key, etag, from: 0, to: bytes }, patience, signal)) {
      read += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw translated(error, scope);
  }
  if (read !== bytes) throw new CallsealError('SOURCE_CHANGED', 'the source changed while it was read');
}
