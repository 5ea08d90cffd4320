import { createECDH, type KeyObject } from 'node:crypto';

/**
 * ECDSA over P-256 on a digest (FIPS 186-5, sections 6.4.1 and 6.4.2). Node signs messages only: it always hashes first,
 * and KMS also signs what the caller has hashed. Not constant in time, with a nonce from OpenSSL: for tests.
 */
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const G: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** Returns DER: SEQUENCE { r INTEGER, s INTEGER }. */
export function signP256(key: KeyObject, digest: Buffer): Buffer {
  const d = jwkNumber(key, 'd');
  for (;;) {
    const pair = createECDH('prime256v1');
    // 04 | x | y: the point k·G of a fresh k.
    const r = mod(number(pair.generateKeys().subarray(1, 33)), N);
    const s = mod(inverse(number(pair.getPrivateKey()), N) * (number(digest) + r * d), N);
    if (r !== 0n && s !== 0n) return sequence(integer(r), integer(s));
  }
}

/** False for everything that is not a valid signature, malformed DER included. */
export function isP256Signature(key: KeyObject, digest: Buffer, signature: Buffer): boolean {
  const parts = readSequence(signature);
  if (!parts || !parts.every((part) => part > 0n && part < N)) return false;
  const [r, s] = parts;
  const w = inverse(s, N);
  const q = { x: jwkNumber(key, 'x'), y: jwkNumber(key, 'y') };
  const sum = add(times(mod(number(digest) * w, N), G), times(mod(r * w, N), q));
  return sum !== undefined && mod(sum.x, N) === r;
}

/** `undefined` is the point at infinity. */
function add(a: Point | undefined, b: Point | undefined): Point | undefined {
  if (!a || !b) return a ?? b;
  if (a.x === b.x && mod(a.y + b.y, P) === 0n) return undefined;
  const slope =
    a.x === b.x ? (3n * a.x * a.x - 3n) * inverse(2n * a.y, P) : (b.y - a.y) * inverse(b.x - a.x, P);
  const x = mod(slope * slope - a.x - b.x, P);
  return { x, y: mod(slope * (a.x - x) - a.y, P) };
}

function times(factor: bigint, point: Point): Point | undefined {
  let sum: Point | undefined;
  for (const bit of factor.toString(2)) {
    sum = add(sum, sum);
    if (bit === '1') sum = add(sum, point);
  }
  return sum;
}

/** By the extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [mod(value, modulus), modulus, 1n, 0n];
  while (a > 1n) {
    [x, y] = [y - (b / a) * x, x];
    [a, b] = [b % a, a];
  }
  return mod(x, modulus);
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

function jwkNumber(key: KeyObject, name: 'd' | 'x' | 'y'): bigint {
  return number(Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url'));
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const positive = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(0x02, positive.length), positive]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/** Strict DER: what `sequence` of two `integer` makes, and nothing else. */
function readSequence(bytes: Buffer): readonly [bigint, bigint] | undefined {
  const first = bytes.subarray(4, 4 + (bytes[3] ?? 0));
  const second = bytes.subarray(6 + first.length, 6 + first.length + (bytes[5 + first.length] ?? 0));
  const [r, s] = [number(first), number(second)];
  return sequence(integer(r), integer(s)).equals(bytes) ? [r, s] : undefined;
}
