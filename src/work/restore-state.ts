import type { InboxRestore } from '../ports/inbox-restore.ts';
import { type RestoredParts, type SignOfRestore, signOfRestore } from './registry-restored.ts';
import { publishedHead } from './verify-audit.ts';

/**
 *   as-known      nothing shows that it went back
 *   unnoticed     it shows, and no worker has come to see it yet
 *   not-accepted  it was noticed, and nothing is decided, swept or shredded
 */
export interface RestoreState {
  readonly state: 'as-known' | 'unnoticed' | 'not-accepted';
  readonly sign: SignOfRestore | undefined;
  readonly epoch: number;
  /** The registry's last audit event, and the last one on the audit topic; 0 where there is none. */
  readonly auditSeq: number;
  readonly publishedSeq: number;
  /** Whoever takes deliveries now. */
  readonly members: readonly string[];
}

export interface RestoreStateParts extends Omit<RestoredParts, 'auditor'> {
  readonly inbox: Pick<InboxRestore, 'members'>;
}

/** Reads only: whoever asks changes nothing. */
export async function restoreState(parts: RestoreStateParts, signal: AbortSignal): Promise<RestoreState> {
  const { registry, events, inbox } = parts;
  const sign = await signOfRestore(parts, signal);
  const { published } = await publishedHead(events, signal);
  const { epoch, auditSeq, wentBack } = await registry.state(signal);
  const state = wentBack ? 'not-accepted' : sign === undefined ? 'as-known' : 'unnoticed';
  return {
    state,
    sign,
    epoch,
    auditSeq,
    publishedSeq: published?.seq ?? 0,
    members: await inbox.members(signal),
  };
}
