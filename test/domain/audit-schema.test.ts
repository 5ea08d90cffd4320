import { expect, test } from 'vitest';
import type { z } from 'zod';
import {
  type AuditEvent,
  type AuditFact,
  auditText,
  CHAIN_START,
  chainEvent,
} from '../../src/domain/audit-event.ts';
import { auditEventSchema } from '../../src/domain/audit-schema.ts';

/** Every field at once. That the schema takes every event is the compiler's to say: see the return type. */
const FACT: AuditFact = {
  eventUid: 'e-1',
  writer: { instance: 'w-1', version: '0.1.0' },
  time: '2026-11-24T10:00:00.000Z',
  actor: { kind: 'worker', id: 'w-1' },
  action: 'key.generate',
  outcome: { status: 'ok', code: 'BUG' },
  tenant: 'demo',
  subject: { kind: 'call', uid: 'u-1' },
  key: { id: 'k-1', class: 'phi', materialId: 'm-1', algorithm: 'AES-256-GCM' },
  kms: { requestId: 'r-1', operation: 'GenerateDataKey', contextHash: '0'.repeat(64) },
  delivery: { topic: 't', partition: 0, offset: 0 },
  counts: { compared: 3, findings: 2, inFlight: 1 },
  ticket: 'T-1',
  intentUid: 'e-0',
  durationMs: 1.5,
};

const asInput = (event: AuditEvent): z.input<typeof auditEventSchema> => event;

test('the published schema takes an event with every field, and knows no field that an event cannot have', () => {
  const event = asInput(chainEvent(auditText(FACT).text, 1, CHAIN_START));
  expect(auditEventSchema.parse(event)).toEqual(event);
  const known = Object.keys(auditEventSchema.shape).toSorted();
  expect(known).toEqual([...Object.keys(FACT), 'hash', 'prev', 'schema', 'seq'].toSorted());
});

test('the published schema refuses a field that is not in it', () => {
  const event = chainEvent(auditText(FACT).text, 1, CHAIN_START);
  expect(auditEventSchema.safeParse({ ...event, note: 'x' }).success).toBe(false);
});
