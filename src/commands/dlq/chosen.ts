import { CallsealError } from '../../domain/errors.ts';
import type { Parked, ParkedLedger, ParkedState } from '../../ports/parked.ts';
import { type FilterOptions, filterOf, newSince, place } from './filter.ts';

/** One command takes so many dead letters at most; there is always another command. */
const MOST = 100_000;

/** One that was parked: by the uid of its answer, or by its origin, whose last replay is meant. */
export async function findParked(
  registry: Pick<ParkedLedger, 'parked'>,
  ref: string,
  signal: AbortSignal,
): Promise<Parked> {
  const filter = ref.includes('/') ? { origin: place(ref) } : { uid: ref };
  const found = await registry.parked(filter, { newSince: newSince({}), limit: MOST }, signal);
  const [last] = found.toSorted((a, b) => b.answer.replay - a.answer.replay);
  if (last !== undefined) return last;
  const which = ref.includes('/') ? `came from ${ref}` : `has the uid ${ref}`;
  throw new CallsealError('NOT_FOUND', `nothing parked ${which}`, { hint: 'callseal dlq ls' });
}

/**
 * Those that were named, or those that the filter meets. Never all because nobody said which.
 *
 * @throws CallsealError USAGE - neither names nor a filter, or both; NOT_FOUND - there is none
 */
export async function chosenParked(
  registry: Pick<ParkedLedger, 'parked'>,
  { refs, options, state }: { refs: readonly string[]; options: FilterOptions; state?: ParkedState },
  signal: AbortSignal,
): Promise<Parked[]> {
  const hasFilter = Object.keys(filterOf({ ...options, state: 'any' })).length > 0;
  if (refs.length > 0 === hasFilter) {
    throw new CallsealError('USAGE', 'say which: uids, or a filter such as --fingerprint HEX, not both', {
      hint: 'callseal dlq stats',
    });
  }
  if (refs.length > 0) {
    const found: Parked[] = [];
    for (const ref of refs) found.push(await findParked(registry, ref, signal));
    return found;
  }
  const limits = { newSince: newSince(options), limit: MOST };
  const found = await registry.parked(filterOf(options, state), limits, signal);
  if (found.length === 0) {
    throw new CallsealError('NOT_FOUND', 'the filter meets no dead letter', { hint: 'callseal dlq stats' });
  }
  return found;
}
