import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { CallsealError } from '../../domain/errors.ts';
import { retrying } from '../s3/retrying.ts';
import { type Found, lookAt, type S3Store } from './s3-store.ts';

/** An object as it was sent. */
export interface Sent {
  readonly name: string;
  readonly bytes: number;
  /** Checksums that the store may tell of it: of the whole, or composite over its parts. */
  readonly checksums: readonly string[];
}

/** How long cleaning up may take after the caller has left. What it does not reach, the sweep finds. */
const CLEANUP_MS = 10_000;

/**
 * Whether the store holds what was sent. Asked when no answer came, and nothing is undone before it is known.
 *
 * @throws CallsealError OBJECT_EXISTS - it holds something else under that name
 */
export async function isStored(store: S3Store, sent: Sent, signal: AbortSignal): Promise<boolean> {
  const found = await lookAt(store, sent.name, signal);
  if (found === undefined) return false;
  if (isSame(found, sent)) return true;
  throw new CallsealError('OBJECT_EXISTS', 'an object has that name already');
}

/**
 * Takes back an object that may have been stored although its create failed, if it is that one: what another
 * process has under this name stays. Then runs `next`, but only if the store could be asked.
 */
export async function takeBack(
  store: S3Store,
  sent: Sent | undefined,
  next: (signal: AbortSignal) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const signal = AbortSignal.timeout(CLEANUP_MS);
  try {
    if (sent !== undefined) await removeIfSame(store, sent, signal);
    await next(signal);
  } catch {
    // The caller has a better error already. The name is that of a lost attempt: the sweep looks at it again.
  }
}

async function removeIfSame(store: S3Store, sent: Sent, signal: AbortSignal): Promise<void> {
  const { client, target, patience } = store;
  const found = await lookAt(store, sent.name, signal);
  if (found === undefined || !isSame(found, sent)) return;
  const { versionId } = found;
  const command = new DeleteObjectCommand({
    ...target,
    Key: sent.name,
    ...(versionId && { VersionId: versionId }),
  });
  await retrying(async () => await client.send(command, { abortSignal: signal }), patience, signal);
}

/** By length alone where the store keeps no CRC-32: the name is fresh, so it is told from nothing else of ours. */
function isSame(found: Found, sent: Sent): boolean {
  const { bytes, checksum } = found;
  return bytes === sent.bytes && (checksum === undefined || sent.checksums.includes(checksum));
}
