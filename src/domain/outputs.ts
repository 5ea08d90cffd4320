import type { AnswerRow } from './answers.ts';
import { placeText, recordKey } from './deliveries.ts';
import {
  CALL_OUTCOME,
  eventId,
  type Outcome,
  type OutcomeArtifact,
  SEALED_MEDIA_TYPE,
  TRANSCRIPT_SEALED,
} from './outcome-event.ts';

/** The topics we write, by their words; an adapter knows their full names. */
export type OutputTopic = 'outcome' | 'transcripts' | 'audit' | 'dlq';

/** A record to publish. Header names and values are UTF-8 text of ids and codes only. */
export interface Output {
  readonly topic: OutputTopic;
  readonly key: string;
  /** Stable: the same output made again has the same id. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/** CloudEvents 1.0, Kafka protocol binding, binary mode. */
export function cloudEventHeaders(event: {
  id: string;
  type: string;
  time: string;
  subject?: string;
  contentType: string;
}): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: 'callseal',
    ce_type: event.type,
    ce_time: event.time,
    ...(event.subject === undefined ? {} : { ce_subject: event.subject }),
    'content-type': event.contentType,
  };
}

/**
 * What an answer publishes besides a dead letter: the outcome, and the sealed bytes of announced artifacts.
 * A pure function of the row and of the objects it names, so a repeat has the same ids and the same bytes.
 */
export async function outputsOf(
  row: AnswerRow,
  readObject: (artifact: OutcomeArtifact) => Promise<Buffer | undefined>,
): Promise<Output[]> {
  if (row.outcome === undefined) return [];
  const outcome: Outcome = JSON.parse(row.outcome);
  const outputs: Output[] = [];
  for (const artifact of outcome.artifacts) {
    if (artifact.announced === undefined) continue;
    const output = await transcriptOutput(row, outcome, artifact, readObject);
    if (output) outputs.push(output);
  }
  outputs.push(outcomeOutput(row, outcome, row.outcome));
  return outputs;
}

function outcomeOutput(row: AnswerRow, { tenant, call }: Outcome, text: string): Output {
  const id = eventId(row.uid, CALL_OUTCOME);
  return {
    topic: 'outcome',
    key: recordKey(tenant, call),
    id,
    headers: {
      ...cloudEventHeaders({ id, type: CALL_OUTCOME, time: row.decidedAt, contentType: 'application/json' }),
      'callseal-origin': placeText(row.origin),
      'callseal-replay': String(row.replay),
    },
    value: Buffer.from(text),
  };
}

async function transcriptOutput(
  row: AnswerRow,
  { tenant, call }: Outcome,
  artifact: OutcomeArtifact,
  readObject: (artifact: OutcomeArtifact) => Promise<Buffer | undefined>,
): Promise<Output | undefined> {
  const id = eventId(row.uid, TRANSCRIPT_SEALED, artifact.id);
  const inline = artifact.announced === 'inline';
  const value = inline ? await readObject(artifact) : Buffer.from(claimCheck(artifact));
  if (value === undefined) return undefined;
  return {
    topic: 'transcripts',
    key: recordKey(tenant, call),
    id,
    headers: {
      ...cloudEventHeaders({
        id,
        type: TRANSCRIPT_SEALED,
        time: row.decidedAt,
        subject: artifact.id,
        contentType: inline ? SEALED_MEDIA_TYPE : 'application/json',
      }),
      'callseal-kind': artifact.kind,
      'callseal-namespace': artifact.namespace,
      'callseal-key-name': artifact.keyName,
      ...(row.callUid === undefined ? {} : { 'callseal-call-uid': row.callUid }),
    },
    value,
  };
}

/** The value of a transcript event that points to its object. */
export function claimCheck({ object, sealedBytes, sha256 }: OutcomeArtifact): string {
  return JSON.stringify({ object, sealedBytes, sha256 });
}
