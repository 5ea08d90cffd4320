import type { AuditFact } from '../domain/audit-event.ts';
import { type Code, codeOf, dispositionOf } from '../domain/errors.ts';
import type { Receipt, SealedArtifact } from '../domain/receipts.ts';
import { ONE_CALL_ALIAS, type Tenant } from '../domain/tenants.ts';
import type { SourceRef, Sources } from '../ports/sources.ts';
import { type ArtifactCheck, type VerifyParts, verifyReceipt } from './verify-calls.ts';

export interface ReleaseParts extends VerifyParts {
  readonly sources: Pick<Sources, 'stored' | 'remove'>;
}

/** Why a source stays where it is, besides the codes of what can fail. */
export type KeptCode = Code | 'SOURCES_KEPT' | 'TENANT_HELD' | 'TOO_YOUNG' | 'NOT_AN_EDGE';

export interface ReleasedSource {
  readonly tenant: string;
  readonly call: string;
  readonly artifact: string;
  readonly alias: string;
  /**
   * `released`: gone, as the store says. `would-release`: a dry run. `gone`: nothing was there any more. `left`: the
   * store kept some of it, a lock or a hold. `kept`: `code` says why.
   */
  readonly result: 'released' | 'would-release' | 'gone' | 'left' | 'kept';
  readonly code?: KeptCode;
  /** What is stored under the key now, delete markers included. */
  readonly stored: number;
}

/** Why no source of the call may go, whatever is in the store; undefined where the policy lets them. */
export function whyKept(
  { policy, hold }: Pick<Tenant, 'policy' | 'hold'>,
  { sealedAt }: Pick<Receipt, 'sealedAt'>,
  now: Date,
): KeptCode | undefined {
  if (hold === true) return 'TENANT_HELD';
  const { releaseSourcesAfter: keepMs = null } = policy;
  if (keepMs === null) return 'SOURCES_KEPT';
  return now.getTime() - Date.parse(sealedAt) < keepMs ? 'TOO_YOUNG' : undefined;
}

/**
 * Deletes what an edge stored of a call, one source at a time and each audited before and after: only where the whole
 * call was opened just now and is what its receipt says, and only the very version that was sealed. Whoever calls has
 * asked `whyKept` first.
 *
 * @throws CallsealError with a disposition of pause: a dependency is away, so nothing more is deleted
 */
export async function* releaseSources(
  parts: ReleaseParts,
  receipt: Receipt,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal,
): AsyncGenerator<ReleasedSource, void, undefined> {
  let checks: Promise<ReadonlyMap<string, ArtifactCheck>> | undefined;
  for (const artifact of receipt.artifacts) {
    const source = sourceOf(receipt, artifact);
    if (source === undefined) continue;
    if (source.ref.alias === ONE_CALL_ALIAS) {
      yield told(source, 'kept', 0, 'NOT_AN_EDGE');
      continue;
    }
    const stored = await parts.sources.stored(source.ref, signal);
    if (stored.length === 0) yield told(source, 'gone', 0);
    else if (dryRun) yield told(source, 'would-release', stored.length);
    else {
      checks ??= checkAll(parts, receipt, signal);
      const check = (await checks).get(artifact.id);
      if (check?.result === 'ok') yield await release(parts, receipt, source, stored.length, signal);
      else yield told(source, 'kept', stored.length, check?.code ?? 'CALL_SHREDDED');
    }
  }
}

interface SealedSource {
  readonly artifact: SealedArtifact;
  readonly ref: SourceRef;
  readonly version: string;
}

function sourceOf(receipt: Receipt, artifact: SealedArtifact): SealedSource | undefined {
  if (artifact.source === undefined) return undefined;
  const { tenant, call, revision } = receipt;
  const { alias, key, version } = artifact.source;
  return { artifact, version, ref: { tenant, call, revision, alias, key } };
}

async function checkAll(
  parts: ReleaseParts,
  receipt: Receipt,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ArtifactCheck>> {
  const checks = await Array.fromAsync(verifyReceipt(parts, receipt, signal));
  return new Map(checks.map((check) => [check.artifact, check]));
}

async function release(
  { registry, sources, auditor }: ReleaseParts,
  receipt: Receipt,
  source: SealedSource,
  storedBefore: number,
  signal: AbortSignal,
): Promise<ReleasedSource> {
  const intent = auditor.fact('source.release', {
    outcome: { status: 'intent' },
    tenant: receipt.tenant,
    subject: subjectOf(receipt, source.artifact),
  });
  await registry.openIntent({ fact: intent }, signal);
  const end = async (outcome: AuditFact['outcome']): Promise<void> => {
    const fact = auditor.end(intent, outcome);
    // Not with `signal`: what was done is told, also where somebody lost patience.
    await registry.closeIntent({ intentUid: intent.eventUid, fact }, AbortSignal.timeout(CLOSE_MS));
  };
  try {
    const left = await sources.remove(source.ref, source.version, signal);
    await end(left.length === 0 ? { status: 'ok' } : { status: 'failed', code: 'SOURCE_LEFT' });
    return told(source, left.length === 0 ? 'released' : 'left', left.length);
  } catch (error) {
    const code = codeOf(error);
    const nothingHappened = code === 'SOURCE_CHANGED' || code === 'SOURCE_MISSING';
    await end({ status: nothingHappened ? 'failed' : 'unknown', code });
    if (code === 'SOURCE_MISSING') return told(source, 'gone', 0);
    if (dispositionOf(code) !== 'retry' && dispositionOf(code) !== 'park') throw error;
    return told(source, 'kept', storedBefore, code);
  }
}

const CLOSE_MS = 5_000;
const MOST_UID = 128;

/** Call and artifact, as far as they fit; the call alone else. */
function subjectOf({ callUid }: Receipt, { id }: SealedArtifact): NonNullable<AuditFact['subject']> {
  const uid = `${callUid}/${id}`;
  return uid.length <= MOST_UID ? { kind: 'artifact', uid } : { kind: 'call', uid: callUid };
}

function told(
  { ref: { tenant, call, alias }, artifact }: SealedSource,
  result: ReleasedSource['result'],
  stored: number,
  code?: KeptCode,
): ReleasedSource {
  return {
    tenant,
    call,
    artifact: artifact.id,
    alias,
    result,
    stored,
    ...(code === undefined ? {} : { code }),
  };
}
