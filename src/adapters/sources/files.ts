import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CallsealError } from '../../domain/errors.ts';
import type { SourceRef, Sources } from '../../ports/sources.ts';
import { isMissing } from '../files/errno.ts';
import { checkSourceKey } from './check-key.ts';
import { type GuardedPath, openGuarded, statGuarded, translated } from './guarded-file.ts';
import { removeGuarded, storedGuarded } from './remove-guarded.ts';

/** The folders of each tenant's aliases. */
export type FileAliases = Readonly<Record<string, Readonly<Record<string, { readonly root: string }>>>>;

/**
 * Source folders of this machine. A key is a relative path under its alias' root: no link as the file, no link above
 * it that leads out of the root, regular files only. A version is inode, size and mtime in nanoseconds.
 */
export function filesSources(options: { readonly aliases: FileAliases }): Sources {
  const guarded = async (ref: SourceRef): Promise<GuardedPath> => {
    const root = rootOf(options.aliases, ref);
    checkSourceKey(ref.key);
    const scope = { tenant: ref.tenant, alias: ref.alias };
    return { path: resolve(root, ref.key), realRoot: await realRootOf(root, scope), scope };
  };
  return {
    open: async (ref, signal) => await openGuarded(await guarded(ref), signal),
    stat: async (ref, signal) => await statGuarded(await guarded(ref), signal),
    stored: async (ref, signal) => await storedGuarded(await guarded(ref), signal),
    remove: async (ref, version, signal) => await removeGuarded(await guarded(ref), version, signal),
    close: async () => undefined,
  };
}

function rootOf(aliases: FileAliases, { tenant, alias }: SourceRef): string {
  // Own properties only: a tenant may be called `constructor`.
  const ofTenant = Object.hasOwn(aliases, tenant) ? aliases[tenant] : undefined;
  const found = ofTenant !== undefined && Object.hasOwn(ofTenant, alias) ? ofTenant[alias] : undefined;
  if (found === undefined)
    throw new CallsealError('ALIAS_NOT_OF_TENANT', 'the tenant has no such source alias');
  return found.root;
}

/** A root that is gone concerns every file of the alias: the disk is away, not one recording. */
async function realRootOf(root: string, scope: Required<GuardedPath>['scope']): Promise<string> {
  try {
    return await realpath(root);
  } catch (error) {
    if (!isMissing(error)) throw translated(error, scope);
    throw new CallsealError('SOURCE_DOWN', 'the folder of the source alias is not there', {
      cause: error,
      scope,
    });
  }
}
