import { type AuditEvent, hashOf } from '../domain/audit-event.ts';
import type { Events } from '../ports/events.ts';
import type { AuditLog, Restoring } from '../ports/registry.ts';
import { readEvent } from './audit-chain.ts';

export interface RejoinParts {
  readonly registry: Pick<Restoring, 'state' | 'rejoinChain'> & Pick<AuditLog, 'chain'>;
  readonly events: Pick<Events, 'read'>;
}

export interface Rejoined {
  /** Events that the registry had forgotten and has again. */
  readonly taken: number;
  /** Numbers that neither the registry nor the topic can show: `audit verify` will call them a gap. */
  readonly missing: number;
}

/** Events that one transaction takes. */
const PAGE = 500;

/**
 * Takes the part of the audit chain that a restore lost back from the audit topic, so that the chain goes on behind
 * what everybody saw. What the registry chained differently, and nobody saw, waits for the relay again.
 */
export async function rejoinTopic({ registry, events }: RejoinParts, signal: AbortSignal): Promise<Rejoined> {
  let page: AuditEvent[] = [];
  let taken = 0;
  let missing = 0;
  let after: number | undefined;
  const take = async (): Promise<void> => {
    if (after === undefined || page.length === 0) return;
    await registry.rejoinChain(after, page, signal);
    taken += page.length;
    after = page.at(-1)?.seq ?? after;
    page = [];
  };
  for await (const lost of lostEvents({ registry, events }, signal)) {
    after ??= lost.after;
    missing += lost.event.seq - 1 - (page.at(-1)?.seq ?? after);
    page.push(lost.event);
    if (page.length === PAGE) await take();
  }
  await take();
  return { taken, missing };
}

/**
 * Events of the topic from the first on that the registry does not have in that place, with the last number that
 * both have. Each number once: what comes again, from a relay that had lost its lease, is passed over.
 */
async function* lostEvents(
  { registry, events }: RejoinParts,
  signal: AbortSignal,
): AsyncGenerator<{ readonly after: number; readonly event: AuditEvent }> {
  const { auditSeq } = await registry.state(signal);
  let own: AsyncIterator<AuditEvent> | undefined;
  let after = auditSeq;
  let top = 0;
  let together = true;
  for await (const { value } of events.read('audit', { follow: false }, signal)) {
    const event = eventOf(value);
    if (event === undefined || event.seq <= top) continue;
    if (own === undefined) {
      // The topic may begin later than the registry ends: then nothing can be compared, and nothing of it is lost.
      after = Math.min(auditSeq, event.seq - 1);
      own = registry.chain(event.seq, signal)[Symbol.asyncIterator]();
    }
    top = event.seq;
    together &&= await stands(own, event);
    if (together) after = event.seq;
    else yield { after, event };
  }
}

/** One that is not what its hash says is none. */
function eventOf(value: Buffer): AuditEvent | undefined {
  const event = readEvent(value.toString())?.event;
  if (event === undefined) return undefined;
  const { hash, ...linked } = event;
  return hashOf(linked) === hash ? event : undefined;
}

/** Whether the registry's chain has the event in its place. Reads on to there. */
async function stands(own: AsyncIterator<AuditEvent>, { seq, hash }: AuditEvent): Promise<boolean> {
  for (;;) {
    const { done, value } = await own.next();
    if (done === true || value.seq > seq) return false;
    if (value.seq === seq) return value.hash === hash;
  }
}
