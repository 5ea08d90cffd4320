import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { fault } from '../../domain/crash-points.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { Part, StoredObject } from '../../ports/objects.ts';
import { compositeCrc32, encodeCrc32, joinCrc32 } from '../s3/crc32.ts';
import { failureOf } from '../s3/failures.ts';
import { retrying } from '../s3/retrying.ts';
import type { PartSupply } from './part-supply.ts';
import { isStored, type Sent, takeBack } from './s3-doubt.ts';
import { translated } from './s3-errors.ts';
import type { S3Store } from './s3-store.ts';

/** Parts of one object on their way at a time: enough that sealing and sending overlap. */
const IN_FLIGHT = 2;

interface Upload {
  readonly name: string;
  readonly id: string;
  /** The store keeps a CRC-32 of the whole object, not only those of its parts. */
  readonly whole: boolean;
}

interface SentPart {
  readonly bytes: number;
  readonly crc32: number;
  readonly etag: string | undefined;
}

/**
 * An object in parts; releases every part that it was handed.
 *
 * @param stop aborted when a part cannot be sent, so that nobody waits for the next one
 */
export async function uploadToS3(
  store: S3Store,
  name: string,
  first: Part,
  parts: Pick<PartSupply, 'next'>,
  stop: AbortController,
  signal: AbortSignal,
): Promise<StoredObject> {
  let upload: Upload | undefined;
  let sent: Sent | undefined;
  try {
    upload = await begin(store, name, signal).catch((error: unknown) => {
      first.release();
      throw error;
    });
    const sentParts = await sendParts(store, upload, first, parts, stop, signal);
    sent = asSent(upload, sentParts);
    fault('before-object-visible');
    await complete(store, upload, sentParts, sent, signal);
    fault('after-object-visible');
    const checksum = joined(sentParts);
    return { name, bytes: sent.bytes, ...(upload.whole && { crc32: checksum }) };
  } catch (error) {
    if (upload !== undefined) await abandon(store, upload, sent);
    throw error;
  }
}

async function begin(store: S3Store, name: string, signal: AbortSignal): Promise<Upload> {
  const { client, target, encryption, patience } = store;
  const input = { ...target, ...encryption, Key: name, ChecksumAlgorithm: 'CRC32' } as const;
  const create = async (type: { ChecksumType?: 'FULL_OBJECT' }): Promise<Upload> => {
    const command = new CreateMultipartUploadCommand({ ...input, ...type });
    const answer = await retrying(
      async () => await client.send(command, { abortSignal: signal }),
      patience,
      signal,
    );
    return { name, id: answer.UploadId ?? '', whole: answer.ChecksumType === 'FULL_OBJECT' };
  };
  try {
    return await create({ ChecksumType: 'FULL_OBJECT' });
  } catch (error) {
    if (failureOf(error)?.meaning !== 'unable') throw error;
    return await create({});
  }
}

async function sendParts(
  store: S3Store,
  upload: Upload,
  first: Part,
  parts: Pick<PartSupply, 'next'>,
  stop: AbortController,
  signal: AbortSignal,
): Promise<SentPart[]> {
  const either = AbortSignal.any([signal, stop.signal]);
  const sent: SentPart[] = [];
  const inFlight = new Set<Promise<void>>();
  const launch = (part: Part, number: number): void => {
    const sending = sendPart(store, upload, part.bytes, number, either)
      .then((one) => void (sent[number - 1] = one))
      .catch((error: unknown) => {
        stop.abort(translated(error));
        throw error;
      })
      .finally(() => {
        inFlight.delete(sending);
        part.release();
      });
    inFlight.add(sending);
    // Waited for below, perhaps not before it fails.
    sending.catch(() => undefined);
  };

  try {
    let number = 0;
    let isWhole = false;
    for (let part: Part | undefined = first; part !== undefined; part = await parts.next()) {
      launch(part, ++number);
      if (isWhole) throw new CallsealError('BUG', 'a part came behind the last one');
      isWhole = part.last;
      while (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
    }
    if (!isWhole) throw new CallsealError('BUG', 'the parts ended without a last one');
    await Promise.all(inFlight);
    return sent;
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(inFlight);
    throw error;
  }
}

async function sendPart(
  { client, target, patience }: S3Store,
  upload: Upload,
  bytes: Buffer,
  number: number,
  signal: AbortSignal,
): Promise<SentPart> {
  const checksum = crc32(bytes);
  const command = new UploadPartCommand({
    ...target,
    Key: upload.name,
    UploadId: upload.id,
    PartNumber: number,
    Body: bytes,
    ChecksumCRC32: encodeCrc32(checksum),
  });
  const { ETag: etag } = await retrying(
    async () => await client.send(command, { abortSignal: signal }),
    patience,
    signal,
  );
  return { bytes: bytes.length, crc32: checksum, etag };
}

/** Never undone blindly: an error may stand for a reply that was lost, so the store is asked before anything else. */
async function complete(
  store: S3Store,
  upload: Upload,
  parts: readonly SentPart[],
  sent: Sent,
  signal: AbortSignal,
): Promise<void> {
  const { client, target, patience } = store;
  const command = new CompleteMultipartUploadCommand({
    ...target,
    Key: upload.name,
    UploadId: upload.id,
    IfNoneMatch: '*',
    MultipartUpload: {
      Parts: parts.map(({ etag, crc32: crc }, i) => ({
        PartNumber: i + 1,
        ETag: etag,
        ChecksumCRC32: encodeCrc32(crc),
      })),
    },
    ...(upload.whole && { ChecksumType: 'FULL_OBJECT', ChecksumCRC32: encodeCrc32(joined(parts)) }),
  });
  let inDoubt = false;
  const send = async (): Promise<void> => {
    try {
      await client.send(command, { abortSignal: signal });
    } catch (error) {
      inDoubt ||= failureOf(error)?.unknown === true;
      if (!inDoubt || signal.aborted || !(await isStored(store, sent, signal))) throw error;
    }
  };
  await retrying(send, patience, signal);
  if (!(await isStored(store, sent, signal))) {
    throw new CallsealError('STORE_DOWN', 'the object store does not hold what it has confirmed');
  }
}

/** @param sent the object, if its completion was asked for: then it is looked for before the upload is given up */
async function abandon(store: S3Store, upload: Upload, sent: Sent | undefined): Promise<void> {
  const { client, target } = store;
  const command = new AbortMultipartUploadCommand({ ...target, Key: upload.name, UploadId: upload.id });
  await takeBack(store, sent, async (signal) => await client.send(command, { abortSignal: signal }));
}

function asSent(upload: Upload, parts: readonly SentPart[]): Sent {
  return {
    name: upload.name,
    bytes: parts.reduce((bytes, part) => bytes + part.bytes, 0),
    checksums: [encodeCrc32(joined(parts)), compositeCrc32(parts.map((part) => part.crc32))],
  };
}

/** The CRC-32 of the whole object. */
function joined(parts: readonly SentPart[]): number {
  return parts.reduce((crc, part) => joinCrc32(crc, part.crc32, part.bytes), 0);
}
