import type { KeyObject } from 'node:crypto';
import type { AuditFact } from '../domain/audit-event.ts';
import { CallsealError } from '../domain/errors.ts';
import {
  NAMESPACE,
  type Receipt,
  type SealedArtifact,
  sealContext,
  type WrappedKey,
} from '../domain/receipts.ts';
import type { Keys } from '../ports/keys.ts';
import type { Objects } from '../ports/objects.ts';
import type { AuditLog, Catalogue } from '../ports/registry.ts';
import { SealFormatError } from '../seal/errors.ts';
import { openRange } from '../seal/range.ts';
import { openAll } from '../seal/streams.ts';
import { type Auditor, failedOutcome, kmsUse } from './auditor.ts';
import type { DeadLetters } from './dead-letters.ts';

export interface ReadingParts {
  readonly registry: Pick<Catalogue, 'call' | 'currentReceipt' | 'wrappedKey'> &
    Pick<AuditLog, 'openIntent' | 'closeIntent' | 'append' | 'addReason'>;
  readonly objects: Objects;
  readonly keys: Keys;
  readonly auditor: Auditor;
  readonly letters: Pick<DeadLetters, 'sealNote'>;
}

export interface FoundArtifact {
  readonly receipt: Receipt;
  readonly artifact: SealedArtifact;
}

/**
 * The artifact of the call's current receipt.
 *
 * @throws CallsealError CALL_SHREDDED - gone for ever; NOT_FOUND - never there
 */
export async function findArtifact(
  registry: Pick<Catalogue, 'call' | 'currentReceipt'>,
  target: { readonly tenant: string; readonly call: string; readonly artifact: string },
  signal: AbortSignal,
): Promise<FoundArtifact> {
  const receipt = await findReceipt(registry, target, signal);
  const artifact = receipt.artifacts.find(({ id }) => id === target.artifact);
  if (!artifact) {
    const ids = receipt.artifacts.map(({ id }) => id).join(', ');
    throw new CallsealError('NOT_FOUND', `the call has no artifact of that id; it has: ${ids}`);
  }
  return { receipt, artifact };
}

/** @throws CallsealError CALL_SHREDDED, NOT_FOUND */
export async function findReceipt(
  registry: Pick<Catalogue, 'call' | 'currentReceipt'>,
  { tenant, call }: { readonly tenant: string; readonly call: string },
  signal: AbortSignal,
): Promise<Receipt> {
  const summary = await registry.call(tenant, call, signal);
  if (summary?.shredded) {
    throw new CallsealError(
      'CALL_SHREDDED',
      'this call was shredded: its keys are destroyed and it cannot be opened',
    );
  }
  const receipt = await registry.currentReceipt(tenant, call, signal);
  if (!receipt) {
    throw new CallsealError('NOT_FOUND', 'no such sealed call', {
      hint: 'callseal list shows what is there',
    });
  }
  return receipt;
}

/**
 * Unwraps the call key of an artifact, audited before and after.
 *
 * @throws CallsealError CALL_SHREDDED - the wrapped key is gone
 */
export async function unwrapKey(
  { registry, keys, auditor }: Pick<ReadingParts, 'registry' | 'keys' | 'auditor'>,
  { receipt, keyName }: { readonly receipt: Receipt; readonly keyName: string },
  signal: AbortSignal,
): Promise<KeyObject> {
  const row = await registry.wrappedKey(keyName, signal);
  if (!row) throw new CallsealError('CALL_SHREDDED', 'the key of this artifact was shredded');
  const intent = auditor.fact('key.unwrap', {
    outcome: { status: 'intent' },
    tenant: receipt.tenant,
    subject: { kind: 'call', uid: receipt.callUid },
    key: keyOf(row),
    kms: kmsUse('Decrypt', row.context),
  });
  await registry.openIntent({ fact: intent }, signal);
  const close = async (outcome: AuditFact['outcome'], requestId?: string): Promise<void> => {
    const fact = auditor.end(intent, outcome, { kms: kmsUse('Decrypt', row.context, requestId) });
    await registry.closeIntent({ intentUid: intent.eventUid, fact }, AbortSignal.timeout(5_000));
  };
  try {
    const { callKey, requestId } = await keys.unwrap(row, signal);
    await close({ status: 'ok' }, requestId);
    return callKey;
  } catch (error) {
    await close(failedOutcome(error));
    throw error;
  }
}

