import { canonical } from '../domain/canonical.ts';
import { CallsealError } from '../domain/errors.ts';
import { restoreNotAccepted } from '../domain/restore-not-accepted.ts';
import type { Events } from '../ports/events.ts';
import type { Objects } from '../ports/objects.ts';
import type { AuditLog, Restoring, Tombstone } from '../ports/registry.ts';
import type { AuditHead } from './audit-chain.ts';
import type { Auditor } from './auditor.ts';
import { readTombstones } from './tombstone-objects.ts';
import { publishedHead } from './verify-audit.ts';

export interface RestoredParts {
  readonly registry: Restoring & Pick<AuditLog, 'chain'>;
  readonly events: Pick<Events, 'last'>;
  readonly objects: Pick<Objects, 'list' | 'read'>;
  readonly auditor: Auditor;
}

/** By what it shows: rows of the chain are missing, the chain goes on differently, or a shred was forgotten. */
export type SignOfRestore = 'behind' | 'forked' | 'tombstone';

/** Tombstones of the object store that are looked up; shreds by clocks that differ stand a little out of order. */
const NEWEST = 20;
/** Rows among which they are looked for: not every one has its object yet. */
const AMONG = 1_000;

/**
 * Looks whether the registry was put back, or a standby took over that had not got everything (docs/architecture.md,
 * "A registry that went back"). If so it is declared: the epoch is raised, shreds are done again, nothing is decided
 * until the restore is accepted. To be asked on every new connection, before anything else runs on it.
 *
 * What the world knows is always read before what the registry knows, which was first and meanwhile only grows: so
 * whatever the registry lacks, it had once.
 *
 * @param options.withoutSign - an operator says that it went back, whatever it shows
 * @returns whether it went back, now or before
 * @throws CallsealError INBOX_DOWN, STORE_DOWN, REGISTRY_DOWN, … - it cannot be told now
 */
export async function noticeRestore(
  parts: RestoredParts,
  signal: AbortSignal,
  { withoutSign = false }: { readonly withoutSign?: boolean } = {},
): Promise<boolean> {
  const { registry, auditor } = parts;
  if ((await registry.state(signal)).wentBack) return true;
  if (!withoutSign && (await signOfRestore(parts, signal)) === undefined) return false;
  const tombstones: Tombstone[] = [];
  for await (const tombstone of readTombstones(parts.objects, signal)) tombstones.push(tombstone);
  const noticed = { status: 'failed', code: 'REGISTRY_WENT_BACK' } as const;
  await registry.declareWentBack(
    tombstones,
    auditor.fact('registry.accept-restore', { outcome: noticed }),
    signal,
  );
  return true;
}

/** Before a worker starts. @throws CallsealError REGISTRY_WENT_BACK */
export async function refuseRestored(parts: RestoredParts, signal: AbortSignal): Promise<void> {
  if (!(await noticeRestore(parts, signal))) return;
  throw restoreNotAccepted();
}

/** Ends a worker once anything shows it that the registry went back: it cannot do anything right any more. */
export interface RestoreWatch {
  /** Aborts then. */
  readonly signal: AbortSignal;
  /** To be told of every failure. */
  told(error: unknown): void;
  /** Looks at a new connection. */
  look(parts: RestoredParts, signal: AbortSignal): Promise<void>;
  /** Runs the worker. @throws CallsealError REGISTRY_WENT_BACK - whatever else it failed with since */
  during(work: () => Promise<void>): Promise<void>;
}

export function restoreWatch(): RestoreWatch {
  const over = new AbortController();
  let why: CallsealError | undefined;
  const told = (error: unknown): void => {
    if (!(error instanceof CallsealError) || error.code !== 'REGISTRY_WENT_BACK') return;
    why ??= error;
    over.abort();
  };
  return {
    signal: over.signal,
    told,
    look: async (parts, signal) => {
      if (await noticeRestore(parts, signal)) told(restoreNotAccepted());
    },
    during: async (work) => {
      try {
        await work();
      } catch (error) {
        throw why ?? error;
      }
      if (why !== undefined) throw why;
    },
  };
}

export async function signOfRestore(
  { registry, events, objects }: Omit<RestoredParts, 'auditor'>,
  signal: AbortSignal,
): Promise<SignOfRestore | undefined> {
  const { published: head } = await publishedHead(events, signal);
  const newest: Tombstone[] = [];
  for await (const tombstone of readTombstones(objects, signal)) {
    if (newest.push(tombstone) === NEWEST) break;
  }
  if (head !== undefined) {
    if ((await registry.state(signal)).auditSeq < head.seq) return 'behind';
    if (!(await isInChain(registry, head, signal))) return 'forked';
  }
  const rows = newest.length === 0 ? [] : await registry.tombstones(signal, AMONG);
  const known = new Set(rows.map(scopeOf));
  return newest.every((tombstone) => known.has(scopeOf(tombstone))) ? undefined : 'tombstone';
}

/** Without the time: what was shredded again after a restore has two. */
function scopeOf({ tenant, call, keyClass }: Tombstone): string {
  return canonical([tenant, call ?? '*', keyClass ?? '*']);
}

/** A registry that was put back and went on would reach the same number, but not with the same hash. */
async function isInChain(
  registry: Pick<AuditLog, 'chain'>,
  head: AuditHead,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const { seq, hash } of registry.chain(head.seq, signal))
    return seq === head.seq && hash === head.hash;
  return false;
}
