import type { AuditFact } from '../domain/audit-event.ts';

/** One finding about the database of the registry. `loud`: it works, but a promise of the product does not hold. */
export interface RegistryFinding {
  readonly name: string;
  readonly status: 'ok' | 'loud' | 'bad';
  readonly finding: string;
  /** What to type or change where it is not ok. */
  readonly hint?: string;
}

export interface Migrated {
  readonly from: number;
  readonly to: number;
}

/** What an operator does with a registry that is a database server: nothing of it is needed at run time. */
export interface RegistryAdmin {
  /**
   * Tables to the newest version, then functions, row-level security and rights anew, with the audit event, all in
   * one transaction. Two at once are safe: the second finds nothing to do.
   *
   * @throws CallsealError BAD_CONFIG - the tables are newer than this program
   * @throws CallsealError REFUSED - the user does not own the tables, or a role is missing
   * @throws CallsealError REGISTRY_DOWN
   */
  migrate(fact: AuditFact, signal: AbortSignal): Promise<Migrated>;
  /** Reads only. @throws CallsealError REGISTRY_DOWN */
  check(signal: AbortSignal): Promise<RegistryFinding[]>;
  close(): Promise<void>;
}
