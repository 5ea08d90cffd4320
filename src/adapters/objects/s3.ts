import { CallsealError } from '../../domain/errors.ts';
import type { Objects } from '../../ports/objects.ts';
import { type BucketOptions, openBucket } from '../s3/bucket.ts';
import { failureOf } from '../s3/failures.ts';
import { readRange } from '../s3/read-range.ts';
import { PATIENCE, type Patience } from '../s3/retrying.ts';
import { largeParts } from './large-parts.ts';
import { checkObjectName, checkObjectPrefix } from './object-name.ts';
import { partSupply } from './part-supply.ts';
import { translated } from './s3-errors.ts';
import { listInS3 } from './s3-list.ts';
import { uploadToS3 } from './s3-multipart.ts';
import { putInS3 } from './s3-put.ts';
import { removeFromS3 } from './s3-remove.ts';
import { lookAt, type S3Store, wholeCrc32 } from './s3-store.ts';

export interface S3ObjectsOptions extends BucketOptions {
  /** The store's own encryption, beside ours; null: what the bucket says. */
  readonly sse?: 'aws:kms' | 'AES256' | null;
  readonly patience?: Patience;
}

/**
 * Sealed objects in an S3 bucket. One request for an object that comes as one part, a multipart upload with two
 * parts in flight for a longer one; each carries its CRC-32, so that no store can keep a body that was cut off.
 * What was sent is sent again as it is, a few times and with jitter. Where stores differ: docs/stores.md.
 */
export function s3Objects(options: S3ObjectsOptions): Objects {
  const store = openStore(options);
  const { client, patience } = store;

  return {
    create: async (name, parts, signal) => {
      checkObjectName(name);
      const stop = new AbortController();
      const supply = partSupply(parts, AbortSignal.any([signal, stop.signal]));
      const large = largeParts(supply);
      try {
        const first = await large.next();
        if (first === undefined) throw new CallsealError('BUG', 'the parts ended without a last one');
        return first.last
          ? await putInS3(store, name, first, large, signal)
          : await uploadToS3(store, name, first, large, stop, signal);
      } catch (error) {
        throw supply.threw(error) ? error : translated(error);
      } finally {
        await supply.close();
      }
    },
    stat: async (name, signal) => {
      checkObjectName(name);
      const found = await lookAt(store, name, signal).catch(rethrow);
      return found && { name, bytes: found.bytes, ...wholeCrc32(found) };
    },
    read: async function* (name, { from, to }, signal) {
      checkObjectName(name);
      signal.throwIfAborted();
      if (!(from >= 0 && to >= from)) throw new CallsealError('BUG', 'not a range of bytes');
      try {
        yield* readRange(store, { key: name, from, to }, patience, signal);
        if (from < to) return;
      } catch (error) {
        if (failureOf(error)?.meaning !== 'beyond') throw translated(error);
      }
      // Nothing in the range; whether there is an object at all is still to be told.
      const found = await lookAt(store, name, signal).catch(rethrow);
      if (!found) throw new CallsealError('OBJECT_MISSING', 'there is no object of that name');
    },
    remove: async (name, signal) => {
      checkObjectName(name);
      return await removeFromS3(store, name, signal).catch(rethrow);
    },
    list: async function* (prefix, signal) {
      checkObjectPrefix(prefix);
      try {
        yield* listInS3(store, prefix, signal);
      } catch (error) {
        throw translated(error);
      }
    },
    close: async () => client.destroy(),
  };
}

export function openStore(options: S3ObjectsOptions): S3Store {
  const { sse, patience = PATIENCE } = options;
  return { ...openBucket(options), patience, encryption: sse ? { ServerSideEncryption: sse } : {} };
}

function rethrow(error: unknown): never {
  throw translated(error);
}
