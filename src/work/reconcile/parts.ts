import type { EventLimits } from '../../domain/decode-event.ts';
import type { Events } from '../../ports/events.ts';
import type { Inbox } from '../../ports/inbox.ts';
import type { Objects } from '../../ports/objects.ts';
import type { Reconciling } from '../../ports/reconciling.ts';
import type { AuditLog, Catalogue, Sweeping } from '../../ports/registry.ts';
import type { Scratch, ScratchMap } from '../../ports/scratch.ts';
import type { Auditor } from '../auditor.ts';
import type { Tally } from './tally.ts';

/** Reads only, but for the audit event at the end. */
export interface ReconcileParts {
  readonly inbox: Pick<Inbox, 'records'>;
  readonly events: Pick<Events, 'read'>;
  readonly objects: Pick<Objects, 'stat'>;
  readonly registry: Reconciling &
    Pick<Catalogue, 'answers' | 'auditOf' | 'receipts' | 'wrappedKey'> &
    Pick<Sweeping, 'isNamed'> &
    Pick<AuditLog, 'append'>;
  readonly auditor: Auditor;
  readonly limits: EventLimits;
  readonly openScratch: () => Promise<Scratch>;
  readonly now: () => Date;
}

/** An event, over all records of it that were read. */
export interface EventSeen {
  readonly tenant?: string;
  readonly call?: string;
  readonly publishedAt: number;
  /** Every record of it was settled or handed over. */
  readonly done: boolean;
  readonly answered: boolean;
}

/** An output that an answer publishes. */
export interface OutputDue {
  readonly answer: string;
  /** Of the event, as `eventKey` writes it. */
  readonly event: string;
  readonly tenant?: string;
  readonly call?: string;
  readonly decidedAt: number;
  /** From before the time that is looked at: here only so that its outputs are known. */
  readonly early: boolean;
  readonly sha256?: string;
  readonly object?: string;
  /** SHA-256 of the record that was read; empty for a dead letter. */
  readonly seen?: string;
}

/** One reconciliation: what it reads with, and what it has read, on disk. */
export interface Run extends ReconcileParts {
  readonly since: Date;
  readonly until: Date;
  readonly tally: Tally;
  readonly seenEvents: ScratchMap<EventSeen>;
  readonly unanswered: ScratchMap<true>;
  readonly outputsDue: ScratchMap<OutputDue>;
  /** By `sourceKey`: the event that announced it. */
  readonly announced: ScratchMap<string>;
  /** By `sourceKey`: bytes of the plaintext that was sealed. */
  readonly sealedSources: ScratchMap<number>;
  readonly withSources: boolean;
}

/** Rows and records that are looked up together; all that is in memory at once. */
export const BATCH = 200;

/**
 * What an answer's outputs may take without being missed, where no record of its event was read; and what clocks of
 * two machines may differ by.
 */
export const GRACE_MS = 15 * 60_000;

export function sourceKey(tenant: string, alias: string, key: string): string {
  return JSON.stringify([tenant, alias, key]);
}
