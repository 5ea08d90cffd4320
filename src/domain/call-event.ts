import { z } from 'zod';
import { isId } from './ids.ts';

/** `callseal.call.completed.v1`, the event that comes in (docs/events.md). The only definition of its shape. */
export const CALL_COMPLETED = 'callseal.call.completed.v1';

export const LIMITS = { eventBytes: 256 * 1024, depth: 16, artifacts: 64 } as const;

const id = z.string().refine(isId, 'must be an opaque id: [A-Za-z0-9._-]{1,128}, not . or ..');
const count = z.int().min(0);
const consent = z.enum(['granted', 'denied', 'unknown']);

const media = z.object({
  container: z.string().max(32).optional(),
  codec: z.string().max(32).optional(),
  sampleRate: z.int().min(1).max(768_000).optional(),
  channels: z
    .array(z.enum(['caller', 'agent', 'mixed']))
    .max(8)
    .optional(),
});

const vector = z.object({
  model: z.string().max(128).optional(),
  dimensions: z.int().min(1).max(1_000_000).optional(),
  dtype: z.string().max(16).optional(),
});

export const eventArtifact = z.object({
  id,
  kind: z.string().min(1).max(64),
  source: z.object({ alias: id, key: z.string().min(1).max(1024) }),
  media: media.optional(),
  vector: vector.optional(),
  bytes: count.optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
    .optional(),
});

export const callEventSchema = z.object({
  tenant: id,
  call: id,
  revision: z
    .int()
    .min(1)
    .max(2 ** 31 - 1),
  startedAt: z.iso.datetime({ offset: true }).optional(),
  durationMs: count.optional(),
  direction: z.enum(['inbound', 'outbound']).optional(),
  consent: z.object({
    recording: consent,
    voiceprint: consent.optional(),
    ref: z.string().max(128).optional(),
  }),
  pauses: z
    .array(z.object({ fromMs: count, toMs: count, reason: z.string().max(64).optional() }))
    .max(1024)
    .optional(),
  artifacts: z.array(eventArtifact),
});

export type CallEvent = z.infer<typeof callEventSchema>;
export type EventArtifact = z.infer<typeof eventArtifact>;
export type DeclaredMedia = z.infer<typeof media>;
export type Consent = z.infer<typeof consent>;
