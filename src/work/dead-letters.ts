import type { KeyObject } from 'node:crypto';
import type { AnswerRow } from '../domain/answers.ts';
import { type Delivery, placeText, recordKey } from '../domain/deliveries.ts';
import { CallsealError } from '../domain/errors.ts';
import { newUid } from '../domain/ids.ts';
import { eventId } from '../domain/outcome-event.ts';
import type { Output } from '../domain/outputs.ts';
import { NAMESPACE } from '../domain/receipts.ts';
import { clearHeadersOf } from '../domain/trace-headers.ts';
import type { Keys } from '../ports/keys.ts';
import type { AuditLog, Ledger } from '../ports/registry.ts';
import { headerSize } from '../seal/identity.ts';
import { createSealer } from '../seal/sealer.ts';
import { sealedSize } from '../seal/sizes.ts';
import { type Auditor, failedOutcome, kmsUse } from './auditor.ts';

export interface DeadLetterParts {
  readonly keys: Keys;
  readonly registry: Pick<Ledger, 'addDeadLetterKey'> & Pick<AuditLog, 'openIntent' | 'closeIntent'>;
  readonly auditor: Auditor;
  /** The system's dead-letter KEK, as the settings name it. */
  readonly kek: string;
  /** Name of this process, opaque. */
  readonly worker: string;
  readonly version: string;
  readonly now: () => Date;
}

export interface DeadLetters {
  /** The dead letter of a parked answer: id and headers are the row's, the ciphertext is new each time. */
  seal(row: AnswerRow, delivery: Delivery, signal: AbortSignal): Promise<Output>;
  /** Seals a few bytes under the day's key, for what must not stand in clear beside an audit row. */
  sealNote(
    artifact: string,
    bytes: Buffer,
    signal: AbortSignal,
  ): Promise<{ keyName: string; sealed: Buffer }>;
}

interface DayKey {
  readonly day: string;
  readonly name: string;
  readonly callKey: KeyObject;
}

const CLOSE_INTENT_MS = 5_000;

/**
 * Seals what may not be lost and may not stand in clear, under one key a day and worker: it works for unknown tenants
 * and for those whose own key is disabled. That key is the one that is kept for longer than one piece of work.
 */
export function deadLetters(parts: DeadLetterParts): DeadLetters {
  let current: Promise<DayKey> | undefined;
  let currentDay = '';
  const dayKey = async (signal: AbortSignal): Promise<DayKey> => {
    const day = parts.now().toISOString().slice(0, 10);
    if (!current || currentDay !== day) {
      currentDay = day;
      const making = makeDayKey(parts, day, signal);
      current = making;
      making.catch(() => {
        if (current === making) current = undefined;
      });
    }
    return await current;
  };
  const sealNote: DeadLetters['sealNote'] = async (artifact, bytes, signal) => {
    const { name, callKey } = await dayKey(signal);
    return { keyName: name, sealed: sealBytes(callKey, name, artifact, bytes) };
  };
  return {
    sealNote,
    seal: async (row, delivery, signal) => {
      if (!row.park) throw new CallsealError('BUG', 'only a parked answer has a dead letter');
      const id = eventId(row.uid, 'dead-letter');
      const { keyName, sealed } = await sealNote(id, letterOf(delivery), signal);
      const readable = row.tenant !== undefined && row.call !== undefined;
      return {
        topic: 'dlq',
        key: readable ? recordKey(row.tenant ?? '', row.call ?? '') : id,
        id,
        headers: headersOf(row, delivery, { id, keyName, version: parts.version }),
        value: sealed,
      };
    },
  };
}

async function makeDayKey(
  { keys, registry, auditor, kek, worker, now }: DeadLetterParts,
  day: string,
  signal: AbortSignal,
): Promise<DayKey> {
  const name = newUid();
  const context = { class: 'dead-letter', purpose: 'park', worker, day };
  const intent = auditor.fact('key.generate', {
    outcome: { status: 'intent' },
    subject: { kind: 'key', uid: name },
    key: { id: name, class: 'dead-letter', algorithm: 'AES-256-GCM' },
    kms: kmsUse('GenerateDataKey', context),
  });
  await registry.openIntent({ fact: intent }, signal);
  const made = await keys.generate(kek, context, signal).catch(async (error: unknown) => {
    const end = auditor.end(intent, failedOutcome(error));
    // Not with `signal`: where it was the abort that failed, the intent is closed all the same.
    const closing = AbortSignal.timeout(CLOSE_INTENT_MS);
    await registry.closeIntent({ intentUid: intent.eventUid, fact: end }, closing);
    throw error;
  });
  const { callKey, wrapped, materialId, requestId } = made;
  await registry.addDeadLetterKey(
    { name, wrapped, kek: made.kek, materialId, context, createdAt: now().toISOString(), worker, day },
    signal,
  );
  const end = auditor.end(intent, { status: 'ok' }, { kms: kmsUse('GenerateDataKey', context, requestId) });
  await registry.closeIntent({ intentUid: intent.eventUid, fact: end }, signal);
  return { day, name, callKey };
}

/** Key, headers and bytes of the record together: all of them may hold a number or a name. */
function letterOf({ key, headers, value }: Delivery): Buffer {
  return Buffer.from(JSON.stringify({ key: key ?? null, headers, value: value.toString('base64') }));
}

function sealBytes(callKey: KeyObject, keyName: string, artifact: string, bytes: Buffer): Buffer {
  const names = { namespace: NAMESPACE, keyName, context: { artifact, kind: 'dead-letter' } };
  const sealer = createSealer({ ...names, callKey, declaredBytes: bytes.length, plainDigest: false });
  const sealed = Buffer.alloc(sealedSize(bytes.length, headerSize(names)));
  sealer.push(bytes);
  sealer.end();
  sealer.fill(sealed, 0);
  return sealed;
}

/**
 * Ids and codes only (docs/dead-letters.md has the table). The last four are the names that consoles of dead letters
 * know.
 *
 * @param version - of this worker, for answers that do not say which one parked them
 */
function headersOf(
  row: AnswerRow,
  delivery: Delivery,
  { id, keyName, version }: { readonly id: string; readonly keyName: string; readonly version: string },
): Record<string, string> {
  const { origin, park } = row;
  if (!park) return {};
  const { eventId: of, traceparent } = clearHeadersOf(delivery);
  return {
    ...(traceparent !== undefined && { traceparent }),
    ...(of !== undefined && { 'callseal-event-id': of }),
    ...(delivery.originAt !== undefined && { 'callseal-origin-timestamp': delivery.originAt }),
    'callseal-dlq-id': id,
    'callseal-key-name': keyName,
    'callseal-origin': placeText(origin),
    'callseal-replay': String(row.replay),
    'callseal-stage': park.stage,
    'callseal-code': park.code,
    'callseal-disposition': park.disposition,
    'callseal-fingerprint': park.fingerprint,
    'callseal-attempts': String(park.counted),
    'callseal-first-failed-at': park.firstFailedAt,
    'callseal-failed-at': row.decidedAt,
    'callseal-worker-version': park.workerVersion ?? version,
    '__connect.errors.topic': origin.topic,
    '__connect.errors.partition': String(origin.partition),
    '__connect.errors.offset': String(origin.offset),
    '__connect.errors.exception.message': park.code,
  };
}
