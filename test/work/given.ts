import type { CallEvent } from '../../src/domain/call-event.ts';
import { recordKey } from '../../src/domain/deliveries.ts';
import type { InboxRecord } from '../../src/ports/inbox.ts';

/** Events and records as an edge would send them. */
export const TOPIC = 'callseal.calls.completed';

export const TRANSCRIPT = '{"turns":[{"who":"caller","text":"hello"}]}';

const HEADERS = {
  ce_specversion: '1.0',
  ce_id: 'e-1',
  ce_source: 'edge',
  ce_type: 'callseal.call.completed.v1',
  'content-type': 'application/json',
} as const;

/** What a delivery of the event has wherever it stands. */
export function bareDelivery(event: CallEvent | Buffer) {
  return {
    replay: 0,
    key: Buffer.isBuffer(event) ? 't-1/c-1' : recordKey(event.tenant, event.call),
    headers: HEADERS,
    value: Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event)),
    counted: 0,
    firstFailedAt: undefined,
  };
}

/** The event as a record that `Inbox.publish` takes. */
export function recordOf(event: CallEvent | Buffer): InboxRecord {
  const { key, headers, value } = bareDelivery(event);
  return { topic: TOPIC, key, headers, value };
}

/** One transcript at `c-1.json`, unless told otherwise. */
export function callEvent(given: Partial<CallEvent> = {}): CallEvent {
  return {
    tenant: 't-1',
    call: 'c-1',
    revision: 1,
    consent: { recording: 'granted' },
    artifacts: [artifact('transcript', 'transcript', 'c-1.json')],
    ...given,
  };
}

type Artifact = CallEvent['artifacts'][number];

export function artifact(id: string, kind: string, key: string, more: Partial<Artifact> = {}): Artifact {
  return { id, kind, source: { alias: 'edge', key }, ...more };
}
