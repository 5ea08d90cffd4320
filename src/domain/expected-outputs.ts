import { createHash } from 'node:crypto';
import type { AnswerRow } from './answers.ts';
import { CALL_OUTCOME, eventId, type Outcome, TRANSCRIPT_SEALED } from './outcome-event.ts';
import { claimCheck, type OutputTopic } from './outputs.ts';

/** A record that an answer publishes, without the objects that its bytes come from. */
export interface ExpectedOutput {
  readonly topic: OutputTopic;
  readonly id: string;
  /** SHA-256 of the value, hex; absent where every sealing gives other bytes (a dead letter). */
  readonly sha256?: string;
  /** Of a sealed object that travels: one that was shredded before the settle travels no more. */
  readonly object?: string;
}

/** What the row publishes, in ids: the same records as `outputsOf` and the dead letter make. */
export function expectedOutputs(row: AnswerRow): ExpectedOutput[] {
  const expected: ExpectedOutput[] = [];
  if (row.outcome !== undefined) {
    const outcome: Outcome = JSON.parse(row.outcome);
    for (const artifact of outcome.artifacts) {
      if (artifact.announced === undefined) continue;
      const sha256 = artifact.announced === 'inline' ? artifact.sha256 : hashOf(claimCheck(artifact));
      expected.push({
        topic: 'transcripts',
        id: eventId(row.uid, TRANSCRIPT_SEALED, artifact.id),
        object: artifact.object,
        ...(sha256 === undefined ? {} : { sha256 }),
      });
    }
    expected.push({ topic: 'outcome', id: eventId(row.uid, CALL_OUTCOME), sha256: hashOf(row.outcome) });
  }
  if (row.park) expected.push({ topic: 'dlq', id: eventId(row.uid, 'dead-letter') });
  return expected;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
