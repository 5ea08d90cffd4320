import { type EventKind, isEventKind, type KeyClass, parentOf, ruleOf } from '../domain/artifacts.ts';
import type { CallEvent, EventArtifact } from '../domain/call-event.ts';
import { CallsealError } from '../domain/errors.ts';
import type { Receipt, SealedArtifact } from '../domain/receipts.ts';
import type { Tenant } from '../domain/tenants.ts';
import type { Warning } from '../domain/warnings.ts';
import type { Sources } from '../ports/sources.ts';

export type PlannedArtifact = EventArtifact & { readonly kind: EventKind };

/** What an attempt will do: seal these, carry those over, leave the rest out with a warning. */
export interface CallPlan {
  readonly toSeal: readonly PlannedArtifact[];
  readonly carriedOver: readonly SealedArtifact[];
  readonly classes: readonly KeyClass[];
  readonly warnings: readonly Warning[];
}

/** Whether the call may be sealed at all (docs/events.md, "Consent"). */
export function recordingAllowed({ consent }: CallEvent, { policy }: Tenant): boolean {
  if (consent.recording === 'unknown') return policy.consent.unknown === 'seal';
  return consent.recording === 'granted';
}

/**
 * Consent is judged first: what it does not cover is neither sealed nor carried over. An artifact of the current
 * receipt is carried over where its source is provably unchanged: the same SHA-256 in both events, or the same
 * version at the source.
 */
export async function planCall(
  event: CallEvent,
  current: Receipt | undefined,
  sources: Pick<Sources, 'stat'>,
  signal: AbortSignal,
): Promise<CallPlan> {
  const warnings: Warning[] = [];
  const toSeal: PlannedArtifact[] = [];
  const carriedOver: SealedArtifact[] = [];
  for (const artifact of event.artifacts) {
    if (!isPlanned(artifact)) continue;
    if (ruleOf(artifact.kind).keyClass === 'voiceprint' && event.consent.voiceprint !== 'granted') {
      warnings.push('VOICEPRINT_CONSENT_MISSING');
      continue;
    }
    const before = current?.artifacts.find((sealed) => isSameSource(sealed, artifact));
    if (current && before && (await isUnchanged(before, artifact, event, sources, signal))) {
      carriedOver.push(...withItsMade(before, current));
    } else {
      toSeal.push(artifact);
    }
  }
  toSeal.sort((a, b) => ruleOf(a.kind).capBytes - ruleOf(b.kind).capBytes);
  const classes = [...new Set(toSeal.map(({ kind }) => ruleOf(kind).keyClass))];
  return { toSeal, carriedOver, classes, warnings };
}

/** A carried-over artifact, and what the worker made of it. */
function withItsMade(parent: SealedArtifact, current: Receipt): SealedArtifact[] {
  return current.artifacts
    .filter(({ id }) => id === parent.id || parentOf(id) === parent.id)
    .map((sealed) => ({ ...sealed, carriedFrom: sealed.carriedFrom ?? current.revision }));
}

/** The event was decoded, so every kind is one that an event may send; this tells the compiler. */
function isPlanned(artifact: EventArtifact): artifact is PlannedArtifact {
  return isEventKind(artifact.kind);
}

function isSameSource(sealed: SealedArtifact, { id, kind, source }: PlannedArtifact): boolean {
  return (
    sealed.id === id &&
    sealed.kind === kind &&
    sealed.source?.alias === source.alias &&
    sealed.source.key === source.key
  );
}

async function isUnchanged(
  sealed: SealedArtifact,
  artifact: PlannedArtifact,
  { tenant, call, revision }: CallEvent,
  sources: Pick<Sources, 'stat'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (artifact.sha256 !== undefined && sealed.declaredSha256 !== undefined) {
    return artifact.sha256 === sealed.declaredSha256;
  }
  try {
    const { bytes, version } = await sources.stat({ tenant, call, revision, ...artifact.source }, signal);
    return version === sealed.source?.version && bytes === sealed.plainBytes;
  } catch (error) {
    // Gone is not unchanged; reading it will say that it is missing.
    if (error instanceof CallsealError && error.code === 'SOURCE_MISSING') return false;
    throw error;
  }
}