function keyOf({ name, keyClass, materialId }: WrappedKey): NonNullable<AuditFact['key']> {
  return { id: name, class: keyClass, materialId, algorithm: 'AES-256-GCM' };
}

export interface OpenRequest {
  readonly tenant: string;
  readonly call: string;
  readonly artifact: string;
  /** Plaintext bytes, end exclusive; all of it where absent. */
  readonly range?: { readonly from: number; readonly toExclusive: number };
  /** Why; kept sealed beside the audit row, never in it. */
  readonly reason: string;
}

export interface OpenedArtifact extends FoundArtifact {
  /** Authentic plaintext, in order. Whole only when it ends without an error. */
  readonly plaintext: AsyncIterable<Buffer>;
}

/**
 * Opens an artifact, whole or a range of it, for somebody who gave a reason. The audit event is durable before the
 * key is used.
 *
 * @throws CallsealError NOT_FOUND, CALL_SHREDDED, RANGE_OUTSIDE, NOT_AUTHENTIC, OBJECT_MISSING, KMS_*
 */
export async function openArtifact(
  parts: ReadingParts,
  request: OpenRequest,
  signal: AbortSignal,
): Promise<OpenedArtifact> {
  const found = await findArtifact(parts.registry, request, signal);
  requireInside(request.range, found.artifact.plainBytes);
  const callKey = await keyForReason(parts, found, request.reason, signal);
  return { ...found, plaintext: plaintextOf(parts.objects, found, callKey, request.range, signal) };
}

/** The key of an artifact, once it is on record who opens it and why. */
export async function keyForReason(
  parts: ReadingParts,
  { receipt, artifact }: FoundArtifact,
  reason: string,
  signal: AbortSignal,
): Promise<KeyObject> {
  const opened = parts.auditor.fact('artifact.open', {
    tenant: receipt.tenant,
    subject: { kind: 'call', uid: receipt.callUid },
  });
  const note = await parts.letters.sealNote(opened.eventUid, Buffer.from(reason), signal);
  await parts.registry.addReason({ eventUid: opened.eventUid, ...note }, signal);
  await parts.registry.append([opened], signal);
  return await unwrapKey(parts, { receipt, keyName: artifact.keyName }, signal);
}

function requireInside(range: OpenRequest['range'], plainBytes: number): void {
  if (!range || (range.from <= range.toExclusive && range.toExclusive <= plainBytes)) return;
  throw new CallsealError(
    'RANGE_OUTSIDE',
    `the artifact has ${plainBytes} bytes; the range ends behind them`,
    {
      hint: plainBytes > 0 ? `the last byte is number ${plainBytes - 1}` : 'it is empty',
    },
  );
}

/**
 * Authentic plaintext of an artifact, whole or a range of it.
 *
 * @throws CallsealError NOT_AUTHENTIC, OBJECT_MISSING, STORE_* - while it is read
 */
export function plaintextOf(
  objects: Objects,
  { receipt, artifact }: FoundArtifact,
  callKey: KeyObject,
  range: OpenRequest['range'],
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const { sealedBytes, plainBytes, object } = artifact;
  const expected = { ...expectedObject(receipt, artifact), callKey, sealedBytes, plainBytes };
  const read = (from: number, to: number): AsyncIterable<Buffer> =>
    objects.read(object, { from, to }, signal);
  // One byte more than there should be: a longer object is not this one.
  return translated(range ? openRange(read, expected, range) : openAll(read(0, sealedBytes + 1), expected));
}

/** The names that an object must carry; from the receipt, never from the object. */
export function expectedObject(
  { tenant, callUid }: Pick<Receipt, 'tenant' | 'callUid'>,
  { id, kind, keyName }: Pick<SealedArtifact, 'id' | 'kind' | 'keyName'>,
): { namespace: string; keyName: string; context: Record<string, string> } {
  return { namespace: NAMESPACE, keyName, context: sealContext(tenant, callUid, id, kind) };
}

/** The format has its own codes; a caller of ours sees ours, still without a cause. */
async function* translated(plaintext: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  try {
    yield* plaintext;
  } catch (error) {
    throw translateFormatError(error);
  }
}

export function translateFormatError(error: unknown): unknown {
  if (!(error instanceof SealFormatError)) return error;
  if (error.code === 'NOT_AUTHENTIC') return new CallsealError('NOT_AUTHENTIC', error.message);
  if (error.code === 'RANGE_OUTSIDE') return new CallsealError('RANGE_OUTSIDE', error.message);
  return error;
}
