/** A number of EBML's own coding: `bytes` says how many it took (RFC 8794, 4). */
export interface VarInt {
  readonly value: number;
  readonly bytes: number;
}

/** All ones: an element whose length its writer did not know (RFC 8794, 6.2). */
export const UNKNOWN_SIZE = Number.POSITIVE_INFINITY;

/** How many bytes the number at `at` takes: leading zeros of its first byte and one. 9 is no number. */
export function varIntBytes(first: number): number {
  return Math.clz32(first) - 23;
}

/** A size or a track number, without its length mark. Undefined where it is not whole, or none. */
export function readVarInt(bytes: Buffer, at = 0): VarInt | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const length = varIntBytes(first);
  if (length > 8 || at + length > bytes.length) return undefined;
  let value = first & (0xff >>> length);
  let isAllOnes = value === 0xff >>> length;
  for (let next = at + 1; next < at + length; next += 1) {
    const byte = bytes[next] ?? 0;
    value = value * 256 + byte;
    isAllOnes &&= byte === 0xff;
  }
  return { value: isAllOnes ? UNKNOWN_SIZE : value, bytes: length };
}

/** The difference that EBML lacing stores: a number with its middle at zero (RFC 9559, 10.3.3). */
export function readSignedVarInt(bytes: Buffer, at: number): VarInt | undefined {
  const number = readVarInt(bytes, at);
  if (number === undefined || number.value === UNKNOWN_SIZE) return undefined;
  return { value: number.value - (2 ** (7 * number.bytes - 1) - 1), bytes: number.bytes };
}

/** An unsigned integer element's body: 0 to 8 bytes, big endian (RFC 8794, 7.2). Exact up to 2^53. */
export function unsigned(body: Buffer): number {
  let value = 0;
  for (const byte of body.subarray(0, 8)) value = value * 256 + byte;
  return value;
}

/** A signed integer element's body: 0 to 8 bytes (RFC 8794, 7.1). */
export function signed(body: Buffer): number {
  const length = Math.min(body.length, 8);
  if (length === 0) return 0;
  const value = unsigned(body);
  return body.readInt8(0) < 0 ? value - 2 ** (8 * length) : value;
}

/** A float element's body: 0, 4 or 8 bytes (RFC 8794, 7.3). */
export function float(body: Buffer): number {
  if (body.length === 4) return body.readFloatBE(0);
  return body.length === 8 ? body.readDoubleBE(0) : 0;
}
