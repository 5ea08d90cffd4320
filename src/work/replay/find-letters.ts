import { eventId } from '../../domain/outcome-event.ts';
import type { Events, PublishedRecord } from '../../ports/events.ts';

/** A dead letter on its topic, and where a reader has to begin to meet it again. */
export interface FoundLetter {
  readonly answerUid: string;
  readonly record: PublishedRecord;
  readonly after: string | undefined;
}

/** The dead letter's id is a function of the answer that was parked. */
export function letterId(answerUid: string): string {
  return eventId(answerUid, 'dead-letter');
}

/**
 * Reads the topic of dead letters until each that is wanted was met, or to its end. One that was published twice (for
 * readers of uncommitted records, or after offsets were reset) is met once.
 */
export async function* findLetters(
  events: Pick<Events, 'read'>,
  answerUids: readonly string[],
  from: { readonly after?: string; readonly since?: Date },
  signal: AbortSignal,
): AsyncGenerator<FoundLetter> {
  const wanted = new Map(answerUids.map((uid) => [letterId(uid), uid]));
  let after = from.after;
  if (wanted.size === 0) return;
  for await (const record of events.read('dlq', { follow: false, ...from }, signal)) {
    const answerUid = wanted.get(record.id);
    if (answerUid !== undefined) {
      wanted.delete(record.id);
      yield { answerUid, record, after };
      if (wanted.size === 0) return;
    }
    after = record.position;
  }
}
