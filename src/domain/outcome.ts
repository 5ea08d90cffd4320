import type { Answer, Current } from './answers.ts';
import type { Code } from './errors.ts';
import { INLINE_LIMIT, type Outcome, type OutcomeArtifact, SEALED_FORMAT } from './outcome-event.ts';
import { NAMESPACE, type Receipt, type SealedArtifact, type WrappedKey } from './receipts.ts';

/** What the registry knows of a decision when it builds the outcome's body. */
export interface DecisionFacts {
  readonly tenant: string;
  readonly call: string;
  readonly callUid: string;
  readonly revision: number;
  readonly answer: Answer;
  readonly code: Code | undefined;
  readonly registryEpoch: number;
  readonly sequence: number;
  readonly current: Current;
  readonly timings?: Readonly<Record<string, number>> | undefined;
  /** Of an answer that sealed. */
  readonly sealed?:
    | {
        readonly receipt: Receipt;
        /** Every key that the receipt's artifacts are under, the carried-over ones included. */
        readonly keys: readonly Pick<WrappedKey, 'name' | 'materialId'>[];
        readonly announce: readonly string[];
      }
    | undefined;
}

/** The body of `callseal.call.outcome.v1`. Made once, inside the decision; every repeat publishes the same text. */
export function outcomeOf(facts: DecisionFacts): Outcome {
  const { sealed, timings, code, ...same } = facts;
  const materialOf = new Map(sealed?.keys.map((key) => [key.name, key.materialId]));
  return {
    ...same,
    ...(code === undefined ? {} : { code }),
    ...(sealed === undefined ? {} : { generation: sealed.receipt.generation }),
    artifacts: (sealed?.receipt.artifacts ?? []).map((artifact) =>
      outcomeArtifact(artifact, materialOf.get(artifact.keyName) ?? '', sealed?.announce ?? []),
    ),
    warnings: [...(sealed?.receipt.warnings ?? [])],
    ...(timings === undefined ? {} : { timings }),
  };
}

function outcomeArtifact(
  artifact: SealedArtifact,
  keyMaterialId: string,
  announce: readonly string[],
): OutcomeArtifact {
  const { sha256, media, carriedFrom } = artifact;
  // Its bytes went downstream with the revision that sealed it.
  const travels = carriedFrom === undefined && announce.includes(artifact.kind);
  return {
    id: artifact.id,
    kind: artifact.kind,
    object: artifact.object,
    namespace: NAMESPACE,
    keyName: artifact.keyName,
    keyClass: artifact.keyClass,
    keyMaterialId,
    format: SEALED_FORMAT,
    sealedBytes: artifact.sealedBytes,
    sealDigest: artifact.sealDigest,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(media === undefined ? {} : { media: outcomeMedia(media) }),
    warnings: [...artifact.warnings],
    ...(carriedFrom === undefined ? {} : { carriedFrom }),
    ...(travels ? { announced: artifact.sealedBytes <= INLINE_LIMIT ? 'inline' : 'claim-check' } : {}),
  };
}

function outcomeMedia(media: NonNullable<SealedArtifact['media']>): NonNullable<OutcomeArtifact['media']> {
  const { container, codec, endState, sampleRate, channels, channelRoles, durationMs } = media;
  return {
    container,
    codec,
    endState,
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(channels === undefined ? {} : { channels }),
    ...(channelRoles === undefined ? {} : { channelRoles: [...channelRoles] }),
    ...(durationMs === undefined ? {} : { durationMs }),
  };
}
