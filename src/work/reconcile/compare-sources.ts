import type { ScratchMap } from '../../ports/scratch.ts';
import { whereIs } from './event-key.ts';
import type { ListedSource } from './listing.ts';
import { BATCH, type Run, sourceKey } from './parts.ts';

/** An edge stores a call before it announces it: so long nobody misses the event. */
const ANNOUNCED_WITHIN_MS = 60 * 60_000;

type Unannounced = Pick<ListedSource, 'tenant' | 'alias' | 'line'> & { readonly modified?: number };

/** Every object of a source store against the events that announce it and the receipts that name it. */
export async function compareSources(
  run: Run,
  listing: AsyncIterable<ListedSource>,
  unannounced: ScratchMap<Unannounced>,
  signal: AbortSignal,
): Promise<void> {
  let isSomethingLeft = false;
  for await (const source of listing) {
    signal.throwIfAborted();
    run.tally.compared('sources');
    const key = sourceKey(source.tenant, source.alias, source.key);
    const event = run.announced.get(key);
    if (event !== undefined) {
      await compareAnnounced(run, source, key, event);
      continue;
    }
    const { tenant, alias, line, modified } = source;
    unannounced.set(key, { tenant, alias, line, ...(modified && { modified: modified.getTime() }) });
    isSomethingLeft = true;
  }
  if (!isSomethingLeft) return;
  await leaveOutSealed(run, unannounced, signal);
  for (const [, source] of unannounced.entries()) await tellUnannounced(run, source);
}

async function compareAnnounced(run: Run, source: ListedSource, key: string, event: string): Promise<void> {
  const { tenant, alias, line, bytes } = source;
  const where = { ...whereIs(event), tenant, alias, line };
  const seen = run.seenEvents.get(event);
  if (seen?.done === true && !seen.answered) await run.tally.find('SOURCE_NEVER_ANSWERED', where);
  const sealedBytes = run.sealedSources.get(key);
  if (sealedBytes !== undefined && sealedBytes !== bytes) {
    await run.tally.find('SOURCE_LENGTH_DIFFERS', where);
  }
}

/** Announced before the time that is looked at, and sealed: the receipt says so for ever. */
async function leaveOutSealed(
  run: Run,
  unannounced: ScratchMap<Unannounced>,
  signal: AbortSignal,
): Promise<void> {
  for (let callUid = ''; ; ) {
    const receipts = await run.registry.currentReceipts({ callUid }, BATCH, signal);
    for (const { tenant, artifacts } of receipts) {
      for (const { source } of artifacts) {
        if (source) unannounced.delete(sourceKey(tenant, source.alias, source.key));
      }
    }
    const last = receipts.at(-1);
    if (last === undefined) return;
    callUid = last.callUid;
  }
}

async function tellUnannounced(run: Run, { modified, ...where }: Unannounced): Promise<void> {
  if (modified !== undefined && modified < run.since.getTime()) return run.tally.unjudged();
  const ageMs = modified === undefined ? undefined : run.now().getTime() - modified;
  if (ageMs !== undefined && ageMs < ANNOUNCED_WITHIN_MS) {
    return await run.tally.inFlight({ stage: 'unannounced', ...where, ageMs });
  }
  await run.tally.find('SOURCE_NEVER_ANNOUNCED', where);
}
