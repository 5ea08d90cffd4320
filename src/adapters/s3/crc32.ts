import { crc32 } from 'node:zlib';

/** The polynomial of CRC-32, reflected: bit 31 is x^0. */
const POLYNOMIAL = 0xedb8_8320;
const X0 = 0x8000_0000;
const X8 = 0x0080_0000;

/** A CRC-32 as S3 writes it: four bytes, big-endian, in base64. */
export function encodeCrc32(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}

/** @returns undefined for what is no CRC-32 of whole bytes; a composite one has `-<parts>` at its end. */
export function decodeCrc32(text: string | undefined): number | undefined {
  if (text === undefined || !/^[A-Za-z0-9+/]{6}==$/.test(text)) return undefined;
  return Buffer.from(text, 'base64').readUInt32BE();
}

/** The checksum of an object whose store keeps only those of its parts: CRC-32 over their CRC-32s. */
export function compositeCrc32(parts: readonly number[]): string {
  const bytes = Buffer.alloc(parts.length * 4);
  parts.forEach((crc, i) => bytes.writeUInt32BE(crc, i * 4));
  return `${encodeCrc32(crc32(bytes))}-${parts.length}`;
}

/**
 * The CRC-32 of `a || b` from those of `a` and `b`: crc(a) · x^(8 · bytes of b) + crc(b) over GF(2). The bytes are
 * not looked at a second time.
 */
export function joinCrc32(a: number, b: number, bytesOfB: number): number {
  return (multiply(powerOfX(bytesOfB), a) ^ b) >>> 0;
}

/** x^(8 · bytes) modulo the polynomial, by squaring. */
function powerOfX(bytes: number): number {
  let power = X0;
  let square = X8;
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = X0; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}
