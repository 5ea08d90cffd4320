import type { AnswerRow } from '../domain/answers.ts';
import type { Action, AuditFact } from '../domain/audit-event.ts';
import { CallsealError } from '../domain/errors.ts';
import type { Letter } from '../domain/letter.ts';
import type { Events, PublishedRecord } from '../ports/events.ts';
import type { Parked } from '../ports/parked.ts';
import type { AuditLog } from '../ports/registry.ts';
import type { DeadLetters } from './dead-letters.ts';
import { findLetters } from './replay/find-letters.ts';
import { type LetterParts, letterOpener } from './replay/open-letter.ts';

export interface OpeningParts extends LetterParts {
  readonly events: Pick<Events, 'read'>;
  readonly registry: LetterParts['registry'] & Pick<AuditLog, 'append' | 'addReason'>;
  readonly letters: Pick<DeadLetters, 'sealNote'>;
}

/** A dead letter as it stands on its topic, and what it holds where somebody gave a reason to open it. */
export interface TakenLetter {
  readonly parked: Parked;
  readonly record: PublishedRecord;
  readonly opened: Letter | undefined;
}

/** The clocks of whoever decided and of the topic differ by less. */
const CLOCKS_MS = 3_600_000;

/**
 * Reads dead letters from their topic, in its order. Before each is given out its audit event is durable: one of
 * `action`, and with a reason `dlq.open` too, before the key is used. What is not on the topic any more is left out.
 *
 * @param reason - kept sealed beside the audit event; absent: nothing is opened
 * @throws CallsealError NOT_AUTHENTIC, NOT_FOUND - a key is gone; KMS_*, INBOX_DOWN
 */
export async function* takeLetters(
  parts: OpeningParts,
  wanted: readonly Parked[],
  { action, reason }: { readonly action?: Action; readonly reason?: string },
  signal: AbortSignal,
): AsyncGenerator<TakenLetter> {
  const opener = letterOpener(parts);
  for await (const { parked, record } of lettersOf(parts.events, wanted, signal)) {
    if (action !== undefined) {
      await parts.registry.append([factOf(parts, action, parked.answer, record)], signal);
    }
    if (reason !== undefined) await noteOpening(parts, parked.answer, record, reason, signal);
    const opened = reason === undefined ? undefined : await opener.open(record, signal);
    yield { parked, record, opened };
  }
}

/** Uids of those whose dead letter still stands on the topic. */
export async function lettersThere(
  events: Pick<Events, 'read'>,
  wanted: readonly Parked[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const there = new Set<string>();
  for await (const { parked } of lettersOf(events, wanted, signal)) there.add(parked.answer.uid);
  return there;
}

async function* lettersOf(
  events: Pick<Events, 'read'>,
  wanted: readonly Parked[],
  signal: AbortSignal,
): AsyncGenerator<{ readonly parked: Parked; readonly record: PublishedRecord }> {
  const byUid = new Map(wanted.map((parked) => [parked.answer.uid, parked]));
  const oldest = Math.min(...wanted.map(({ answer }) => Date.parse(answer.decidedAt)));
  const since = new Date(oldest - CLOCKS_MS);
  for await (const { answerUid, record } of findLetters(events, [...byUid.keys()], { since }, signal)) {
    const parked = byUid.get(answerUid);
    if (parked) yield { parked, record };
  }
}

async function noteOpening(
  parts: OpeningParts,
  answer: AnswerRow,
  record: PublishedRecord,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const fact = factOf(parts, 'dlq.open', answer, record);
  const note = await parts.letters.sealNote(fact.eventUid, Buffer.from(reason), signal);
  await parts.registry.addReason({ eventUid: fact.eventUid, ...note }, signal);
  await parts.registry.append([fact], signal);
}

function factOf(
  { auditor }: OpeningParts,
  action: Action,
  answer: AnswerRow,
  record: PublishedRecord,
): AuditFact {
  const name = record.headers['callseal-key-name'];
  return auditor.fact(action, {
    ...aboutDelivery(answer),
    ...(name !== undefined && { key: { id: name, class: 'dead-letter', algorithm: 'AES-256-GCM' } }),
  });
}

/** What an audit event says of a parked delivery: ids, where it has some, and its origin. */
export function aboutDelivery({ tenant, callUid, origin }: AnswerRow): Partial<AuditFact> {
  const { topic, partition, offset } = origin;
  return {
    ...(tenant !== undefined && { tenant }),
    ...(callUid !== undefined && { subject: { kind: 'call', uid: callUid } }),
    delivery: { topic, partition, offset },
  };
}

/** @throws CallsealError NOT_FOUND */
export function letterGone(uid: string): CallsealError {
  return new CallsealError('NOT_FOUND', `the dead letter of ${uid} is not on its topic any more`, {
    hint: 'the topic keeps dead letters for 30 days; the registry remembers why it was parked',
  });
}
