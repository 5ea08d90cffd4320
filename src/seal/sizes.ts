import { badArgument, notAuthentic } from './errors.ts';

/**
 * Where everything stands in a sealed object (docs/format.md, "Offsets"), with header length H and frame
 * length F:
 *
 * ```
 *   header             H bytes, tag included
 *   regular frame s    at H + (s-1)·(F+32), s = 1 … n      4 sequence | 12 IV | F ciphertext | 16 tag
 *   final frame        at H + n·(F+32)                     4 mark | 4 sequence | 12 IV | 4 L | L ciphertext | 16 tag
 *   nothing            at H + n·(F+32) + 40 + L
 * ```
 *
 * `sealedSize` and `plainSize` are inverse to each other, and both to the bytes a sealer writes.
 */
export const TAG_BYTES = 16;
export const IV_BYTES = 12;
/** A header without context, namespace and key name. */
export const FIXED_HEADER_BYTES = 166;
/** Context, namespace and key name together; keeps every header of ours below 4 KiB. */
export const MAX_NAMES_BYTES = 1024;
export const DEFAULT_FRAME_LENGTH = 65_536;
export const MAX_FRAME_LENGTH = 1_048_576;
export const REGULAR_FRAME_OVERHEAD = 32;
export const FINAL_FRAME_OVERHEAD = 40;
/** One below the final frame's sequence number, which itself stays below the mark 0xFFFFFFFF. */
export const MAX_REGULAR_FRAMES = 2 ** 32 - 3;

/** How many frames an object has and what is in the last one. All in plaintext bytes. */
export interface Layout {
  readonly regularFrames: number;
  /** L: 0 ≤ L < F. */
  readonly finalLength: number;
  readonly plainBytes: number;
}

/**
 * The length of the object that `plainBytes` seal to, final frame included.
 *
 * @throws SealFormatError BAD_ARGUMENT - not a length, or more than 2^32 − 3 full frames.
 */
export function sealedSize(
  plainBytes: number,
  headerBytes: number,
  frameLength: number = DEFAULT_FRAME_LENGTH,
): number {
  const { regularFrames, finalLength } = layoutOfPlain(plainBytes, frameLength);
  return finalFrameOffset(regularFrames, headerBytes, frameLength) + FINAL_FRAME_OVERHEAD + finalLength;
}

/**
 * The plaintext length inside an object of `sealedBytes`.
 *
 * @throws SealFormatError NOT_AUTHENTIC - no object has this length (32 in every F + 32 belong to none).
 * @throws SealFormatError BAD_ARGUMENT - not a length.
 */
export function plainSize(
  sealedBytes: number,
  headerBytes: number,
  frameLength: number = DEFAULT_FRAME_LENGTH,
): number {
  return layoutOfSealed(sealedBytes, headerBytes, frameLength).plainBytes;
}

/** The frames of an object of `plainBytes`. Throws as `sealedSize` does. */
export function layoutOfPlain(plainBytes: number, frameLength: number): Layout {
  requireLength(plainBytes, 'plainBytes');
  requireFrameLength(frameLength);
  const regularFrames = Math.floor(plainBytes / frameLength);
  if (regularFrames > MAX_REGULAR_FRAMES) {
    throw badArgument(`${plainBytes} bytes do not fit into one object with frames of ${frameLength}`);
  }
  return { regularFrames, finalLength: plainBytes - regularFrames * frameLength, plainBytes };
}

/** The frames of an object of `sealedBytes`, by the length equation. Throws as `plainSize` does. */
export function layoutOfSealed(sealedBytes: number, headerBytes: number, frameLength: number): Layout {
  requireLength(sealedBytes, 'sealedBytes');
  requireLength(headerBytes, 'headerBytes');
  requireFrameLength(frameLength);
  const body = sealedBytes - headerBytes - FINAL_FRAME_OVERHEAD;
  if (body < 0) throw notAuthentic();
  const regularFrames = Math.floor(body / (frameLength + REGULAR_FRAME_OVERHEAD));
  const finalLength = body - regularFrames * (frameLength + REGULAR_FRAME_OVERHEAD);
  if (finalLength >= frameLength || regularFrames > MAX_REGULAR_FRAMES) throw notAuthentic();
  return { regularFrames, finalLength, plainBytes: regularFrames * frameLength + finalLength };
}

/** The frame (from 1) that holds plaintext byte `plainOffset`; it may be the final one. */
export function frameOfPlainOffset(plainOffset: number, frameLength: number): number {
  return Math.floor(plainOffset / frameLength) + 1;
}

/** Where frame `sequence` (from 1) starts in the object; right for the final frame too. */
export function frameOffset(sequence: number, headerBytes: number, frameLength: number): number {
  return headerBytes + (sequence - 1) * (frameLength + REGULAR_FRAME_OVERHEAD);
}

function finalFrameOffset(regularFrames: number, headerBytes: number, frameLength: number): number {
  requireLength(headerBytes, 'headerBytes');
  return frameOffset(regularFrames + 1, headerBytes, frameLength);
}

/** @throws SealFormatError BAD_ARGUMENT - `frameLength` is not a whole number from 1 to 1,048,576. */
export function requireFrameLength(frameLength: number): void {
  if (!Number.isInteger(frameLength) || frameLength < 1 || frameLength > MAX_FRAME_LENGTH) {
    throw badArgument(`frameLength must be a whole number from 1 to ${MAX_FRAME_LENGTH}, not ${frameLength}`);
  }
}

/** @throws SealFormatError BAD_ARGUMENT - `bytes` is not a whole number of bytes. */
export function requireLength(bytes: number, name: string): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw badArgument(`${name} must be a whole number of bytes from 0, not ${bytes}`);
  }
}
