import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CallsealError, codeOf } from '../../domain/errors.ts';
import type { SourceVersion } from '../../domain/receipts.ts';
import { syncFolder } from '../files/durable-write.ts';
import { type GuardedPath, statGuarded, translated } from './guarded-file.ts';

/** The version of the file; empty where there is none. Errors of `statGuarded`, but for SOURCE_MISSING. */
export async function storedGuarded(file: GuardedPath, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return [(await statGuarded(file, signal)).version];
  } catch (error) {
    if (codeOf(error) === 'SOURCE_MISSING') return [];
    throw error;
  }
}

/**
 * Gone for good when it resolves: the folder is synced. A file that takes this one's place between the look and the
 * deletion goes in its stead; a file system has no deletion with a condition.
 *
 * @throws CallsealError SOURCE_CHANGED, SOURCE_MISSING; see also `statGuarded`
 */
export async function removeGuarded(
  file: GuardedPath,
  version: SourceVersion,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await statGuarded(file, signal);
  if (found.version !== version) {
    throw new CallsealError('SOURCE_CHANGED', 'another version of the source than that one is there');
  }
  try {
    await unlink(file.path);
    await syncFolder(dirname(file.path));
  } catch (error) {
    throw translated(error, file.scope);
  }
  return await storedGuarded(file, signal);
}
