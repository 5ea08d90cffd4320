import type { ScratchMap } from '../../ports/scratch.ts';
import { whereIs } from './event-key.ts';
import type { ListedSource } from './listing.ts';
import { BATCH, type Run, sourceKey } from './parts.ts';

/** An edge stores a call before it announces it: so long nobody misses the event. */
const ANNOUNCED_WITHIN_MS = 60 * 60_000;

/** A listed source, kept until there is something to compare it with. */
export type Listed = Pick<ListedSource, 'tenant' | 'alias' | 'line' | 'bytes'> & {
  /** Milliseconds. */
  readonly modified?: number;
};

/** Reads the listing to its end before anything else is read: a line that is wrong is told at once. */
export async function noteListing(
  listed: ScratchMap<Listed>,
  listing: AsyncIterable<ListedSource>,
  signal: AbortSignal,
): Promise<void> {
  for await (const { tenant, alias, key, line, bytes, modified } of listing) {
    signal.throwIfAborted();
    const at = modified && { modified: modified.getTime() };
    listed.set(sourceKey(tenant, alias, key), { tenant, alias, line, bytes, ...at });
  }
}

/** Every object of a source store against the events that announce it and the receipts that name it. */
export async function compareSources(
  run: Run,
  listed: ScratchMap<Listed>,
  unannounced: ScratchMap<Listed>,
  signal: AbortSignal,
): Promise<void> {
  let isSomethingLeft = false;
  for (const [key, source] of listed.entries()) {
    signal.throwIfAborted();
    run.tally.compared('sources');
    const event = run.announced.get(key);
    if (event === undefined) {
      unannounced.set(key, source);
      isSomethingLeft = true;
    } else await compareAnnounced(run, source, key, event);
  }
  if (!isSomethingLeft) return;
  await leaveOutSealed(run, unannounced, signal);
  for (const [, source] of unannounced.entries()) await tellUnannounced(run, source);
}

async function compareAnnounced(run: Run, source: Listed, key: string, event: string): Promise<void> {
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
async function leaveOutSealed(run: Run, unannounced: ScratchMap<Listed>, signal: AbortSignal): Promise<void> {
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

async function tellUnannounced(run: Run, { modified, tenant, alias, line }: Listed): Promise<void> {
  const where = { tenant, alias, line };
  if (modified !== undefined && modified < run.since.getTime()) return run.tally.unjudged();
  const ageMs = modified === undefined ? undefined : run.now().getTime() - modified;
  if (ageMs !== undefined && ageMs < ANNOUNCED_WITHIN_MS) {
    return await run.tally.inFlight({ stage: 'unannounced', ...where, ageMs });
  }
  await run.tally.find('SOURCE_NEVER_ANNOUNCED', where);
}
