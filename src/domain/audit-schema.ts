import { z } from 'zod';
import { ACTIONS } from './audit-event.ts';

/** The shape of an audit event, for readers of the audit topic: docs/schemas is made from it. */

const uid = z.string().min(1).max(128);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const auditEventSchema = z.strictObject({
  schema: z.literal('callseal.audit/1'),
  seq: z.int().min(1),
  prev: hash,
  hash,
  eventUid: uid,
  writer: z.strictObject({ instance: uid, version: uid }),
  time: z.iso.datetime(),
  actor: z.strictObject({ kind: z.enum(['worker', 'operator']), id: z.string() }),
  action: z.enum(ACTIONS),
  outcome: z.strictObject({
    status: z.enum(['intent', 'ok', 'failed', 'unknown', 'not-made']),
    code: z.string().optional(),
  }),
  tenant: z.string().optional(),
  subject: z
    .strictObject({ kind: z.enum(['call', 'artifact', 'attempt', 'key', 'campaign', 'registry']), uid })
    .optional(),
  key: z
    .strictObject({
      id: z.string(),
      class: z.string(),
      materialId: z.string().optional(),
      algorithm: z.string().optional(),
    })
    .optional(),
  kms: z
    .strictObject({ requestId: z.string().optional(), operation: z.string(), contextHash: hash })
    .optional(),
  delivery: z
    .strictObject({ topic: z.string(), partition: z.int().min(0), offset: z.int().min(0) })
    .optional(),
  ticket: z.string().optional(),
  intentUid: uid.optional(),
  durationMs: z.number().min(0).optional(),
  counts: z
    .strictObject({ compared: z.int().min(0), findings: z.int().min(0), inFlight: z.int().min(0) })
    .optional(),
});

/** The value of a transcript event whose sealed object is too large to travel in it. */
export const claimCheckSchema = z.strictObject({
  object: z.string(),
  sealedBytes: z.int().min(0),
  sha256: hash,
});
