import type { KeyObject } from 'node:crypto';
import { authenticate, gcmDecipher, verified, ZERO_IV } from './aes-gcm.ts';
import { ByteReader } from './byte-reader.ts';
import { encodeContext } from './context.ts';
import { notAuthentic } from './errors.ts';
import { FINAL_MARK, FrameText } from './frames.ts';
import { encodeHeaderBody, readHeader } from './header.ts';
import { deriveMessageKeys } from './key-derivation.ts';
import { requireFramed, unlockHeader } from './open-header.ts';
import { PlainDigest } from './plain-digest.ts';
import type { Sealer } from './sealer.ts';
import { Sealing } from './sealing.ts';
import { IV_BYTES, TAG_BYTES } from './sizes.ts';
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
 * The plaintext of a whole message of suite 0x0478 with this data key, whoever wrapped it, however often, and
 * whatever the IVs of its frames are: the published vectors do not count theirs.
 *
 * @throws SealFormatError NOT_AUTHENTIC - also for an unframed message and another commitment.
 */
export function openBelowProfile(message: Buffer, dataKey: Buffer): Buffer {
  const header = readHeader(message, 65_535);
  requireFramed(header);
  const { frameKey, messageId, frameLength } = unlockHeader(header, Buffer.from(dataKey));
  const reader = new ByteReader(message.subarray(header.bytes.length));
  const text = new FrameText(messageId);
  const plain: Buffer[] = [];
  for (let final = false; !final; ) {
    const mark = reader.u32();
    final = mark === FINAL_MARK;
    const sequence = final ? reader.u32() : mark;
    const iv = reader.take(IV_BYTES);
    const length = final ? reader.u32() : frameLength;
    const decipher = gcmDecipher(frameKey, iv).setAAD(text.aad(sequence, length, final));
    plain.push(decipher.update(reader.take(length)));
    decipher.setAuthTag(reader.take(TAG_BYTES));
    if (!verified(decipher) || sequence !== plain.length) throw notAuthentic();
  }
  return Buffer.concat(plain);
}
