import type { KeyClass } from '../../src/domain/artifacts.ts';
import type { Action, AuditFact } from '../../src/domain/audit-event.ts';
import type { Wish } from '../../src/domain/decide.ts';
import type { Place } from '../../src/domain/deliveries.ts';
import { newUid } from '../../src/domain/ids.ts';
import { objectName } from '../../src/domain/object-names.ts';
import type { Receipt, SealedArtifact, WrappedKey } from '../../src/domain/receipts.ts';
import type { Decided, Proposal, Registry } from '../../src/ports/registry.ts';

export const never = new AbortController().signal;
export const HOUR = 3_600_000;

export function fact(action: Action, fields: Partial<AuditFact> = {}): AuditFact {
  return {
    eventUid: newUid(),
    writer: { instance: 'suite', version: '0' },
    time: '2026-11-24T10:00:00.000Z',
    actor: { kind: 'worker', id: 'suite' },
    action,
    outcome: { status: 'ok' },
    ...fields,
  };
}

export const place = (offset: number, topic = 'in'): Place => ({ topic, partition: 0, offset });

/** What a worker holds of one delivery: the event's words, and what it has sealed so far. */
export interface Sealing {
  readonly origin: Place;
  readonly replay: number;
  readonly digest: string;
  readonly tenant: string;
  readonly call: string;
  readonly revision: number;
  readonly eventDigest: string;
  readonly attempt: string;
  readonly intent: AuditFact;
  /** Kinds by id; the key class follows from them. */
  readonly fresh: readonly { readonly id: string; readonly keyClass: KeyClass }[];
}

export function sealing(changes: Partial<Sealing> = {}): Sealing {
  const attempt = changes.attempt ?? newUid();
  const intent = fact('key.generate', {
    outcome: { status: 'intent' },
    subject: { kind: 'attempt', uid: attempt },
  });
  return {
    origin: place(0),
    replay: 0,
    digest: 'delivered',
    tenant: 't-1',
    call: 'c-1',
    revision: 1,
    eventDigest: `event ${changes.revision ?? 1}`,
    attempt,
    intent,
    fresh: [{ id: 'transcript', keyClass: 'phi' }],
    ...changes,
  };
}

export async function open(registry: Registry, of: Sealing): Promise<string> {
  const { callUid } = await registry.viewCall(of.tenant, of.call, of.revision, never);
  const { origin, replay, digest, tenant, call, revision, attempt, intent } = of;
  await registry.openAttempt(
    {
      uid: attempt,
      origin,
      replay,
      deliveredDigest: digest,
      tenant,
      call,
      callUid,
      revision,
      intents: [{ fact: intent }],
    },
    never,
  );
  return callUid;
}

export function proposal(of: Sealing, wish: Wish, changes: Partial<Proposal> = {}): Proposal {
  const { origin, replay, digest: deliveredDigest, tenant, call, revision, eventDigest } = of;
  return {
    delivery: { origin, replay, arrival: origin, deliveredDigest },
    call: { tenant, call, revision, eventDigest },
    wish,
    intentEnds: [],
    auditOf: (row) =>
      row.answer === 'duplicate'
        ? undefined
        : fact('call.seal', { subject: { kind: 'call', uid: row.callUid ?? '' }, ticket: row.uid }),
    answerUid: newUid(),
    decidedAt: '2026-11-24T10:00:01.000Z',
    ...changes,
  };
}

export function sealProposal(
  of: Sealing,
  callUid: string,
  carried: readonly SealedArtifact[] = [],
  changes: Partial<Proposal> = {},
): Proposal {
  const classes = [...new Set(of.fresh.map(({ keyClass }) => keyClass))];
  const keys = classes.map((keyClass) => wrappedKey(of.attempt, keyClass));
  const sealed = of.fresh.map(({ id, keyClass }) => artifact(of, callUid, id, keyClass));
  const { tenant, call, revision, eventDigest, attempt } = of;
  const receipt: Receipt = {
    tenant,
    call,
    callUid,
    revision,
    generation: 1,
    attempt,
    eventDigest,
    sealedAt: '2026-11-24T10:00:01.000Z',
    facts: { consent: { recording: 'granted' } },
    artifacts: [...sealed, ...carried],
    warnings: [],
  };
  return proposal(
    of,
    { kind: 'seal', warnings: false },
    {
      attempt,
      sealed: { receipt, keys },
      announce: ['transcript'],
      timings: { sealMs: 12 },
      intentEnds: [
        { intentUid: of.intent.eventUid, fact: fact('key.generate', { intentUid: of.intent.eventUid }) },
      ],
      ...changes,
    },
  );
}

export function wrappedKey(attempt: string, keyClass: KeyClass): WrappedKey {
  return {
    name: `${attempt}-${keyClass}`,
    keyClass,
    attempt,
    wrapped: new Uint8Array([1, 2, 3]),
    kek: 'kek',
    materialId: 'material-1',
    context: { tenant: 't-1', class: keyClass },
    createdAt: '2026-11-24T10:00:00.000Z',
  };
}

function artifact(of: Sealing, callUid: string, id: string, keyClass: KeyClass): SealedArtifact {
  return {
    id,
    kind: keyClass === 'voiceprint' ? 'voiceprint' : 'transcript',
    keyClass,
    object: objectName(of.tenant, callUid, of.attempt, id),
    keyName: `${of.attempt}-${keyClass}`,
    plainBytes: 100,
    sealedBytes: 300,
    headerBytes: 50,
    frameLength: 65_536,
    sealDigest: 'd'.repeat(64),
    warnings: [],
  };
}

/** Opens and decides, as a worker that nothing stops. */
export async function sealWhole(
  registry: Registry,
  of: Sealing,
  carried: readonly SealedArtifact[] = [],
): Promise<Decided> {
  const callUid = await open(registry, of);
  return await registry.decide(sealProposal(of, callUid, carried), never);
}

export const PARK: Wish = {
  kind: 'park',
  reason: {
    code: 'EVENT_NOT_JSON',
    stage: 'decode',
    disposition: 'park',
    fingerprint: 'f',
    counted: 1,
    firstFailedAt: '2026-11-24T10:00:00.000Z',
  },
};
