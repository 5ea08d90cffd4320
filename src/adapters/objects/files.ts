import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { type FileHandle, link, lstat, opendir, readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { fault } from '../../domain/crash-points.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { ListedObject, Objects, StoredObject } from '../../ports/objects.ts';
import { fillTemporary, openNew, removeQuietly, syncFolder } from '../files/durable-write.ts';
import { errnoOf, isMissing } from '../files/errno.ts';
import { openReadOnly, readChunks } from '../files/read-only.ts';
import { translated } from './file-errors.ts';
import { type ObjectFolders, objectFolders } from './object-folders.ts';
import { checkObjectName, checkObjectPrefix, isObjectName } from './object-name.ts';
import { type PartSupply, partSupply } from './part-supply.ts';

/** Stands in no object name, so an unfinished file can never be read as an object. */
const UNFINISHED = '#';

/**
 * Sealed objects as files: `<root>/<tenant>/<callUid>/<attempt>/<artifact>`, 0600 in folders 0700.
 *
 * An object is written as `<name>#<random>` beside its place, synced, and linked to its name, which refuses to
 * replace. What a `kill -9` leaves behind is listed as unfinished and goes with `remove`.
 */
export function filesObjects(options: { readonly root: string }): Objects {
  const folders = objectFolders(resolve(options.root));
  const pathOf = (name: string): string => {
    checkObjectName(name);
    return join(folders.root, name);
  };

  return {
    create: async (name, parts, signal) => {
      const supply = partSupply(parts, signal);
      try {
        return { name, ...(await createObject(pathOf(name), folders, supply, signal)) };
      } catch (error) {
        throw supply.threw(error) ? error : translated(error);
      } finally {
        await supply.close();
      }
    },
    stat: async (name, signal) => {
      signal.throwIfAborted();
      const path = pathOf(name);
      const found = await folders.look(async () => await lstat(path));
      return found?.isFile() ? { name, bytes: found.size } : undefined;
    },
    read: async function* (name, range, signal) {
      yield* readObject(pathOf(name), folders, range, signal);
    },
    remove: async (name, signal) => {
      signal.throwIfAborted();
      const path = pathOf(name);
      const left = await folders.look(async () => await removeObject(path));
      await folders.prune(dirname(path));
      return (left ?? []).map((file) => join(dirname(name), file));
    },
    list: async function* (prefix, signal) {
      signal.throwIfAborted();
      checkObjectPrefix(prefix);
      await folders.look(async () => await stat(folders.root));
      yield* listObjects(folders.root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, signal);
    },
    close: async () => undefined,
  };
}

async function createObject(
  path: string,
  folders: ObjectFolders,
  supply: PartSupply,
  signal: AbortSignal,
): Promise<Omit<StoredObject, 'name'>> {
  signal.throwIfAborted();
  // Beside its place: a link does not reach into another file system.
  const temporary = `${path}${UNFINISHED}${randomBytes(8).toString('hex')}`;
  const file = await folders.within(dirname(path), async () => await openNew(temporary));
  const stored = await fillTemporary(file, temporary, async () => await writeParts(file, supply));
  await makeVisible(temporary, path, signal);
  return stored;
}

async function writeParts(file: FileHandle, supply: PartSupply): Promise<{ bytes: number; crc32: number }> {
  let bytes = 0;
  let checksum = 0;
  let whole = false;
  for (let part = await supply.next(); part !== undefined; part = await supply.next()) {
    try {
      if (whole) throw new CallsealError('BUG', 'a part came behind the last one');
      // Writes all of it, or fails: a short write is written on.
      await file.writeFile(part.bytes);
      checksum = crc32(part.bytes, checksum);
      bytes += part.bytes.length;
      whole = part.last;
    } finally {
      part.release();
    }
  }
  if (!whole) throw new CallsealError('BUG', 'the parts ended without a last one');
  return { bytes, crc32: checksum };
}

/** After the link nothing but a crash or a broken disk comes between; an abort comes too late and is ignored. */
async function makeVisible(temporary: string, path: string, signal: AbortSignal): Promise<void> {
  try {
    signal.throwIfAborted();
    fault('before-object-visible');
    await link(temporary, path);
  } catch (error) {
    await removeQuietly(temporary);
    throw error;
  }
  try {
    fault('after-object-visible');
    await unlink(temporary);
    await syncFolder(dirname(path));
  } catch (error) {
    // Not known to be durable, so it must not be readable. The link made it ours.
    await removeQuietly(path);
    await removeQuietly(temporary);
    throw error;
  }
}

async function* readObject(
  path: string,
  folders: ObjectFolders,
  range: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  signal.throwIfAborted();
  if (!(range.from >= 0 && range.to >= range.from)) throw new CallsealError('BUG', 'not a range of bytes');
  const file = await folders.look(async () => await openReadOnly(path));
  try {
    const found = await file?.stat();
    if (file === undefined || !found?.isFile()) {
      throw new CallsealError('OBJECT_MISSING', 'there is no object of that name');
    }
    yield* readChunks(file, { from: range.from, to: Math.min(range.to, found.size) }, signal);
  } catch (error) {
    throw translated(error);
  } finally {
    await file?.close();
  }
}

async function removeObject(path: string): Promise<string[]> {
  const folder = dirname(path);
  for (const file of await filesOf(path)) {
    // EPERM is a lock of the file system (immutable, append-only): the listing below says that it stays.
    await unlink(join(folder, file)).catch((error: unknown) => {
      if (errnoOf(error) !== 'EPERM' && !isMissing(error)) throw error;
    });
  }
  // Also where nothing was left to remove: an earlier try may have failed right here.
  await syncFolder(folder);
  return await filesOf(path);
}

/** Files of the folder that hold the object at `path` or unfinished bytes of it. */
async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(dirname(path), { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  return files.filter((file) => targetOf(file) === basename(path));
}

function targetOf(file: string): string {
  return file.split(UNFINISHED, 1)[0] ?? file;
}

/** @param above the part of the names that is a folder already walked into: empty, or ending in a slash. */
async function* listObjects(
  root: string,
  above: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ListedObject, void, undefined> {
  for await (const entry of entriesOf(join(root, above))) {
    signal.throwIfAborted();
    const name = `${above}${targetOf(entry.name)}`;
    // What cannot be a name of ours is not ours: `lost+found`, an editor's backup.
    if (!name.startsWith(prefix) || !isObjectName(name)) continue;
    if (entry.isDirectory()) yield* listObjects(root, `${name}/`, prefix, signal);
    if (!entry.isFile()) continue;
    const bytes = await sizeOf(join(root, above, entry.name));
    if (bytes !== undefined) yield { name, bytes, unfinished: entry.name.includes(UNFINISHED) };
  }
}

async function* entriesOf(folder: string): AsyncGenerator<Dirent, void, undefined> {
  try {
    yield* await opendir(folder);
  } catch (error) {
    // Removed while it was listed.
    if (!isMissing(error)) throw translated(error);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw translated(error);
  }
}
