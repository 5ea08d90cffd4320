import { crc32 } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { fault } from '../../domain/crash-points.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { Part, StoredObject } from '../../ports/objects.ts';
import { encodeCrc32 } from '../s3/crc32.ts';
import { failureOf } from '../s3/failures.ts';
import { retrying } from '../s3/retrying.ts';
import type { PartSupply } from './part-supply.ts';
import { isStored, type Sent, takeBack } from './s3-doubt.ts';
import type { S3Store } from './s3-store.ts';

/** An object of one part, in one request that is refused where the name is taken. Releases the part. */
export async function putInS3(
  store: S3Store,
  name: string,
  part: Part,
  parts: Pick<PartSupply, 'next'>,
  signal: AbortSignal,
): Promise<StoredObject> {
  try {
    await requireEnd(parts);
    const { bytes } = part;
    const checksum = crc32(bytes);
    fault('before-object-visible');
    await put(store, { name, bytes: bytes.length, checksums: [encodeCrc32(checksum)] }, bytes, signal);
    fault('after-object-visible');
    return { name, bytes: bytes.length, crc32: checksum };
  } finally {
    part.release();
  }
}

/** What the producer checks behind its last part must hold before anything becomes readable. */
async function requireEnd(parts: Pick<PartSupply, 'next'>): Promise<void> {
  const late = await parts.next();
  if (late === undefined) return;
  late.release();
  throw new CallsealError('BUG', 'a part came behind the last one');
}

async function put(store: S3Store, sent: Sent, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const { client, target, encryption, patience } = store;
  const [checksum] = sent.checksums;
  const command = new PutObjectCommand({
    ...target,
    ...encryption,
    Key: sent.name,
    Body: bytes,
    ChecksumCRC32: checksum,
    IfNoneMatch: '*',
  });
  let inDoubt = false;
  const send = async (): Promise<string | undefined> => {
    try {
      return (await client.send(command, { abortSignal: signal })).ChecksumCRC32;
    } catch (error) {
      inDoubt ||= signal.aborted || failureOf(error)?.unknown === true;
      throw error;
    }
  };

  try {
    const told = await retrying(send, patience, signal);
    // A store that does not name the checksum may not have looked at it.
    if (told === checksum || (await isStored(store, sent, signal))) return;
    throw new CallsealError('STORE_DOWN', 'the object store does not hold what it has confirmed');
  } catch (error) {
    if (!inDoubt) throw error;
    if (!signal.aborted && (await isStored(store, sent, signal))) return;
    await takeBack(store, sent);
    throw error;
  }
}
