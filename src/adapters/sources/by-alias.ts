import { CallsealError } from '../../domain/errors.ts';
import type { SourceRef, Sources } from '../../ports/sources.ts';

/** Finds the adapter that serves an alias of a tenant; undefined where the tenant has no such alias. */
export type AdapterOf = (tenant: string, alias: string) => Sources | undefined;

/** One `Sources` over several. Closing it closes each of `all`. */
export function sourcesByAlias(options: {
  readonly of: AdapterOf;
  readonly all: readonly Sources[];
}): Sources {
  const adapterOf = ({ tenant, alias }: SourceRef): Sources => {
    const adapter = options.of(tenant, alias);
    if (adapter) return adapter;
    throw new CallsealError('ALIAS_NOT_OF_TENANT', 'the tenant has no such source alias');
  };
  return {
    open: async (ref, signal) => await adapterOf(ref).open(ref, signal),
    stat: async (ref, signal) => await adapterOf(ref).stat(ref, signal),
    stored: async (ref, signal) => await adapterOf(ref).stored(ref, signal),
    remove: async (ref, version, signal) => await adapterOf(ref).remove(ref, version, signal),
    close: async () => {
      const closed = await Promise.allSettled(options.all.map(async (sources) => await sources.close()));
      const failures = closed.filter((end) => end.status === 'rejected').map((end): unknown => end.reason);
      if (failures.length > 0) throw new AggregateError(failures, 'not every source adapter closed');
    },
  };
}
