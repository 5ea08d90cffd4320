import { v5 as uuidV5 } from 'uuid';
import { z } from 'zod';
import { ANSWERS } from './answers.ts';

/** `callseal.call.outcome.v1`: the one final answer for a delivery. The only definition of its shape. */
export const CALL_OUTCOME = 'callseal.call.outcome.v1';
/** `callseal.transcript.sealed.v1`: the sealed object itself, or a claim check for a larger one. */
export const TRANSCRIPT_SEALED = 'callseal.transcript.sealed.v1';

export const SEALED_MEDIA_TYPE = 'application/vnd.callseal.sealed';
/** Name of the byte format of docs/format.md. */
export const SEALED_FORMAT = 'aws-esdk-v2-0478';
/** A sealed object up to this size travels in its event; a larger one as a claim check. Bytes. */
export const INLINE_LIMIT = 256 * 1024;

/** The part of the media facts that travels. */
const outcomeMedia = z.strictObject({
  container: z.string(),
  codec: z.string(),
  endState: z.string(),
  sampleRate: z.int().optional(),
  channels: z.int().optional(),
  channelRoles: z.array(z.string()).optional(),
  durationMs: z.number().optional(),
});

const outcomeArtifact = z.strictObject({
  id: z.string(),
  kind: z.string(),
  object: z.string(),
  namespace: z.string(),
  keyName: z.string(),
  keyClass: z.string(),
  keyMaterialId: z.string(),
  format: z.literal(SEALED_FORMAT),
  sealedBytes: z.int(),
  sealDigest: z.string(),
  sha256: z.string().optional(),
  media: outcomeMedia.optional(),
  warnings: z.array(z.string()),
  /** The revision that sealed it, where this one carried it over; such an artifact is not announced again. */
  carriedFrom: z.int().optional(),
  /** How its sealed bytes travel beside this outcome, where they do. */
  announced: z.enum(['inline', 'claim-check']).optional(),
});

export const outcomeSchema = z.strictObject({
  tenant: z.string(),
  call: z.string(),
  callUid: z.string().optional(),
  revision: z.int(),
  generation: z.int().optional(),
  answer: z.enum(ANSWERS),
  code: z.string().optional(),
  registryEpoch: z.int(),
  sequence: z.int(),
  current: z.union([
    z.strictObject({ revision: z.int(), generation: z.int() }),
    z.enum(['none', 'shredded']),
  ]),
  artifacts: z.array(outcomeArtifact),
  warnings: z.array(z.string()),
  /** Milliseconds per stage of the attempt that decided. */
  timings: z.record(z.string(), z.number()).optional(),
});

export type Outcome = z.infer<typeof outcomeSchema>;
export type OutcomeArtifact = z.infer<typeof outcomeArtifact>;

/** `ce_id` of everything an answer publishes: the same answer, type and artifact give the same id for ever. */
export function eventId(answerUid: string, type: string, artifact = ''): string {
  return uuidV5(`${type}\n${artifact}`, answerUid);
}
