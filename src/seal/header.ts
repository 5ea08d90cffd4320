import { ByteReader } from './byte-reader.ts';
import { prefixed, u16, u32 } from './context.ts';
import { notAuthentic } from './errors.ts';
import { TAG_BYTES } from './sizes.ts';
import type { WrappedKey } from './wrapped-key.ts';

/**
 * The header of an AWS Encryption SDK message, version 2, suite 0x0478 (docs/format.md, "Bytes"):
 *
 * ```
 *   1   version 0x02
 *   2   suite 0x0478            AES-256-GCM, HKDF-SHA-512, key commitment, no signature
 *   32  message id              random: salts every derivation, so no two objects share a key
 *   2   context length          0: no context
 *   …   context                 see context.ts
 *   2   EDK count               1 in our profile
 *   …   EDK                     2 len | provider id | 2 len | provider info | 2 len | ciphertext
 *   1   content type 0x02       framed
 *   4   frame length F
 *   32  commitment
 *   16  tag                     key K, IV 0, no plaintext, AAD = everything above
 * ```
 */
const VERSION = 2;
const SUITE = 0x0478;
export const FRAMED = 2;
const MESSAGE_ID_BYTES = 32;
const COMMITMENT_BYTES = 32;

/** The header's fields in the order of its bytes, as views, as they were found: nothing here is believed yet. */
export interface Header {
  readonly messageId: Buffer;
  readonly context: Buffer;
  readonly wrappedKeys: readonly WrappedKey[];
  readonly contentType: number;
  readonly frameLength: number;
  readonly commitment: Buffer;
}

/** A header read from bytes, with what its tag is over. */
export interface ReadHeader extends Header {
  /** HB: the header without its tag. */
  readonly body: Buffer;
  readonly tag: Buffer;
  /** HB and tag. */
  readonly bytes: Buffer;
}

/** HB of a framed message. */
export function encodeHeaderBody(header: Omit<Header, 'contentType'>): Buffer {
  return Buffer.concat([
    Buffer.from([VERSION]),
    u16(SUITE),
    header.messageId,
    prefixed(header.context),
    u16(header.wrappedKeys.length),
    ...header.wrappedKeys.flatMap((key) => [
      prefixed(key.providerId),
      prefixed(key.providerInfo),
      prefixed(key.ciphertext),
    ]),
    Buffer.from([FRAMED]),
    u32(header.frameLength),
    header.commitment,
  ]);
}

/**
 * Takes a header off the front of `bytes`. Checks version, suite, number of EDKs and every length; all else
 * is for the caller to compare.
 *
 * @throws SealFormatError NOT_AUTHENTIC
 */
export function readHeader(bytes: Buffer, maxWrappedKeys = 1): ReadHeader {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION || reader.u16() !== SUITE) throw notAuthentic();
  const messageId = reader.take(MESSAGE_ID_BYTES);
  const context = reader.prefixed();
  const wrappedKeys = readWrappedKeys(reader, maxWrappedKeys);
  const contentType = reader.u8();
  const frameLength = reader.u32();
  const commitment = reader.take(COMMITMENT_BYTES);
  const body = bytes.subarray(0, reader.position);
  const tag = reader.take(TAG_BYTES);
  return {
    messageId,
    context,
    wrappedKeys,
    contentType,
    frameLength,
    commitment,
    body,
    tag,
    bytes: bytes.subarray(0, reader.position),
  };
}

function readWrappedKeys(reader: ByteReader, max: number): WrappedKey[] {
  const count = reader.u16();
  if (count < 1 || count > max) throw notAuthentic();
  return Array.from({ length: count }, () => ({
    providerId: reader.prefixed(),
    providerInfo: reader.prefixed(),
    ciphertext: reader.prefixed(),
  }));
}
