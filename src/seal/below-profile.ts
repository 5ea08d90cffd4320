import type { KeyObject } from 'node:crypto';
import { authenticate, ZERO_IV } from './aes-gcm.ts';
import { encodeContext } from './context.ts';
import { notAuthentic } from './errors.ts';
import { encodeHeaderBody, readHeader } from './header.ts';
import { deriveMessageKeys } from './key-derivation.ts';
import { requireFramed, unlockHeader } from './open-header.ts';
import { OpeningFrames } from './opening-frames.ts';
import { PlainDigest } from './plain-digest.ts';
import type { Sealer } from './sealer.ts';
import { Sealing } from './sealing.ts';
import { SliceQueue } from './slice-queue.ts';
import { type WrappedKey, wrapDataKey } from './wrapped-key.ts';

/**
 * The format below our profile, for known answers and the published vectors: chosen randomness, any context,
 * several wrapped keys.
 *
 * Production code MUST NOT import this file (a test checks it): two objects under one data key and message
 * id give their contents away.
 */
export interface ChosenMaterial {
  readonly callKey: KeyObject;
  readonly namespace: string;
  readonly keyName: string;
  readonly context: Readonly<Record<string, string>>;
  readonly dataKey: Buffer;
  readonly messageId: Buffer;
  readonly wrapIv: Buffer;
  readonly frameLength: number;
  /** Behind the one made from `callKey`. */
  readonly moreWrappedKeys?: readonly WrappedKey[];
  readonly sha256?: boolean;
}

export function createSealerBelowProfile(chosen: ChosenMaterial): Sealer {
  const { messageId, dataKey, frameLength } = chosen;
  const names = {
    namespace: Buffer.from(chosen.namespace),
    keyName: Buffer.from(chosen.keyName),
    context: encodeContext(chosen.context),
  };
  const { frameKey, commitment } = deriveMessageKeys(dataKey, messageId);
  const wrappedKeys = [
    wrapDataKey(chosen.callKey, chosen.wrapIv, dataKey, names),
    ...(chosen.moreWrappedKeys ?? []),
  ];
  const body = encodeHeaderBody({ messageId, context: names.context, wrappedKeys, frameLength, commitment });
  const header = Buffer.concat([body, authenticate(frameKey, ZERO_IV, body)]);
  return new Sealing(
    { messageId, header, frameKey, frameLength },
    {
      plainDigest: new PlainDigest(chosen.callKey, messageId),
      sha256: chosen.sha256 ?? false,
      declaredBytes: undefined,
      detachChunks: false,
    },
  );
}

/**
 * The plaintext of a whole message of suite 0x0478 with this data key, whoever wrapped it and however often.
 *
 * @throws SealFormatError NOT_AUTHENTIC - also for an unframed message and another commitment.
 */
export function openBelowProfile(message: Buffer, dataKey: Buffer): Buffer {
  const header = readHeader(message, 65_535);
  requireFramed(header);
  const frames = new OpeningFrames({ ...unlockHeader(header, Buffer.from(dataKey)), layout: undefined });
  const held = new SliceQueue(false);
  held.push(message.subarray(header.bytes.length));
  const plain: Buffer[] = [];
  for (let next = frames.next(held); next; next = frames.next(held)) plain.push(...next);
  if (!frames.whole) throw notAuthentic();
  return Buffer.concat(plain);
}
