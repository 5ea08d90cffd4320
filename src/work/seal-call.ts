import { type KeyClass, parentOf, ruleOf } from '../domain/artifacts.ts';
import type { AuditFact } from '../domain/audit-event.ts';
import type { CallEvent } from '../domain/call-event.ts';
import { fault } from '../domain/crash-points.ts';
import { type Delivery, deliveredDigest } from '../domain/deliveries.ts';
import { CallsealError, codeOf } from '../domain/errors.ts';
import { newUid } from '../domain/ids.ts';
import type { Receipt, SealedArtifact, WrappedKey } from '../domain/receipts.ts';
import type { Tenant } from '../domain/tenants.ts';
import type { Warning } from '../domain/warnings.ts';
import type { GeneratedKey, Keys } from '../ports/keys.ts';
import type { Decisions, IntentEnd } from '../ports/registry.ts';
import { type Auditor, failedOutcome, kmsUse } from './auditor.ts';
import type { CallPlan } from './plan-call.ts';
import { type ArtifactJob, type SealingParts, sealArtifact, sealMade } from './seal-artifact.ts';

/** An intent older than this, by our own clock, is not used: the sweep may be about to close it. */
const INTENT_USABLE_MS = 60_000;

export interface SealCallParts extends SealingParts {
  readonly keys: Keys;
  readonly registry: Pick<Decisions, 'openAttempt' | 'loseAttempt'>;
  readonly auditor: Auditor;
  /** Attempts of this process that are open; refreshed once a minute by whoever runs the worker. */
  readonly openAttempts: Set<string>;
  readonly now: () => Date;
}

export interface CallToSeal {
  readonly delivery: Delivery;
  readonly event: CallEvent;
  readonly eventDigest: string;
  readonly tenant: Tenant;
  readonly callUid: string;
  readonly plan: CallPlan;
  readonly warnings: readonly Warning[];
}

/** All of a call is in the store; nothing of it exists for anybody until the decision. */
export interface SealedCall {
  readonly attempt: string;
  readonly receipt: Receipt;
  readonly keys: readonly WrappedKey[];
  readonly intentEnds: readonly IntentEnd[];
  readonly timings: Readonly<Record<string, number>>;
}

interface ClassKey {
  readonly keyClass: KeyClass;
  readonly name: string;
  readonly context: Readonly<Record<string, string>>;
  readonly intent: AuditFact;
  generated: GeneratedKey | undefined;
  end: IntentEnd | undefined;
}

/**
 * One attempt: attempt row and key intents (one commit), one key request per class, then each artifact, small kinds
 * first. When anything fails the attempt is lost and its intents are closed with what is known.
 *
 * @throws CallsealError with the disposition that the failure has
 */
export async function sealCall(
  parts: SealCallParts,
  call: CallToSeal,
  signal: AbortSignal,
): Promise<SealedCall> {
  const attempt = newUid();
  const classKeys = call.plan.classes.map((keyClass) => classKey(parts.auditor, call, attempt, keyClass));
  const started = performance.now();
  try {
    await openAttempt(parts, call, attempt, classKeys, signal);
    fault('after-attempt');
    await generateKeys(parts, call, classKeys, started, signal);
    fault('after-key');
    const keyed = performance.now();
    const artifacts = await sealArtifacts(parts, call, attempt, classKeys, signal);
    return {
      attempt,
      receipt: receiptOf(parts, call, attempt, artifacts),
      keys: classKeys.map((key) => wrappedKey(parts, attempt, key)),
      intentEnds: endsOf(classKeys),
      timings: { keyMs: Math.round(keyed - started), sealMs: Math.round(performance.now() - keyed) },
    };
  } catch (error) {
    await loseAttempt(parts, attempt, endsOf(classKeys, parts.auditor));
    throw error;
  } finally {
    for (const key of classKeys) key.generated = undefined;
  }
}

function classKey(auditor: Auditor, call: CallToSeal, attempt: string, keyClass: KeyClass): ClassKey {
  const context = {
    tenant: call.tenant.id,
    callUid: call.callUid,
    class: keyClass,
    purpose: 'seal',
    attempt,
  };
  const name = newUid();
  const { topic, partition, offset } = call.delivery.origin;
  const intent = auditor.fact('key.generate', {
    outcome: { status: 'intent' },
    tenant: call.tenant.id,
    subject: { kind: 'attempt', uid: attempt },
    key: { id: name, class: keyClass, algorithm: 'AES-256-GCM' },
    kms: kmsUse('GenerateDataKey', context),
    delivery: { topic, partition, offset },
  });
  return { keyClass, name, context, intent, generated: undefined, end: undefined };
}

async function openAttempt(
  { registry, openAttempts }: SealCallParts,
  { delivery, event, tenant, callUid }: CallToSeal,
  attempt: string,
  classKeys: readonly ClassKey[],
  signal: AbortSignal,
): Promise<void> {
  openAttempts.add(attempt);
  const opened = registry.openAttempt(
    {
      uid: attempt,
      origin: delivery.origin,
      replay: delivery.replay,
      deliveredDigest: deliveredDigest(delivery.value),
      tenant: tenant.id,
      call: event.call,
      callUid,
      revision: event.revision,
      intents: classKeys.map(({ intent }) => ({ fact: intent })),
    },
    signal,
  );
  await opened.catch((cause: unknown) => {
    // Perhaps it is open, perhaps not; no key was asked for, so a new attempt costs nothing.
    if (codeOf(cause) !== 'COMMIT_UNKNOWN') throw cause;
    throw new CallsealError('ATTEMPT_LOST', 'nobody heard whether the attempt was opened', { cause });
  });
}

