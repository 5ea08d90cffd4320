import { AbortMultipartUploadCommand } from '@aws-sdk/client-s3';
import { failureOf } from '../s3/failures.ts';
import { retrying } from '../s3/retrying.ts';
import { removeVersion, versionsOf } from '../s3/versions.ts';
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
  for await (const { id } of versionsOf(store, name, signal)) await removeVersion(store, name, id, signal);
  const versions = await Array.fromAsync(versionsOf(store, name, signal));
  const uploads = await Array.fromAsync(uploadsOf(store, name, signal));
  return [...versions.map(({ id }) => `${name}@${id}`), ...uploads.map((id) => `${name}#${id}`)];
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
