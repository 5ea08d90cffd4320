import { CallsealError } from '../../domain/errors.ts';
import { ONE_CALL_ALIAS } from '../../domain/tenants.ts';
import type { Ledger } from '../../ports/registry.ts';
import type { SourceRef, Sources } from '../../ports/sources.ts';
import { checkSourceKey } from './check-key.ts';
import { type GuardedPath, openGuarded, statGuarded } from './guarded-file.ts';
import { removeGuarded, storedGuarded } from './remove-guarded.ts';

/**
 * Files that an operator named for one call (`callseal seal --audio FILE`), read in place. The registry knows the
 * resolved path of each (tenant, call, revision, key); an event cannot reach any other. No root, since the operator
 * chose the file; a link that has taken its place since is refused.
 */
export function oneCallSources(options: { readonly ledger: Pick<Ledger, 'oneCallSource'> }): Sources {
  const guarded = async (ref: SourceRef, signal: AbortSignal): Promise<GuardedPath> => {
    const { tenant, call, revision, alias, key } = ref;
    if (alias !== ONE_CALL_ALIAS) {
      throw new CallsealError('ALIAS_NOT_OF_TENANT', 'the tenant has no such source alias');
    }
    checkSourceKey(key);
    const path = await options.ledger.oneCallSource({ tenant, call, revision, key }, signal);
    if (path === undefined) {
      throw new CallsealError('SOURCE_KEY_FORBIDDEN', 'no file was named for this call, revision and key', {
        hint: 'a file is known until its call is answered: name it again with callseal seal',
      });
    }
    return { path, scope: { tenant, alias } };
  };
  return {
    open: async (ref, signal) => await openGuarded(await guarded(ref, signal), signal),
    stat: async (ref, signal) => await statGuarded(await guarded(ref, signal), signal),
    stored: async (ref, signal) => await storedGuarded(await guarded(ref, signal), signal),
    remove: async (ref, version, signal) => await removeGuarded(await guarded(ref, signal), version, signal),
    close: async () => undefined,
  };
}
