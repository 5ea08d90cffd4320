import { AUDIT_TYPE, type AuditEvent } from '../domain/audit-event.ts';
import { canonical } from '../domain/canonical.ts';
import { fault } from '../domain/crash-points.ts';
import { CallsealError, codeOf, dispositionOf } from '../domain/errors.ts';
import { cloudEventHeaders, type Output } from '../domain/outputs.ts';
import type { Events } from '../ports/events.ts';
import type { AuditLog } from '../ports/registry.ts';

/**
 * The relay takes audit rows into the one chain of their registry and publishes them in its order.
 *
 *   lease ─► sequence (seq, prev, hash: one transaction) ─► publish ─► mark
 *
 * One relay works at a time, by a lease with a fencing number; one that lost it without noticing can chain and mark
 * nothing, but may still publish what was chained already. So a reader may meet a record again, later than its place
 * and with the same id and the same bytes; after a crash before the mark likewise.
 */
export interface RelayPorts {
  readonly audit: Pick<AuditLog, 'leaseRelay' | 'sequence' | 'unpublished' | 'markPublished'>;
  readonly events: Pick<Events, 'publish'>;
}

export interface RelayOptions {
  /** Who holds the lease: unique to this process. */
  readonly holder: string;
  readonly leaseMs: number;
  /** Most events of one step; a step must be done well within the lease. */
  readonly batch: number;
}

/** `standby`: another relay holds the lease. */
export interface RelayStep {
  readonly standby: boolean;
  readonly published: number;
}

export async function relayOnce(
  { audit, events }: RelayPorts,
  { holder, leaseMs, batch }: RelayOptions,
  signal: AbortSignal,
): Promise<RelayStep> {
  const fence = await audit.leaseRelay(holder, leaseMs, signal);
  if (fence === undefined) return { standby: true, published: 0 };
  await audit.sequence(fence, batch, signal);
  fault('after-sequence');
  const chained = await audit.unpublished(batch, signal);
  const last = chained.at(-1);
  if (last === undefined) return { standby: false, published: 0 };
  await events.publish(chained.map(auditOutput), signal);
  fault('after-relay-publish');
  await audit.markPublished(fence, last.seq, signal);
  fault('after-relay-mark');
  return { standby: false, published: chained.length };
}

/** Relays until nothing is left, or another relay holds the lease. @returns how many were published */
export async function relayPending(
  ports: RelayPorts,
  options: RelayOptions,
  signal: AbortSignal,
): Promise<number> {
  let published = 0;
  for (;;) {
    signal.throwIfAborted();
    const step = await relayOnce(ports, options, signal);
    if (step.published === 0) return published;
    published += step.published;
  }
}

export interface RelayLoopOptions extends RelayOptions {
  /** How long it rests when nothing is left, and after a failure. */
  readonly restMs: number;
  /** Told of every failure that another try may mend. */
  readonly onFailure: (error: CallsealError) => void;
}

/** Relays until `signal` aborts. Rejects only for what no other try can mend. */
export async function relayAudit(
  ports: RelayPorts,
  options: RelayLoopOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await relayPending(ports, options, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
      options.onFailure(error);
    }
    await rest(options.restMs, signal);
  }
}

/**
 * What a worker that ends still publishes. It is no failure of the worker where that is not all: others at work add
 * rows as fast as it reads them, and what is left stands in the registry until the next relay.
 */
export async function relayLastWords(
  ports: RelayPorts,
  options: Omit<RelayLoopOptions, 'restMs'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await relayPending(ports, options, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (!isPassing(error)) throw error;
    options.onFailure(error);
  }
}

/** A dependency that is away, or a lease that went to another relay. */
function isPassing(error: unknown): error is CallsealError {
  if (!(error instanceof CallsealError)) return false;
  const code = codeOf(error);
  return code === 'FENCED' || code === 'COMMIT_UNKNOWN' || dispositionOf(code) === 'pause';
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = (): void => resolve();
  signal.addEventListener('abort', wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', wake);
}

/** One key for the whole chain: its records stay in order in one partition. */
const AUDIT_KEY = 'audit';

/** The record of an event: a pure function of it, so a repeat has the same bytes. */
export function auditOutput(event: AuditEvent): Output {
  return {
    topic: 'audit',
    key: AUDIT_KEY,
    id: event.eventUid,
    headers: cloudEventHeaders({
      id: event.eventUid,
      type: AUDIT_TYPE,
      time: event.time,
      contentType: 'application/json',
    }),
    value: Buffer.from(canonical(event)),
  };
}
