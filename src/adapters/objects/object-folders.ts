import { rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CallsealError } from '../../domain/errors.ts';
import { makeFolder, makeFolders } from '../files/durable-write.ts';
import { errnoOf, isMissing } from '../files/errno.ts';
import { translated } from './file-errors.ts';

/** Folders whose names this process has synced; the oldest are forgotten, which costs one more sync. */
const REMEMBERED = 4096;
const TRIES = 5;

/** The folders that objects stand in. They come with the first object and go with the last. */
export interface ObjectFolders {
  readonly root: string;
  /** Runs `work` in a folder that is there and durable; again when somebody removed the empty folder meanwhile. */
  within<T>(folder: string, work: () => Promise<T>): Promise<T>;
  /**
   * Runs a look at the store. @returns undefined where it found nothing of that name.
   * @throws CallsealError STORE_DOWN - the root is gone: then "nothing there" would be a lie
   */
  look<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** Removes a folder and its parents as far as they are empty. Never rejects: an empty folder harms nobody. */
  prune(folder: string): Promise<void>;
}

export function objectFolders(root: string): ObjectFolders {
  const durable = new Set<string>();
  let rooted: Promise<void> | undefined;

  /** Once only: a root that vanishes later (a disk that went) must not be made again. */
  const makeRoot = async (): Promise<void> => {
    rooted ??= makeFolders(root);
    await rooted.catch((error: unknown) => {
      rooted = undefined;
      throw error;
    });
  };
  const make = async (folder: string): Promise<void> => {
    if (folder === root || durable.has(folder)) return;
    await make(dirname(folder));
    await makeFolder(folder);
    durable.add(folder);
    for (const oldest of durable) {
      if (durable.size <= REMEMBERED) break;
      durable.delete(oldest);
    }
  };
  const forget = (folder: string): void => {
    for (let at = folder; at !== root; at = dirname(at)) durable.delete(at);
  };

  return {
    root,
    within: async (folder, work) => {
      await makeRoot();
      for (let tried = 1; ; tried++) {
        try {
          await make(folder);
          return await work();
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT' || tried === TRIES) throw error;
          forget(folder);
        }
      }
    },
    look: async (work) => {
      try {
        await makeRoot();
        return await work();
      } catch (error) {
        if (!isMissing(error)) throw translated(error);
        if (await isFolder(root)) return undefined;
        throw new CallsealError('STORE_DOWN', 'the object folder is gone', { cause: error });
      }
    },
    prune: async (folder) => {
      for (let at = folder; at !== root; at = dirname(at)) {
        durable.delete(at);
        if (!(await removedIfEmpty(at))) return;
      }
    },
  };
}

async function removedIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch {
    return false;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
