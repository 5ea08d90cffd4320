import type { AuditFact } from '../../domain/audit-event.ts';
import type { Catalogue } from '../../ports/registry.ts';

/** What the audit event of a reconciliation is about: everything that this registry knows. */
export const REGISTRY_SUBJECT = { kind: 'registry', uid: 'registry' } as const satisfies AuditFact['subject'];

export interface LastReconciliation extends NonNullable<AuditFact['counts']> {
  /** When it ended, ISO time. */
  readonly at: string;
}

/** The newest reconciliation that came to its end, whoever ran it, as its audit event has it. */
export async function lastReconciliation(
  registry: Pick<Catalogue, 'auditOf'>,
  signal: AbortSignal,
): Promise<LastReconciliation | undefined> {
  const facts = await registry.auditOf(REGISTRY_SUBJECT.uid, 'reconcile.finish', signal);
  const last = facts.at(-1);
  return last?.counts && { at: last.time, ...last.counts };
}
