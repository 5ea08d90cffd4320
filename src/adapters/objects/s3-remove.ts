import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { failureOf } from '../s3/failures.ts';
import { retrying } from '../s3/retrying.ts';
import { uploadsBelow } from './s3-list.ts';
import type { S3Store } from './s3-store.ts';

/**
 * Deletes every version, delete marker and unfinished upload of a name, then lists what is left of it: what a store
 * answers to a deletion is not taken as proof.
 *
 * @returns `<name>@<version>` and `<name>#<upload>` of what is still there
 */
export async function removeFromS3(
  store: S3Store,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for await (const id of uploadsOf(store, name, signal)) await abortUpload(store, name, id, signal);
  for await (const version of versionsOf(store, name, signal)) {
    await removeVersion(store, name, version, signal);
  }
  const versions = await Array.fromAsync(versionsOf(store, name, signal));
  const uploads = await Array.fromAsync(uploadsOf(store, name, signal));
  return [...versions.map((version) => `${name}@${version}`), ...uploads.map((id) => `${name}#${id}`)];
}

async function* uploadsOf(store: S3Store, name: string, signal: AbortSignal) {
  for await (const upload of uploadsBelow(store, name, signal)) if (upload.name === name) yield upload.id;
}

async function abortUpload(
  { client, target, patience }: S3Store,
  name: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const command = new AbortMultipartUploadCommand({ ...target, Key: name, UploadId: id });
  try {
    await retrying(async () => await client.send(command, { abortSignal: signal }), patience, signal);
  } catch (error) {
    if (failureOf(error)?.meaning !== 'no-upload') throw error;
  }
}

/** Versions and delete markers of exactly this name; a bucket without versions has one, called `null`. */
async function* versionsOf(
  { client, target, patience }: S3Store,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
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
    const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
    for (const { Key: key, VersionId: version = 'null' } of found) if (key === name) yield version;
    const { NextKeyMarker: key, NextVersionIdMarker: version } = page;
    // Listed by name: behind another one nothing of this name comes any more.
    from =
      page.IsTruncated && key === name
        ? { KeyMarker: key, ...(version && { VersionIdMarker: version }) }
        : undefined;
  }
}

async function removeVersion(
  store: S3Store,
  name: string,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, target, patience } = store;
  const command = new DeleteObjectCommand({ ...target, Key: name, VersionId: version });
  try {
    await retrying(async () => await client.send(command, { abortSignal: signal }), patience, signal);
  } catch (error) {
    const meaning = failureOf(error)?.meaning;
    if (meaning === 'missing') return;
    // A lock answers like a missing right. It is no failure of ours: the listing says that the version stays.
    if (meaning !== 'denied' || !(await isLocked(store, name, version, signal))) throw error;
  }
}

async function isLocked(
  { client, target, patience }: S3Store,
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
