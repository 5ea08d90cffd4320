import { CallsealError } from '../domain/errors.ts';
import type { Events } from '../ports/events.ts';
import type { HandOverProgress, InboxRestore } from '../ports/inbox-restore.ts';
import type { AuditLog, Restoring } from '../ports/registry.ts';
import { noticeRestore, type RestoredParts } from './registry-restored.ts';
import { type Rejoined, rejoinTopic } from './rejoin-topic.ts';
import { type RelayOptions, relayPending } from './relay-audit.ts';
import { readTombstones } from './tombstone-objects.ts';

export interface AcceptRestoreParts extends RestoredParts {
  readonly registry: Restoring & AuditLog;
  readonly events: Pick<Events, 'last' | 'read' | 'publish'>;
  readonly inbox: InboxRestore;
  readonly relay: RelayOptions;
}

export interface AcceptRestoreOptions {
  /** Also where nothing shows that the registry went back: what it lost was not relayed yet. */
  readonly withoutSign: boolean;
}

export interface AcceptedRestore {
  readonly epoch: number;
  /** Shreds that were done again. */
  readonly tombstones: number;
  readonly chain: Rejoined;
  readonly deliveries: HandOverProgress;
}

/**
 * Accepts that the registry was put back (docs/architecture.md, "A registry that went back"):
 *
 *   notice ─► nobody works ─► fence ─► tombstones again ─► audit chain back from its topic
 *          ─► every done record without an answer to the retry topic ─► accepted ─► relay
 *
 * Until it is accepted no worker starts. Each step is safe to repeat, so after a failure or `kill -9` the whole is
 * run again.
 *
 * @returns undefined where the registry did not go back
 * @throws CallsealError REFUSED - somebody still works: named
 */
export async function acceptRestore(
  parts: AcceptRestoreParts,
  { withoutSign }: AcceptRestoreOptions,
  onProgress: (progress: HandOverProgress) => void,
  signal: AbortSignal,
): Promise<AcceptedRestore | undefined> {
  const { registry, inbox, objects, auditor } = parts;
  const wentBack = await noticeRestore(parts, signal);
  if (!wentBack && !withoutSign) return undefined;
  await refuseMembers(inbox, signal);
  // Only now: saying so stops every worker there is.
  if (!wentBack) await noticeRestore(parts, signal, { withoutSign });
  await inbox.fence(signal);
  const tombstones = await Array.fromAsync(readTombstones(objects, signal));
  await registry.reapplyTombstones(tombstones, signal);
  const chain = await rejoinTopic(parts, signal);
  const deliveries = await inbox.handOverUnanswered(
    async (some) => await registry.answered(some, signal),
    onProgress,
    signal,
  );
  await registry.acceptRestore(auditor.fact('registry.accept-restore'), signal);
  await relayAccepted(parts, signal);
  const { epoch } = await registry.state(signal);
  return { epoch, tombstones: tombstones.length, chain, deliveries };
}

async function refuseMembers(inbox: InboxRestore, signal: AbortSignal): Promise<void> {
  const members = await inbox.members(signal);
  if (members.length === 0) return;
  throw new CallsealError('REFUSED', `somebody still takes deliveries: ${members.join(', ')}`, {
    hint: 'end every worker, and its supervisor; one that was killed counts until its session ends, a dozen seconds',
  });
}

/** The accepting stands on the topic before any worker starts. Where another relay has the lease, it is that one's. */
async function relayAccepted(
  { registry, events, relay }: AcceptRestoreParts,
  signal: AbortSignal,
): Promise<void> {
  await relayPending({ audit: registry, events }, relay, signal);
  await registry.releaseRelay(relay.holder, signal);
}
