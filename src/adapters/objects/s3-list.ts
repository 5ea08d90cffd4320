import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { ListedObject } from '../../ports/objects.ts';
import { retrying } from '../s3/retrying.ts';
import { isObjectName } from './object-name.ts';
import type { S3Store } from './s3-store.ts';

/** Objects first, then unfinished uploads; a name may stand in both. */
export async function* listInS3(
  store: S3Store,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ListedObject, void, undefined> {
  for await (const { Key: name = '', Size: bytes = 0 } of objectsBelow(store, prefix, signal)) {
    // What cannot be a name of ours is not ours.
    if (isObjectName(name)) yield { name, bytes, unfinished: false };
  }
  for await (const { name } of uploadsBelow(store, prefix, signal)) {
    // The store does not say how much of it is there.
    if (isObjectName(name)) yield { name, bytes: 0, unfinished: true };
  }
}

async function* objectsBelow({ client, target, patience }: S3Store, prefix: string, signal: AbortSignal) {
  for (let token: string | undefined, more = true; more; ) {
    const command = new ListObjectsV2Command({
      ...target,
      Prefix: prefix,
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const page = await retrying(
      async () => await client.send(command, { abortSignal: signal }),
      patience,
      signal,
    );
    yield* page.Contents ?? [];
    token = page.NextContinuationToken;
    more = page.IsTruncated === true && token !== undefined;
  }
}

export interface ListedUpload {
  readonly name: string;
  readonly id: string;
}

export async function* uploadsBelow(
  { client, target, patience }: S3Store,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ListedUpload, void, undefined> {
  for (let from: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}; from !== undefined; ) {
    const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
      ...target,
      Prefix: prefix,
      ...from,
    });
    const page = await retrying(
      async () => await client.send(command, { abortSignal: signal }),
      patience,
      signal,
    );
    for (const { Key: name = '', UploadId: id = '' } of page.Uploads ?? []) yield { name, id };
    const { NextKeyMarker: key, NextUploadIdMarker: id } = page;
    from = page.IsTruncated && key ? { KeyMarker: key, ...(id && { UploadIdMarker: id }) } : undefined;
  }
}
