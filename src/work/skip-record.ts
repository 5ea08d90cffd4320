import type { Place } from '../domain/deliveries.ts';
import type { InboxSkip } from '../ports/inbox-skip.ts';
import type { AuditLog, Catalogue } from '../ports/registry.ts';
import { type Auditor, failedOutcome } from './auditor.ts';
import { REGISTRY_SUBJECT } from './reconcile/last-reconciliation.ts';

export interface SkipParts {
  readonly inbox: InboxSkip;
  readonly registry: Pick<AuditLog, 'openIntent' | 'closeIntent'>;
  readonly auditor: Auditor;
}

/**
 * Steps over a record that nobody can read. The audit event is durable before the mark is, and closed behind it: if
 * it cannot be written, nothing is skipped. A record that needs no skipping leaves no event.
 *
 * @throws CallsealError as `InboxSkip` does; REGISTRY_DOWN
 */
export async function skipRecord(
  { inbox, registry, auditor }: SkipParts,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  await inbox.look(place, signal);
  const delivery = { topic: place.topic, partition: place.partition, offset: place.offset };
  const intent = auditor.fact('inbox.skip', {
    subject: REGISTRY_SUBJECT,
    delivery,
    outcome: { status: 'intent' },
  });
  await registry.openIntent({ fact: intent }, signal);
  // Closed whatever happens, also after an interruption.
  const close = async (outcome: Parameters<Auditor['end']>[1]): Promise<void> =>
    await registry.closeIntent(
      { intentUid: intent.eventUid, fact: auditor.end(intent, outcome) },
      new AbortController().signal,
    );
  try {
    await inbox.skip(place, signal);
  } catch (error) {
    const outcome = failedOutcome(error);
    // Away in the middle of a commit: it may have been made.
    await close(outcome.code === 'INBOX_DOWN' ? { ...outcome, status: 'unknown' } : outcome);
    throw error;
  }
  await close({ status: 'ok' });
}

/** Where operators have stepped over a record, or may have: every such event whose act is not known to have failed. */
export async function skippedPlaces(
  registry: Pick<Catalogue, 'auditOf'>,
  signal: AbortSignal,
): Promise<readonly Place[]> {
  const facts = await registry.auditOf(REGISTRY_SUBJECT.uid, 'inbox.skip', signal);
  const failed = facts.filter(({ outcome }) => outcome.status === 'failed');
  const undone = new Set(failed.flatMap(({ eventUid, intentUid }) => [eventUid, intentUid]));
  return facts.filter(({ eventUid }) => !undone.has(eventUid)).flatMap(({ delivery }) => delivery ?? []);
}
