import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACTIONS,
  type AuditFact,
  auditText,
  CHAIN_START,
  chainEvent,
  contextHash,
  hashOf,
} from '../../src/domain/audit-event.ts';
import { auditFact } from '../work/audit-log.ts';

const SEED = 20261124;
const full = auditFact('uid-1', {
  outcome: { status: 'failed', code: 'KMS_DENIED' },
  tenant: 't-42',
  subject: { kind: 'attempt', uid: 'a-1' },
  key: { id: 'k-1', class: 'phi', materialId: 'm-1', algorithm: 'AES-256-GCM' },
  kms: { requestId: 'r-1', operation: 'Decrypt', contextHash: 'c' },
  delivery: { topic: 'p.calls.completed', partition: 1, offset: 7 },
  ticket: 'T-1',
  intentUid: 'uid-0',
  durationMs: 12,
});

describe('the allow-list', () => {
  test('keeps every field of the schema', () => {
    const { text, dropped } = auditText(full);
    expect(JSON.parse(text)).toEqual(full);
    expect(dropped).toBe(0);
  });

  test('drops and counts every field outside of it, at the top and inside', () => {
    const more = {
      ...full,
      caller: '+4930123456',
      subject: { ...full.subject, name: 'Ada' },
      outcome: { ...full.outcome, message: 'no' },
      __proto__: { inherited: 'x' },
    } as unknown as AuditFact;
    const { text, dropped } = auditText(more);
    expect(JSON.parse(text)).toEqual(full);
    expect(dropped).toBe(3);
  });

  test('drops nothing for a field that is undefined', () => {
    const { text, dropped } = auditText({ ...auditFact('u'), tenant: undefined } as unknown as AuditFact);
    expect(JSON.parse(text)).not.toHaveProperty('tenant');
    expect(dropped).toBe(0);
  });

  test('is not fooled by names that every object has', () => {
    const named = JSON.parse('{"constructor":1,"toString":2,"__proto__":3}');
    const { text, dropped } = auditText(
      Object.assign(auditFact('u'), { constructor: 1, toString: 2 }, named),
    );
    expect(JSON.parse(text)).toEqual(auditFact('u'));
    expect(dropped).toBeGreaterThanOrEqual(2);
  });

  test('gives the same text whatever the order of the fields', () => {
    const reversed = Object.fromEntries(Object.entries(full).toReversed()) as unknown as AuditFact;
    expect(auditText(reversed).text).toBe(auditText(full).text);
  });
});

describe('the chain', () => {
  test('starts at 64 zeros and gives each event its number, its predecessor and its hash', () => {
    const { text } = auditText(full);
    const event = chainEvent(text, 1, CHAIN_START);
    expect(event).toMatchObject({ ...full, schema: 'callseal.audit/1', seq: 1, prev: '0'.repeat(64) });
    expect(chainEvent(text, 2, event.hash).prev).toBe(event.hash);
  });

  test('hashes 0x00 and the RFC 8785 form of the event without its hash', () => {
    const { text } = auditText(auditFact('uid-1'));
    const { hash } = chainEvent(text, 1, CHAIN_START);
    const canonicalText =
      '{"action":"call.seal","actor":{"id":"worker","kind":"worker"},"eventUid":"uid-1",' +
      `"outcome":{"status":"ok"},"prev":"${CHAIN_START}","schema":"callseal.audit/1","seq":1,` +
      '"time":"2026-11-24T10:00:00.000Z","writer":{"instance":"worker-1","version":"0.1.0"}}';
    const bytes = Buffer.concat([Buffer.from([0]), Buffer.from(canonicalText)]);
    expect(hash).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('any change of any field changes the hash', () => {
    const { hash, ...event } = chainEvent(auditText(full).text, 1, CHAIN_START);
    const names = Object.keys(event) as (keyof typeof event)[];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string(), (name, value) => {
        expect(hashOf({ ...event, [name]: `${value}!` })).not.toBe(hash);
      }),
      { seed: SEED },
    );
  });
});

test('the context hash is that of its canonical form: the order of its pairs does not matter', () => {
  const expected = createHash('sha256').update('{"attempt":"a","tenant":"t"}').digest('hex');
  expect(contextHash({ tenant: 't', attempt: 'a' })).toBe(expected);
});

test('no action stands twice in the closed set', () => {
  expect(new Set(ACTIONS).size).toBe(ACTIONS.length);
});
