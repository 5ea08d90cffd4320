import { readSignedVarInt, readVarInt } from './ebml-number.ts';

/** A block's place and its frames' places in it (RFC 9559, 10). */
export interface MatroskaBlock {
  readonly track: number;
  /** In ticks after its cluster's timestamp. */
  readonly ticks: number;
  readonly frames: readonly Buffer[];
}

/**
 *   track varint | ticks i16 | flags u8: xxxxxLLx | body        L 0: no lacing, 1: Xiph, 2: fixed, 3: EBML
 *   laced body: | frames - 1 u8 | all frames' sizes but the last's (fixed: none) | frames
 *
 * Undefined if its sizes contradict each other.
 */
export function readBlock(block: Buffer): MatroskaBlock | undefined {
  const track = readVarInt(block);
  if (track === undefined || block.length < track.bytes + 3) return undefined;
  const ticks = block.readInt16BE(track.bytes);
  const lacing = (block.readUInt8(track.bytes + 2) >>> 1) & 3;
  const body = block.subarray(track.bytes + 3);
  const frames = lacing === 0 ? [body] : unlace(body, lacing);
  return frames && { track: track.value, ticks, frames };
}

function unlace(body: Buffer, lacing: number): Buffer[] | undefined {
  const count = (body[0] ?? 0) + 1;
  if (body.length === 0) return undefined;
  if (lacing === 2) return unlaceFixed(body.subarray(1), count);
  const laced = lacing === 1 ? xiphSizes(body, count) : ebmlSizes(body, count);
  return laced && cut(body.subarray(laced.bytes), laced.sizes);
}

interface LacedSizes {
  /** Of all frames but the last, which takes the rest. */
  readonly sizes: number[];
  /** What the sizes themselves took, the count included. */
  readonly bytes: number;
}

function unlaceFixed(body: Buffer, count: number): Buffer[] | undefined {
  const size = body.length / count;
  return Number.isInteger(size)
    ? cut(
        body,
        Array.from({ length: count - 1 }, () => size),
      )
    : undefined;
}

/** Each size as bytes of 255 and a smaller one, summed. */
function xiphSizes(body: Buffer, count: number): LacedSizes | undefined {
  const sizes: number[] = [];
  let at = 1;
  let size = 0;
  while (sizes.length < count - 1) {
    const byte = body[at];
    if (byte === undefined) return undefined;
    at += 1;
    size += byte;
    if (byte === 255) continue;
    sizes.push(size);
    size = 0;
  }
  return { sizes, bytes: at };
}

/** The first size, then differences. */
function ebmlSizes(body: Buffer, count: number): LacedSizes | undefined {
  const sizes: number[] = [];
  let at = 1;
  let size = 0;
  while (sizes.length < count - 1) {
    const next = sizes.length === 0 ? readVarInt(body, at) : readSignedVarInt(body, at);
    if (next === undefined) return undefined;
    at += next.bytes;
    size += next.value;
    if (size < 0 || size > body.length) return undefined;
    sizes.push(size);
  }
  return { sizes, bytes: at };
}

function cut(body: Buffer, sizes: readonly number[]): Buffer[] | undefined {
  const frames: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    frames.push(body.subarray(at, at + size));
    at += size;
  }
  if (at > body.length) return undefined;
  frames.push(body.subarray(at));
  return frames;
}
