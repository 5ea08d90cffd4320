import { createHash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { madeId, ruleOf } from '../domain/artifacts.ts';
import type { EventArtifact } from '../domain/call-event.ts';
import { fault } from '../domain/crash-points.ts';
import { CallsealError } from '../domain/errors.ts';
import { compareWithEvent } from '../domain/media.ts';
import { objectName } from '../domain/object-names.ts';
import { NAMESPACE, type SealedArtifact, sealContext } from '../domain/receipts.ts';
import type { Tenant } from '../domain/tenants.ts';
import type { Warning } from '../domain/warnings.ts';
import { type Made, madeOfAnalysis, madeOfIndex } from '../media/made.ts';
import { createTap, type Tap } from '../media/tap.ts';
import type { Decoded, Decoder } from '../ports/decoder.ts';
import type { Objects, Part } from '../ports/objects.ts';
import type { OpenSource, Sources } from '../ports/sources.ts';
import { SealFormatError } from '../seal/errors.ts';
import { headerSize } from '../seal/identity.ts';
import { createSealer, type Sealer } from '../seal/sealer.ts';
import { sealedSize } from '../seal/sizes.ts';
import { sealInto } from '../seal/streams.ts';
import { hearOpus } from './hear-opus.ts';
import type { PartPool } from './part-pool.ts';
import { type ShapeCheck, shapeCheck } from './shape-check.ts';

export interface SealingParts {
  /** A worker only reads: `remove` is an operator's, and its right too. */
  readonly sources: Pick<Sources, 'open' | 'stat'>;
  readonly objects: Objects;
  readonly decoder: Decoder;
  readonly pool: PartPool;
  /** Bytes of every part but the last of a large object. */
  readonly partBytes: number;
  /** Time that looking at one recording may take; then it is `unparseable`, and sealed all the same. */
  readonly parseMs: number;
}

/** An artifact on its way: whose it is, under which key, and which attempt writes it. */
export interface ArtifactJob {
  readonly tenant: Tenant;
  readonly call: string;
  readonly callUid: string;
  readonly revision: number;
  readonly attempt: string;
  readonly durationMs: number | undefined;
  readonly artifact: EventArtifact & { readonly kind: SealedArtifact['kind'] };
  readonly callKey: KeyObject;
  readonly keyName: string;
}

/** A sealed artifact, and what the tap made of it on the way. */
export interface SealedSource {
  readonly sealed: SealedArtifact;
  /** Index, peaks, statistics: as far as it is audio, and understood (docs/audio.md). */
  readonly made: readonly Made[];
}

/**
 * Streams one artifact from its source through the tap into a sealed object, with the parts that fit into the
 * pool's budget as the only memory.
 *
 * @throws CallsealError SOURCE_* , ARTIFACT_TOO_LARGE, SOURCE_LENGTH_DIFFERS, SOURCE_DIGEST_DIFFERS, STORE_*
 */
export async function sealArtifact(
  parts: SealingParts,
  job: ArtifactJob,
  signal: AbortSignal,
): Promise<SealedSource> {
  const { tenant, artifact, call, revision } = job;
  const { alias, key } = artifact.source;
  const source = await parts.sources.open({ tenant: tenant.id, call, revision, alias, key }, signal);
  requireSize(artifact, source.bytes);
  const watch = watching(artifact, parts);
  try {
    const stored = await storeSealed(parts, job, artifact, source.bytes, watch.through(source), signal);
    const { made, ...findings } = watch.findings(job.durationMs, stored.plainBytes);
    const decoded = await watch.decoded(signal);
    const sealed = {
      ...stored,
      source: { alias, key, version: source.version },
      ...(artifact.sha256 !== undefined && { declaredSha256: artifact.sha256 }),
      ...findings,
      warnings: [...new Set([...findings.warnings, ...decoded.warnings])],
    };
    return { sealed, made: [...made, ...decoded.made] };
  } finally {
    watch.drop();
  }
}

/** Seals what the worker made of an artifact, as `<id>~<kind>` under the same key. */
export async function sealMade(
  parts: SealingParts,
  job: ArtifactJob,
  made: Made,
  signal: AbortSignal,
): Promise<SealedArtifact> {
  const name = { id: madeId(job.artifact.id, made.kind), kind: made.kind };
  const stored = await storeSealed(parts, job, name, made.bytes.length, onlyOne(made.bytes), signal);
  return { ...stored, warnings: [] };
}

// oxlint-disable-next-line require-await -- a sealer takes what may have to be waited for
async function* onlyOne(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}

/** What every sealed object has, whatever it was made of. */
type StoredSealed = Omit<SealedArtifact, 'source' | 'declaredSha256' | 'media' | 'warnings' | 'carriedFrom'>;

async function storeSealed(
  { objects, pool, partBytes }: SealingParts,
  { tenant, callUid, attempt, callKey, keyName }: ArtifactJob,
  { id, kind }: Pick<SealedArtifact, 'id' | 'kind'>,
  bytes: number,
  body: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<StoredSealed> {
  const names = { namespace: NAMESPACE, keyName, context: sealContext(tenant.id, callUid, id, kind) };
  const sealer = createSealer({
    ...names,
    callKey,
    declaredBytes: bytes,
    plainDigest: tenant.policy.plainDigest,
    sha256: wantsSha256(tenant, kind),
    detachChunks: true,
  });
  const object = objectName(tenant.id, callUid, attempt, id);
  const wanted = Math.min(partBytes, sealedSize(bytes, headerSize(names)));
  const stored = await objects.create(object, sealedParts(body, sealer, pool, wanted, signal), signal);
  const facts = sealer.facts();
  if (stored.bytes !== facts.sealedBytes) {
    throw new CallsealError('STORE_DOWN', 'the object store holds another length than was sent');
  }
  return {
    id,
    kind,
    keyClass: ruleOf(kind).keyClass,
    object,
    keyName,
    plainBytes: facts.plainBytes,
    sealedBytes: facts.sealedBytes,
    headerBytes: facts.headerBytes,
    frameLength: facts.frameLength,
    sealDigest: facts.sealDigest.toString('hex'),
    ...(facts.sha256 && { sha256: facts.sha256.toString('hex') }),
    ...(facts.plainDigest && { plainDigest: facts.plainDigest.toString('hex') }),
  };
}

function requireSize(artifact: EventArtifact & { kind: SealedArtifact['kind'] }, bytes: number): void {
  const { capBytes } = ruleOf(artifact.kind);
  if (bytes > capBytes) {
    throw new CallsealError(
      'ARTIFACT_TOO_LARGE',
      `a ${artifact.kind} may have ${capBytes} bytes, not ${bytes}`,
    );
  }
  if (artifact.bytes !== undefined && artifact.bytes !== bytes) {
    throw new CallsealError(
      'SOURCE_LENGTH_DIFFERS',
      `the event declares ${artifact.bytes} bytes and the source has ${bytes}`,
    );
  }
}

/** A digest in clear is made where the sealed bytes travel or the policy asks; it says nothing of the plaintext. */
function wantsSha256({ policy }: Tenant, kind: SealedArtifact['kind']): boolean {
  return policy.digests.includes('sha256') || (policy.transcriptEvents as readonly string[]).includes(kind);
}

async function* sealedParts(
  source: AsyncIterable<Buffer>,
  sealer: Sealer,
  pool: PartPool,
  partBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Part, void, void> {
  const take = async (): Promise<Buffer> => await pool.take(partBytes, signal);
  const giveBack = (buffer: Buffer): void => pool.giveBack(buffer);
  try {
    for await (const { buffer, length, last } of sealInto(source, sealer, take, giveBack)) {
      fault('mid-artifact');
      yield { bytes: buffer.subarray(0, length), last, release: () => giveBack(buffer) };
    }
  } catch (error) {
    throw sourceLengthError(error);
  }
}

function sourceLengthError(error: unknown): unknown {
  return error instanceof SealFormatError && error.code === 'LENGTH_DIFFERS'
    ? new CallsealError(
        'SOURCE_CHANGED',
        'the source had another length when it was read than when it was opened',
      )
    : error;
}

/** What looks at the plaintext as it passes, before the sealer frees it. */
function watching(
  artifact: EventArtifact & { kind: SealedArtifact['kind'] },
  { parseMs, decoder }: Pick<SealingParts, 'parseMs' | 'decoder'>,
): {
  through(source: OpenSource): AsyncGenerator<Buffer, void, void>;
  findings(
    durationMs: number | undefined,
    plainBytes: number,
  ): Pick<SealedArtifact, 'media' | 'warnings'> & { readonly made: readonly Made[] };
  /** What only decoding can tell; waits, but not for ever. */
  decoded(signal: AbortSignal): Promise<Decoded>;
  drop(): void;
} {
  const rule = ruleOf(artifact.kind);
  const tap: Tap | undefined = rule.audio ? createTap(artifact.media, { parseMs }) : undefined;
  const opus = rule.audio ? hearOpus(decoder, artifact.media) : undefined;
  const shape: ShapeCheck | undefined = rule.audio ? undefined : shapeCheck(rule.shape, artifact.vector);
  const sha256 = artifact.sha256 === undefined ? undefined : createHash('sha256');
  return {
    async *through({ body }) {
      for await (const chunk of body) {
        sha256?.update(chunk);
        tap?.push(chunk);
        opus?.push(chunk);
        shape?.push(chunk);
        yield chunk;
      }
      // Inside the stream: a wrong digest must fail the upload, not follow it.
      if (sha256 && !timingSafeEqual(sha256.digest(), Buffer.from(artifact.sha256 ?? '', 'hex'))) {
        throw new CallsealError(
          'SOURCE_DIGEST_DIFFERS',
          'the source does not have the SHA-256 that the event declares',
        );
      }
    },
    findings: (durationMs, plainBytes) => {
      const warnings: Warning[] = shape?.warnings() ?? [];
      if (!tap) return { warnings: plainBytes === 0 ? [...warnings, 'EMPTY'] : warnings, made: [] };
      const media = tap.end();
      const mismatches = compareWithEvent(media, artifact.media, { durationMs, bytes: artifact.bytes });
      return {
        media,
        warnings: [...media.warnings, ...mismatches],
        made: [...madeOfIndex(tap.index()), ...madeOfAnalysis(tap.analysis(), media.channelRoles)],
      };
    },
    decoded: async (until) => (await opus?.end(until)) ?? { made: [], warnings: [] },
    drop: () => opus?.drop(),
  };
}
