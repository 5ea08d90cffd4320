import { CallsealError } from '../../domain/errors.ts';
import type { SourceVersion } from '../../domain/receipts.ts';
import type { Patience } from '../s3/retrying.ts';
import { type NamedVersion, removeVersion, versionsOf } from '../s3/versions.ts';
import { type Place, translated } from './s3-place.ts';

/** Version ids; of a delete marker with `marker` before it. */
export async function storedInS3(
  place: Place,
  patience: Patience,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return (await listed(place, patience, signal)).map(nameOf);
}

/**
 * Deletes the versions that one listing showed, and none that came after it; the newest one must be the one that was
 * sealed. Delete markers above it are an edge that has let go of it already.
 */
export async function removeFromBucket(
  place: Place,
  version: SourceVersion,
  patience: Patience,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await listed(place, patience, signal);
  const newest = found.find(({ isMarker }) => !isMarker);
  if (found.length === 0) throw new CallsealError('SOURCE_MISSING', 'there is no source under that key');
  if (newest !== undefined && sourceVersionOf(newest) !== version) {
    throw new CallsealError('SOURCE_CHANGED', 'another version of the source than that one is there');
  }
  const bucket = { ...place.bucket, patience };
  try {
    for (const { id } of found) await removeVersion(bucket, place.key, id, signal);
  } catch (error) {
    throw translated(error, place.scope);
  }
  return await storedInS3(place, patience, signal);
}

/** Versions in the order of the store, the newest first; then delete markers. */
async function listed(place: Place, patience: Patience, signal: AbortSignal): Promise<NamedVersion[]> {
  signal.throwIfAborted();
  try {
    const found = await Array.fromAsync(versionsOf({ ...place.bucket, patience }, place.key, signal));
    return found.toSorted((a, b) => Number(a.isMarker) - Number(b.isMarker));
  } catch (error) {
    throw translated(error, place.scope);
  }
}

/** As `stat` and `open` write it. */
function sourceVersionOf({ id, etag, bytes }: NamedVersion): SourceVersion {
  return `${id === 'null' ? etag : id}-${bytes}`;
}

function nameOf({ id, isMarker }: NamedVersion): string {
  return isMarker ? `marker ${id}` : id;
}
