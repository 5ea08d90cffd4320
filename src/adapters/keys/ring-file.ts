import type { BigIntStats } from 'node:fs';
import { type FileHandle, link, lstat, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CallsealError, codeOf } from '../../domain/errors.ts';
import { fillTemporary, makeFolders, openNew, syncFolder } from '../files/durable-write.ts';
import { errnoOf } from '../files/errno.ts';
import { withKernelLock } from '../files/kernel-lock.ts';
import { openReadOnly } from '../files/read-only.ts';
import { type KeyRing, parseRing, ringText } from './key-ring.ts';

/** Thousands of tenants fit; more is not a key file. */
const MAX_FILE_BYTES = 64 * 2 ** 20;
const LOCK_WAIT_MS = 10_000;

export interface RingFile {
  readonly ring: KeyRing;
  /** Another one whenever the file was written, replaced, or given another mode or owner. */
  readonly identity: string;
}

/**
 * Reads the key file, if it is ours alone: a regular file of our uid that nobody else may read or write.
 *
 * @returns undefined where there is none.
 * @throws CallsealError KEY_FILE_UNUSABLE
 */
export async function readRingFile(path: string): Promise<RingFile | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await openReadOnly(path);
    const found = await file.stat({ bigint: true });
    checkOurs(found, path);
    const bytes = await file.readFile();
    const ring = parseRing(bytes.toString());
    bytes.fill(0);
    if (ring === undefined) throw damaged();
    return { ring, identity: identityOf(found) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unusable(error);
  } finally {
    await file?.close();
  }
}

/** @returns undefined where there is no file. @throws CallsealError KEY_FILE_UNUSABLE */
export async function ringFileIdentity(path: string): Promise<string | undefined> {
  try {
    return identityOf(await lstat(path, { bigint: true }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unusable(error);
  }
}

/**
 * Replaces the key file by what `change` makes of the newest one, under a lock, so that two processes never lose
 * each other's KEKs. Durable when it resolves. Where `change` returns what it was given, nothing is written.
 *
 * @throws CallsealError KEY_FILE_UNUSABLE, KMS_DOWN - the lock was not free in time
 */
export async function updateRingFile(
  path: string,
  change: (ring: KeyRing | undefined) => KeyRing,
  signal: AbortSignal,
): Promise<KeyRing> {
  try {
    await makeFolders(dirname(path));
    const updated = await withKernelLock(
      `${path}.lock`,
      LOCK_WAIT_MS,
      async () => {
        const before = (await readRingFile(path))?.ring;
        const after = change(before);
        if (after !== before) await writeRingFile(path, after, before === undefined);
        return after;
      },
      signal,
    );
    if (updated) return updated.value;
  } catch (error) {
    throw signal.aborted && codeOf(error) === 'STOPPING' ? error : unusable(error);
  }
  throw new CallsealError('KMS_DOWN', 'another process holds the lock of the key file');
}

/** Under the lock, so one name for the temporary does: what a crash left there is nobody's any more. */
async function writeRingFile(path: string, ring: KeyRing, isFirst: boolean): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await openNew(temporary);
  await fillTemporary(file, temporary, async () => {
    const bytes = Buffer.from(ringText(ring));
    await file.writeFile(bytes);
    bytes.fill(0);
  });
  if (isFirst) {
    // Refuses to replace: somebody may be restoring a backup right now.
    await link(temporary, path);
    await rm(temporary, { force: true });
  } else {
    await rename(temporary, path);
  }
  await syncFolder(dirname(path));
}

function checkOurs(found: BigIntStats, path: string): void {
  const wrong = flawOf(found, path);
  if (wrong) throw new CallsealError('KEY_FILE_UNUSABLE', wrong.message, { hint: wrong.hint });
}

function flawOf(found: BigIntStats, path: string): { message: string; hint: string } | undefined {
  if (!found.isFile()) return { message: 'the key file is no regular file', hint: `look at ${path}` };
  if (Number(found.uid) !== process.getuid?.()) {
    return { message: 'the key file belongs to another user', hint: `run as its owner, or chown ${path}` };
  }
  if ((Number(found.mode) & 0o077) !== 0) {
    return { message: 'the key file is open to other users', hint: `chmod 600 ${path}` };
  }
  if (found.size > MAX_FILE_BYTES) return { message: 'the key file is too large', hint: `look at ${path}` };
  return undefined;
}

function identityOf({ dev, ino, size, ctimeNs }: BigIntStats): string {
  return `${dev}-${ino}-${size}-${ctimeNs}`;
}

function damaged(): CallsealError {
  return new CallsealError('KEY_FILE_UNUSABLE', 'the key file is damaged', { hint: 'restore its backup' });
}

/** Any failure of the file as ours; our own errors as they are. */
function unusable(error: unknown): unknown {
  if (error instanceof CallsealError) return error;
  const errno = errnoOf(error);
  const message = `the key file cannot be read or written${errno === undefined ? '' : `: ${errno}`}`;
  return new CallsealError('KEY_FILE_UNUSABLE', message, { cause: error });
}
