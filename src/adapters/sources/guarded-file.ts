import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CallsealError, type Code, type Scope } from '../../domain/errors.ts';
import type { OpenSource, SourceStat } from '../../ports/sources.ts';
import { errnoOf } from '../files/errno.ts';
import { openReadOnly, readChunks } from '../files/read-only.ts';

/** A file to be read in place. */
export interface GuardedPath {
  readonly path: string;
  /** The folder, resolved, that the file must lie under; absent where an operator named the file itself. */
  readonly realRoot?: string;
  /** Whom it concerns when this file may not be read. */
  readonly scope: Scope;
}

/** Other system errors are SOURCE_DOWN. */
const CODE_OF: Readonly<Record<string, Code>> = {
  ENOENT: 'SOURCE_MISSING',
  ENOTDIR: 'SOURCE_MISSING',
  ELOOP: 'SOURCE_NOT_A_FILE',
  ENXIO: 'SOURCE_NOT_A_FILE', // a socket
  ENAMETOOLONG: 'SOURCE_KEY_FORBIDDEN',
  EACCES: 'SOURCE_DENIED',
  EPERM: 'SOURCE_DENIED',
};

const MESSAGE_OF: Partial<Record<Code, string>> = {
  SOURCE_MISSING: 'the source file is not there',
  SOURCE_NOT_A_FILE: 'the source is a link or no regular file',
  SOURCE_KEY_FORBIDDEN: 'the source key holds a piece that is too long for a file name',
  SOURCE_DENIED: 'the source may not be read',
};

/**
 * A write that follows within one tick of the kernel's clock may leave the same mtime: a version is only told
 * apart when its mtime is older than that. Ticks are 10 ms at most.
 */
const TICK_MS = 20;

/**
 * @throws CallsealError SOURCE_MISSING, SOURCE_NOT_A_FILE, SOURCE_KEY_FORBIDDEN, SOURCE_DENIED, SOURCE_DOWN
 * @throws CallsealError SOURCE_CHANGED - it is being written right now
 */
export async function statGuarded(file: GuardedPath, signal: AbortSignal): Promise<SourceStat> {
  signal.throwIfAborted();
  return await withHandle(file, async (handle) => {
    const found = await settledStat(handle, signal);
    return { bytes: Number(found.size), version: versionOf(found) };
  });
}

/** Holds no file open until the body is read, so that a caller who drops it leaks nothing. Same errors. */
export async function openGuarded(file: GuardedPath, signal: AbortSignal): Promise<OpenSource> {
  const opened = await statGuarded(file, signal);
  return { ...opened, body: readGuarded(file, opened, signal) };
}

async function* readGuarded(
  file: GuardedPath,
  opened: SourceStat,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  signal.throwIfAborted();
  const handle = await openChecked(file);
  try {
    await insistOn(opened.version, handle);
    // The last chunk is held back until the version was looked at behind it.
    let held: Buffer | undefined;
    let bytes = 0;
    for await (const chunk of readChunks(handle, { from: 0, to: opened.bytes }, signal)) {
      bytes += chunk.length;
      if (held !== undefined) yield held;
      held = chunk;
    }
    if (bytes !== opened.bytes) throw changed();
    await insistOn(opened.version, handle);
    if (held !== undefined) yield held;
  } catch (error) {
    throw translated(error, file.scope);
  } finally {
    await handle.close();
  }
}

async function withHandle<T>(file: GuardedPath, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await openChecked(file);
  try {
    return await work(handle);
  } catch (error) {
    throw translated(error, file.scope);
  } finally {
    await handle.close();
  }
}

async function openChecked(file: GuardedPath): Promise<FileHandle> {
  let handle: FileHandle | undefined;
  try {
    handle = await openReadOnly(file.path);
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) throw new CallsealError('SOURCE_NOT_A_FILE', 'the source is no regular file');
    if (file.realRoot !== undefined) await checkUnder(file.realRoot, file.path, found);
    return handle;
  } catch (error) {
    await handle?.close();
    throw translated(error, file.scope);
  }
}

/**
 * After the open, and by inode: the file in our hands stands under the root at this moment, whatever links are
 * swapped in the folders above it. Only looking before the open could be outrun.
 */
async function checkUnder(realRoot: string, path: string, opened: BigIntStats): Promise<void> {
  const real = await realpath(path);
  if (!real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep)) {
    throw new CallsealError('SOURCE_KEY_FORBIDDEN', 'the source key leads outside the folder of its alias');
  }
  const there = await lstat(real, { bigint: true });
  if (there.ino !== opened.ino || there.dev !== opened.dev) throw changed();
}

async function settledStat(handle: FileHandle, signal: AbortSignal): Promise<BigIntStats> {
  const first = await handle.stat({ bigint: true });
  const ageMs = Date.now() - Number(first.mtimeMs);
  // A time in the future is another machine's clock or a made-up one: nothing to wait for.
  if (ageMs < 0 || ageMs >= TICK_MS) return first;
  await setTimeout(TICK_MS - ageMs, undefined, { signal });
  await insistOn(versionOf(first), handle);
  return first;
}

async function insistOn(version: string, handle: FileHandle): Promise<void> {
  if (versionOf(await handle.stat({ bigint: true })) !== version) throw changed();
}

function versionOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}-${size}-${mtimeNs}`;
}

function changed(): CallsealError {
  return new CallsealError('SOURCE_CHANGED', 'the source file changed while it was read');
}

/** A system error as ours; everything else (our own errors, an abort) as it is. */
export function translated(error: unknown, scope: Scope): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const code = CODE_OF[errno] ?? 'SOURCE_DOWN';
  return new CallsealError(code, MESSAGE_OF[code] ?? `the source failed: ${errno}`, { cause: error, scope });
}