async function generateKeys(
  { keys, auditor }: SealCallParts,
  { tenant }: CallToSeal,
  classKeys: readonly ClassKey[],
  started: number,
  signal: AbortSignal,
): Promise<void> {
  if (performance.now() - started > INTENT_USABLE_MS) {
    throw new CallsealError('ATTEMPT_LOST', 'the attempt was opened too long ago to ask for its key');
  }
  const results = await Promise.allSettled(
    classKeys.map(async (key) => {
      const from = performance.now();
      try {
        const generated = await keys.generate(tenant.keks[key.keyClass], key.context, signal);
        key.generated = generated;
        key.end = endOf(auditor, key, { status: 'ok' }, performance.now() - from);
      } catch (error) {
        key.end = endOf(auditor, key, failedOutcome(error), performance.now() - from);
        throw error;
      }
    }),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function endOf(
  auditor: Auditor,
  { intent, context, generated, name, keyClass }: ClassKey,
  outcome: AuditFact['outcome'],
  durationMs: number,
): IntentEnd {
  const materialId = generated?.materialId;
  return {
    intentUid: intent.eventUid,
    fact: auditor.end(intent, outcome, {
      key: {
        id: name,
        class: keyClass,
        algorithm: 'AES-256-GCM',
        ...(materialId === undefined ? {} : { materialId }),
      },
      kms: kmsUse('GenerateDataKey', context, generated?.requestId),
      durationMs: Math.round(durationMs),
    }),
  };
}

/** Ends of all intents; one that was never acted upon ends as `not-made`. */
function endsOf(classKeys: readonly ClassKey[], auditor?: Auditor): IntentEnd[] {
  return classKeys.flatMap((key) => {
    if (key.end) return [key.end];
    return auditor ? [endOf(auditor, key, { status: 'not-made' }, 0)] : [];
  });
}

async function sealArtifacts(
  parts: SealCallParts,
  call: CallToSeal,
  attempt: string,
  classKeys: readonly ClassKey[],
  signal: AbortSignal,
): Promise<SealedArtifact[]> {
  const sealed: SealedArtifact[] = [];
  for (const artifact of call.plan.toSeal) {
    const key = classKeys.find(({ keyClass }) => keyClass === ruleOf(artifact.kind).keyClass);
    if (!key?.generated) throw new CallsealError('BUG', 'an artifact has no key of its class');
    const job: ArtifactJob = {
      tenant: call.tenant,
      call: call.event.call,
      callUid: call.callUid,
      revision: call.event.revision,
      attempt,
      durationMs: call.event.durationMs,
      artifact,
      callKey: key.generated.callKey,
      keyName: key.name,
    };
    const { sealed: one, made } = await sealArtifact(parts, job, signal);
    sealed.push(one);
    for (const derived of made) sealed.push(await sealMade(parts, job, derived, signal));
    fault('after-artifact');
  }
  return sealed;
}

function receiptOf(
  { now }: SealCallParts,
  { event, eventDigest, callUid, plan, warnings }: CallToSeal,
  attempt: string,
  sealed: readonly SealedArtifact[],
): Receipt {
  const { tenant, call, revision, startedAt, durationMs, direction, consent, pauses } = event;
  const order = new Map(event.artifacts.map(({ id }, i) => [id, i]));
  const place = ({ id }: SealedArtifact): number => order.get(parentOf(id) ?? id) ?? 0;
  const artifacts = [...sealed, ...plan.carriedOver].toSorted((a, b) => place(a) - place(b));
  return {
    tenant,
    call,
    callUid,
    revision,
    generation: 1,
    attempt,
    eventDigest,
    sealedAt: now().toISOString(),
    facts: {
      consent,
      ...(startedAt !== undefined && { startedAt }),
      ...(durationMs !== undefined && { durationMs }),
      ...(direction !== undefined && { direction }),
      ...(pauses !== undefined && { pauses }),
    },
    artifacts,
    warnings: [...new Set([...warnings, ...plan.warnings])],
  };
}

function wrappedKey({ now }: SealCallParts, attempt: string, key: ClassKey): WrappedKey {
  if (!key.generated) throw new CallsealError('BUG', 'a key of this attempt was never made');
  const { wrapped, kek, materialId } = key.generated;
  return {
    name: key.name,
    keyClass: key.keyClass,
    attempt,
    wrapped,
    kek,
    materialId,
    context: key.context,
    createdAt: now().toISOString(),
  };
}

/** Best effort and bounded: where it fails the sweep finds the attempt unseen and ends it. */
async function loseAttempt(
  { registry, openAttempts }: SealCallParts,
  attempt: string,
  ends: readonly IntentEnd[],
): Promise<void> {
  openAttempts.delete(attempt);
  await registry.loseAttempt(attempt, ends, AbortSignal.timeout(5_000)).catch(() => undefined);
}
