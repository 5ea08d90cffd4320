import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './errno.ts';

/** Only our own uid may read or write what we make. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Makes a file, and fails where anything of that name is there. */
export async function openNew(path: string): Promise<FileHandle> {
  return await open(path, 'wx', FILE_MODE);
}

/**
 * Lets `write` fill a file that nobody knows yet, syncs its bytes and closes it. When it rejects, the file is gone.
 * The name is durable only after it was linked or renamed to its place and the folder was synced.
 */
export async function fillTemporary<T>(
  file: FileHandle,
  path: string,
  write: (file: FileHandle) => Promise<T>,
): Promise<T> {
  try {
    try {
      const result = await write(file);
      await file.sync();
      return result;
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeQuietly(path);
    throw error;
  }
}

/** Makes the names in a folder survive a power cut: those that were added and those that were taken away. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes one folder where it is missing, and its name durable, whoever made it. Its parent must be there. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: FOLDER_MODE }).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
  await syncFolder(dirname(folder));
}

/** Makes a folder with all its parents; each one that was missing is durable. */
export async function makeFolders(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/** For cleaning up after an error that is worth more than this one: what stays is found by whoever lists. */
export async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}
