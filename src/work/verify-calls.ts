import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { CallsealError, type Code, codeOf } from '../domain/errors.ts';
import type { Receipt, SealedArtifact } from '../domain/receipts.ts';
import type { OpenFacts } from '../seal/opener.ts';
import { openWhole } from '../seal/streams.ts';
import { expectedObject, type ReadingParts, translateFormatError, unwrapKey } from './open-artifact.ts';

export type VerifyParts = Omit<ReadingParts, 'letters'>;

export interface ArtifactCheck {
  readonly tenant: string;
  readonly call: string;
  readonly artifact: string;
  readonly object: string;
  readonly sealedBytes: number;
  /** `gone`: shredded, so there is nothing to prove. */
  readonly result: 'ok' | 'failed' | 'gone';
  readonly code?: Code;
}

/**
 * Decrypts and rehashes every artifact of a receipt and compares it with the receipt: sizes, seal digest, SHA-256
 * and plaintext digest where the receipt has them. Changes no object and no receipt; each key use is audited.
 *
 * @throws CallsealError with a disposition of pause: a dependency is away, so nothing can be said
 */
export async function* verifyReceipt(
  parts: VerifyParts,
  receipt: Receipt,
  signal: AbortSignal,
): AsyncGenerator<ArtifactCheck, void, void> {
  const keys = new Map<string, KeyObject>();
  let worst: Code | undefined;
  for (const artifact of receipt.artifacts) {
    const check = await verifyArtifact(parts, receipt, artifact, keys, signal);
    worst ??= check.result === 'failed' ? check.code : undefined;
    yield check;
  }
  const fact = parts.auditor.fact('artifact.verify', {
    outcome: worst === undefined ? { status: 'ok' } : { status: 'failed', code: worst },
    tenant: receipt.tenant,
    subject: { kind: 'call', uid: receipt.callUid },
  });
  await parts.registry.append([fact], signal);
}

const SAYS_FAILED: ReadonlySet<Code> = new Set(['NOT_AUTHENTIC', 'DIGEST_DIFFERS', 'OBJECT_MISSING']);

async function verifyArtifact(
  parts: VerifyParts,
  receipt: Receipt,
  artifact: SealedArtifact,
  keys: Map<string, KeyObject>,
  signal: AbortSignal,
): Promise<ArtifactCheck> {
  const { tenant, call } = receipt;
  const { id, object, sealedBytes, keyName } = artifact;
  const about = { tenant, call, artifact: id, object, sealedBytes };
  try {
    const callKey = keys.get(keyName) ?? (await unwrapKey(parts, { receipt, keyName }, signal));
    keys.set(keyName, callKey);
    compare(await openedFacts(parts, receipt, artifact, callKey, signal), artifact);
    return { ...about, result: 'ok' };
  } catch (error) {
    const code = codeOf(error);
    if (code === 'CALL_SHREDDED') return { ...about, result: 'gone' };
    if (SAYS_FAILED.has(code)) return { ...about, result: 'failed', code };
    throw error;
  }
}

async function openedFacts(
  { objects }: VerifyParts,
  receipt: Receipt,
  artifact: SealedArtifact,
  callKey: KeyObject,
  signal: AbortSignal,
): Promise<OpenFacts> {
  const { object, sealedBytes, plainBytes, plainDigest, sha256 } = artifact;
  try {
    // One byte more than there should be: a longer object is not this one.
    return await openWhole(objects.read(object, { from: 0, to: sealedBytes + 1 }, signal), {
      ...expectedObject(receipt, artifact),
      callKey,
      sealedBytes,
      plainBytes,
      ...(plainDigest !== undefined && { checkDigest: { plainDigest: Buffer.from(plainDigest, 'hex') } }),
      sha256: sha256 !== undefined,
      detachChunks: true,
    });
  } catch (error) {
    throw translateFormatError(error);
  }
}

function compare(facts: OpenFacts, receipt: SealedArtifact): void {
  const same =
    equal(facts.sealDigest, receipt.sealDigest) &&
    (receipt.sha256 === undefined || equal(facts.sha256, receipt.sha256)) &&
    facts.plainDigestMatches !== false;
  if (!same) {
    throw new CallsealError(
      'DIGEST_DIFFERS',
      'the object opens, but it is not the one that the receipt describes',
    );
  }
}

function equal(made: Buffer | undefined, hex: string): boolean {
  const expected = Buffer.from(hex, 'hex');
  return made !== undefined && made.length === expected.length && timingSafeEqual(made, expected);
}
