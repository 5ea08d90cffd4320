import type { KeyObject } from 'node:crypto';
import { madeId, ruleOf } from '../domain/artifacts.ts';
import { CallsealError } from '../domain/errors.ts';
import type { MediaFacts } from '../domain/media.ts';
import { cut } from '../media/cut.ts';
import type { MediaIndex } from '../media/media-index.ts';
import { createTap } from '../media/tap.ts';
import type { Objects } from '../ports/objects.ts';
import { chooseChannel } from './choose-channel.ts';
import {
  type FoundArtifact,
  findArtifact,
  keyForReason,
  plaintextOf,
  type ReadingParts,
} from './open-artifact.ts';

export interface CutRequest {
  readonly tenant: string;
  readonly call: string;
  readonly artifact: string;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** Only this channel: its role, or its number from 1. */
  readonly channel?: string;
  readonly reason: string;
}

export interface CutRecording extends FoundArtifact {
  /** A playable file of exactly the wanted time: WAV for PCM and G.711, Ogg for Opus. */
  readonly bytes: Buffer;
  /** Plaintext bytes of the recording that had to be opened for it. */
  readonly openedBytes: number;
  /** The receipt has no index: the whole recording was read to make one. */
  readonly scanned: boolean;
}

/**
 * A playable part of a sealed recording, by time. With its index only the frames that hold that time are fetched.
 *
 * @throws CallsealError RANGE_OUTSIDE - no audio there, or too long to be made in memory; USAGE - no recording;
 *   CHANNEL_UNKNOWN, CHANNEL_INSEPARABLE - before any key is used
 * @throws what `openArtifact` throws
 */
export async function cutRecording(
  parts: ReadingParts,
  request: CutRequest,
  signal: AbortSignal,
): Promise<CutRecording> {
  const found = await findArtifact(parts.registry, request, signal);
  if (!ruleOf(found.artifact.kind).audio) {
    throw new CallsealError(
      'USAGE',
      `${found.artifact.kind} is no recording; only recordings are cut by time`,
    );
  }
  requireCuttable(found.artifact.media);
  const channel = channelOf(found.artifact.media, request.channel);
  const callKey = await keyForReason(parts, found, request.reason, signal);
  const indexed = await sealedIndex(parts.objects, found, callKey, signal);
  const index = indexed ?? (await scannedIndex(parts.objects, found, callKey, signal));
  let openedBytes = indexed ? 0 : found.artifact.plainBytes;
  const fetch = async (offset: number, bytes: number): Promise<Uint8Array> => {
    openedBytes += bytes;
    const range = { from: offset, toExclusive: offset + bytes };
    return await collected(plaintextOf(parts.objects, found, callKey, range, signal));
  };
  const bytes = await cut(index, request.fromMs, request.toMs, fetch, channel).catch((error: unknown) => {
    throw error instanceof RangeError ? new CallsealError('RANGE_OUTSIDE', error.message) : error;
  });
  return { ...found, bytes, openedBytes, scanned: indexed === undefined };
}

function channelOf(media: MediaFacts | undefined, wanted: string | undefined): number | undefined {
  if (wanted === undefined) return undefined;
  if (media?.channels === undefined) throw notUnderstood();
  return chooseChannel(media, wanted);
}

/** Before the key is used: what its facts say is never cut (docs/index-format.md). */
function requireCuttable(media: MediaFacts | undefined): void {
  if ((media?.links ?? 1) > 1) {
    throw uncuttable('it is several Ogg streams one after the other, each with headers of its own');
  }
  if (media?.endState === 'unparseable') throw notUnderstood();
}

function notUnderstood(): CallsealError {
  return uncuttable('its format is not understood');
}

function uncuttable(why: string): CallsealError {
  return new CallsealError('RANGE_OUTSIDE', `this recording cannot be cut by time: ${why}`, {
    hint: 'open it whole: callseal open T/C ARTIFACT -o FILE --reason TEXT',
  });
}

/** The index that stands beside the recording in its receipt, under the same key. */
async function sealedIndex(
  objects: Objects,
  { receipt, artifact }: FoundArtifact,
  callKey: KeyObject,
  signal: AbortSignal,
): Promise<MediaIndex | undefined> {
  const sealed = receipt.artifacts.find(({ id }) => id === madeId(artifact.id, 'index'));
  if (!sealed || sealed.keyName !== artifact.keyName) return undefined;
  const bytes = await collected(
    plaintextOf(objects, { receipt, artifact: sealed }, callKey, undefined, signal),
  );
  const index: MediaIndex = JSON.parse(bytes.toString());
  return index.version === 1 ? index : undefined;
}

async function scannedIndex(
  objects: Objects,
  found: FoundArtifact,
  callKey: KeyObject,
  signal: AbortSignal,
): Promise<MediaIndex> {
  const tap = createTap(found.artifact.media && declaredAs(found.artifact.media));
  for await (const chunk of plaintextOf(objects, found, callKey, undefined, signal)) tap.push(chunk);
  tap.end();
  const index = tap.index();
  if (index) return index;
  throw notUnderstood();
}

/** What the event declared of a raw recording is among the facts of its receipt. */
function declaredAs({ container, codec, sampleRate, channelRoles }: MediaFacts) {
  const roles = ['caller', 'agent', 'mixed'] as const;
  const channels = channelRoles?.flatMap((role) => roles.find((known) => known === role) ?? []);
  return {
    container,
    codec,
    ...(sampleRate !== undefined && { sampleRate }),
    ...(channels !== undefined && { channels }),
  };
}

async function collected(plaintext: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(plaintext));
}
