import type { ArtifactKind, KeyClass } from './artifacts.ts';
import type { CallEvent } from './call-event.ts';
import type { MediaFacts } from './media.ts';
import type { Warning } from './warnings.ts';

export const NAMESPACE = 'callseal';

/** What proves that a source still holds the very bytes that were sealed. Opaque outside the sources adapter. */
export type SourceVersion = string;

/** One sealed object of a call. Digests are lower-case hex. */
export interface SealedArtifact {
  readonly id: string;
  readonly kind: ArtifactKind;
  readonly keyClass: KeyClass;
  readonly object: string;
  /** Key name in the sealed object's header; also the id of its row among the wrapped call keys. */
  readonly keyName: string;
  readonly plainBytes: number;
  readonly sealedBytes: number;
  readonly headerBytes: number;
  readonly frameLength: number;
  readonly sealDigest: string;
  /** Over the sealed bytes; where the object travels in an event or the policy asks for it. */
  readonly sha256?: string;
  /** Keyed, dies with the call key. */
  readonly plainDigest?: string;
  readonly source?: { readonly alias: string; readonly key: string; readonly version: SourceVersion };
  /** What the event declared of the plaintext, so that a later revision can carry the artifact over. */
  readonly declaredSha256?: string;
  readonly media?: MediaFacts;
  readonly warnings: readonly Warning[];
  /** The revision that sealed it, where this receipt carried it over. */
  readonly carriedFrom?: number;
}

/** What was sealed for one (tenant, call, revision, generation). */
export interface Receipt {
  readonly tenant: string;
  readonly call: string;
  readonly callUid: string;
  readonly revision: number;
  readonly generation: number;
  readonly attempt: string;
  readonly eventDigest: string;
  readonly sealedAt: string;
  readonly facts: Pick<CallEvent, 'startedAt' | 'durationMs' | 'direction' | 'consent' | 'pauses'>;
  readonly artifacts: readonly SealedArtifact[];
  readonly warnings: readonly Warning[];
}

/** A call key as the registry keeps it; the only place where the wrapped form exists. */
export interface WrappedKey {
  /** Key name: opaque, new for every attempt and class. */
  readonly name: string;
  readonly keyClass: KeyClass;
  readonly attempt: string;
  readonly wrapped: Uint8Array;
  /** The KEK as the key service names it (an ARN, or `keyfile:<tenant>:<class>`). */
  readonly kek: string;
  readonly materialId: string;
  /** The encryption context given to the key service, exactly. */
  readonly context: Readonly<Record<string, string>>;
  readonly createdAt: string;
}

/** The context that is bound into an object's header; the reader is given it, it never takes it from the object. */
export function sealContext(
  tenant: string,
  callUid: string,
  artifact: string,
  kind: ArtifactKind,
): Record<string, string> {
  return { tenant, call: callUid, artifact, kind };
}
