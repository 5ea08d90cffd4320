import type { CallEvent } from '../domain/call-event.ts';
import { decodeEvent, type EventLimits } from '../domain/decode-event.ts';
import { type Delivery, placeText } from '../domain/deliveries.ts';
import type { Code } from '../domain/errors.ts';
import type { TenantDirectory } from '../domain/tenants.ts';
import type { Inbox } from '../ports/inbox.ts';

/** A delivery that waits in the retry topic. */
export interface WaitingRetry {
  /** topic/partition/offset in an inbox topic. */
  readonly origin: string;
  readonly replay: number;
  /** Absent where the event cannot be read, or names a tenant that its topic does not speak for. */
  readonly tenant: string | undefined;
  readonly call: string | undefined;
  /** The failure that it was handed over for; absent where it was only held. */
  readonly code: Code | undefined;
  /** What it is held for. */
  readonly held: Code | undefined;
  readonly firstFailedAt: string | undefined;
  readonly attempts: number;
  readonly dueAt: string | undefined;
}

export interface RetriesParts {
  readonly inbox: Pick<Inbox, 'records'>;
  readonly tenants: TenantDirectory;
  readonly limits: EventLimits;
}

export interface RetriesFilter {
  readonly tenant?: string;
  readonly code?: Code;
  readonly limit: number;
}

/** What waits in the retry topic, the next one due first. Ids and codes only: keys and headers may hold anything. */
export async function waitingRetries(
  parts: RetriesParts,
  { tenant, code, limit }: RetriesFilter,
  signal: AbortSignal,
): Promise<{ readonly retries: WaitingRetry[]; readonly waiting: number }> {
  const found: WaitingRetry[] = [];
  for await (const { delivery, done } of parts.inbox.records(new Date(0), signal, 'retry')) {
    if (done) continue;
    const retry = await retryOf(parts, delivery);
    if ((tenant ?? retry.tenant) !== retry.tenant) continue;
    if (code === undefined || code === retry.code || code === retry.held) found.push(retry);
  }
  const inOrder = found.toSorted((a, b) => (a.dueAt ?? '').localeCompare(b.dueAt ?? ''));
  return { retries: inOrder.slice(0, limit), waiting: found.length };
}

async function retryOf(parts: RetriesParts, delivery: Delivery): Promise<WaitingRetry> {
  const event = await authorisedEvent(parts, delivery);
  const { origin, replay, handedOver, firstFailedAt, counted } = delivery;
  return {
    origin: placeText(origin),
    replay,
    tenant: event?.tenant,
    call: event?.call,
    code: handedOver?.code,
    held: handedOver?.held,
    firstFailedAt,
    attempts: counted,
    dueAt: handedOver?.dueAt,
  };
}

async function authorisedEvent(
  { tenants, limits }: RetriesParts,
  delivery: Delivery,
): Promise<CallEvent | undefined> {
  const decoded = decodeEvent(delivery, limits);
  if (!decoded.ok) return undefined;
  const tenant = await tenants.find(decoded.event.tenant);
  return tenant?.topic === delivery.origin.topic ? decoded.event : undefined;
}
