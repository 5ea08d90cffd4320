import { DeleteObjectCommand, HeadObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';
import { failureOf } from './failures.ts';
import { type Patience, retrying } from './retrying.ts';

export interface PatientBucket extends Bucket {
  readonly patience: Patience;
}

/** A version of a name, or the mark that it was deleted. A bucket without versions has one, called `null`. */
export interface NamedVersion {
  readonly id: string;
  readonly isMarker: boolean;
  readonly etag: string;
  readonly bytes: number;
}

/** Versions, the newest first, and delete markers of exactly this name, page by page. */
export async function* versionsOf(
  { client, target, patience }: PatientBucket,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<NamedVersion, void, undefined> {
  for (let from: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}; from !== undefined; ) {
    const command: ListObjectVersionsCommand = new ListObjectVersionsCommand({
      ...target,
      Prefix: name,
      ...from,
    });
    const page = await retrying(
      async () => await client.send(command, { abortSignal: signal }),
      patience,
      signal,
    );
    const versions = (page.Versions ?? []).map((one) => ({ ...one, isMarker: false }));
    const markers = (page.DeleteMarkers ?? []).map((one) => ({ ...one, isMarker: true, ETag: '', Size: 0 }));
    for (const { Key, VersionId: id = 'null', ETag: etag = '', Size: bytes = 0, isMarker } of [
      ...versions,
      ...markers,
    ]) {
      if (Key === name) yield { id, isMarker, etag, bytes };
    }
    const { NextKeyMarker: key, NextVersionIdMarker: version } = page;
    // Listed by name: behind another one nothing of this name comes any more.
    from =
      page.IsTruncated && key === name
        ? { KeyMarker: key, ...(version && { VersionIdMarker: version }) }
        : undefined;
  }
}

/** What a store answers to a deletion is no proof: whoever must know lists again. */
export async function removeVersion(
  bucket: PatientBucket,
  name: string,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, target, patience } = bucket;
  const command = new DeleteObjectCommand({ ...target, Key: name, VersionId: version });
  try {
    await retrying(async () => await client.send(command, { abortSignal: signal }), patience, signal);
  } catch (error) {
    const meaning = failureOf(error)?.meaning;
    if (meaning === 'missing') return;
    // A lock answers like a missing right. It is no failure of ours: the listing says that the version stays.
    if (meaning !== 'denied' || !(await isLocked(bucket, name, version, signal))) throw error;
  }
}

async function isLocked(
  { client, target, patience }: PatientBucket,
  name: string,
  version: string,
  signal: AbortSignal,
): Promise<boolean> {
  const command = new HeadObjectCommand({ ...target, Key: name, VersionId: version });
  const head = await retrying(
    async () => await client.send(command, { abortSignal: signal }),
    patience,
    signal,
  );
  return head.ObjectLockMode !== undefined || head.ObjectLockLegalHoldStatus === 'ON';
}
