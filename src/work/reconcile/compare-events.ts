import { decodeEvent } from '../../domain/decode-event.ts';
import type { InboxEntry } from '../../ports/inbox.ts';
import type { Answered } from '../../ports/reconciling.ts';
import { skippedPlaces } from '../skip-record.ts';
import { batchesOf } from './batches.ts';
import { answeredOf, eventKey, whereIs } from './event-key.ts';
import { BATCH, type EventSeen, type Run, sourceKey } from './parts.ts';

/**
 * Every event against its answer. The order is what makes a finding one: first what is done, then the answers. An
 * event that is done everywhere was settled from its answer, so the answer is there when it is asked for.
 */
export async function compareEvents(run: Run, signal: AbortSignal): Promise<void> {
  for await (const entries of batchesOf(run.inbox.records(run.since, signal), BATCH)) {
    for (const entry of entries) note(run, entry);
    const deliveries = entries.map(({ delivery }) => delivery);
    for (const key of await noteAnswers(run, deliveries, signal)) run.unanswered.delete(key);
  }
  // Nobody can read what stands there, so there is no answer to it either (docs/kafka.md).
  for (const origin of await skippedPlaces(run.registry, signal)) {
    run.unanswered.delete(eventKey({ origin, replay: 0 }));
  }
  for await (const left of batchesOf(run.unanswered.entries(), BATCH)) {
    await tellUnanswered(
      run,
      left.map(([key]) => key),
      signal,
    );
  }
}

function note(run: Run, { delivery, publishedAt, done }: InboxEntry): void {
  const key = eventKey(delivery);
  const known = run.seenEvents.get(key);
  const decoded = decodeEvent(delivery, run.limits);
  const identity = decoded.ok ? decoded.event : decoded.identity;
  run.seenEvents.set(key, {
    ...(identity && { tenant: identity.tenant, call: identity.call }),
    publishedAt: Math.min(publishedAt.getTime(), known?.publishedAt ?? Number.POSITIVE_INFINITY),
    done: done && (known?.done ?? true),
    answered: known?.answered ?? false,
  });
  if (known === undefined) {
    run.tally.compared('events');
    run.unanswered.set(key, true);
  }
  if (!run.withSources || !decoded.ok) return;
  const { tenant, artifacts } = decoded.event;
  for (const { source } of artifacts) run.announced.set(sourceKey(tenant, source.alias, source.key), key);
}

/** @returns keys of the events that have their answer */
async function noteAnswers(
  run: Run,
  deliveries: readonly Answered[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const answered = new Set((await run.registry.answersOf(deliveries, signal)).map(eventKey));
  for (const key of answered) {
    const seen = run.seenEvents.get(key);
    if (seen && !seen.answered) run.seenEvents.set(key, { ...seen, answered: true });
  }
  return answered;
}

async function tellUnanswered(run: Run, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const deliveries = keys.flatMap((key) => answeredOf(key) ?? []);
  const answered = await noteAnswers(run, deliveries, signal);
  for (const key of keys) {
    const seen = run.seenEvents.get(key);
    if (seen === undefined || answered.has(key)) continue;
    if (seen.done) await run.tally.find('EVENT_NEVER_ANSWERED', { ...whereIs(key), ...callOf(seen) });
    else await tellInFlight(run, key, seen);
  }
}

async function tellInFlight(run: Run, key: string, seen: EventSeen): Promise<void> {
  const ageMs = run.now().getTime() - seen.publishedAt;
  await run.tally.inFlight({ stage: 'unanswered', ...whereIs(key), ...callOf(seen), ageMs });
}

function callOf({ tenant, call }: EventSeen): { tenant?: string; call?: string } {
  return { ...(tenant !== undefined && { tenant }), ...(call !== undefined && { call }) };
}
