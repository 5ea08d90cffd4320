import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { isAuthentic, ZERO_IV } from './aes-gcm.ts';
import { notAuthentic } from './errors.ts';
import { FRAMED, type ReadHeader, readHeader } from './header.ts';
import { type EncodedNames, encodeNames, type Identity, requireCallKey } from './identity.ts';
import { deriveMessageKeys } from './key-derivation.ts';
import { type Layout, layoutOfSealed, MAX_FRAME_LENGTH, requireLength } from './sizes.ts';
import { isWrappedFor, unwrapDataKey } from './wrapped-key.ts';

/** Which object a reader asks for: from its registry row, never from the object. */
export interface ExpectedObject extends Identity {
  /** T, from the registry row where there is one. */
  readonly sealedBytes?: number;
  /** P, from the registry row where there is one. */
  readonly plainBytes?: number;
}

/** `ExpectedObject`, checked. */
export interface Expectation {
  readonly callKey: KeyObject;
  readonly names: EncodedNames;
  readonly sealedBytes: number | undefined;
  readonly plainBytes: number | undefined;
}

/** What the frames are opened with. */
export interface OpenedHeader {
  readonly messageId: Buffer;
  /** With its tag. */
  readonly bytes: Buffer;
  readonly frameKey: KeyObject;
  readonly frameLength: number;
  /** By the length equation; undefined as long as nobody knows T. */
  readonly layout: Layout | undefined;
}

/** @throws SealFormatError BAD_ARGUMENT */
export function expectation(expected: ExpectedObject): Expectation {
  requireCallKey(expected.callKey);
  if (expected.sealedBytes !== undefined) requireLength(expected.sealedBytes, 'sealedBytes');
  if (expected.plainBytes !== undefined) requireLength(expected.plainBytes, 'plainBytes');
  return {
    callKey: expected.callKey,
    names: encodeNames(expected),
    sealedBytes: expected.sealedBytes,
    plainBytes: expected.plainBytes,
  };
}

/**
 * Opens the header, in the order of docs/format.md, "Order of checks": everything that can be compared
 * without a key comes before the unwrapping, the commitment before the first use of K.
 *
 * @param bytes the first H bytes of the object, or all of it when it is shorter.
 * @throws SealFormatError NOT_AUTHENTIC
 */
export function openHeader(bytes: Buffer, expected: Expectation): OpenedHeader {
  const header = readHeader(bytes);
  requireNames(header, expected.names);
  const layout = layoutFor(header, expected);
  const [wrapped] = header.wrappedKeys;
  if (wrapped === undefined) throw notAuthentic();
  const dataKey = unwrapDataKey(expected.callKey, wrapped, header.context);
  return { ...unlockHeader(header, dataKey), layout };
}

/**
 * From the data key to the frames' key: commitment, then header tag. Overwrites `dataKey`.
 *
 * @throws SealFormatError NOT_AUTHENTIC
 */
export function unlockHeader(header: ReadHeader, dataKey: Buffer): Omit<OpenedHeader, 'layout'> {
  const { frameKey, commitment } = deriveMessageKeys(dataKey, header.messageId);
  dataKey.fill(0);
  if (!timingSafeEqual(commitment, header.commitment)) throw notAuthentic();
  if (!isAuthentic(frameKey, ZERO_IV, header.body, header.tag)) throw notAuthentic();
  return { messageId: header.messageId, bytes: header.bytes, frameKey, frameLength: header.frameLength };
}

function requireNames(header: ReadHeader, names: EncodedNames): void {
  const [wrapped] = header.wrappedKeys;
  if (wrapped === undefined || !isWrappedFor(names, wrapped)) throw notAuthentic();
  requireFramed(header);
  if (!header.context.equals(names.context)) throw notAuthentic();
}

/** @throws SealFormatError NOT_AUTHENTIC - not framed, or F is not from 1 to 1,048,576: before anything is allocated. */
export function requireFramed(header: ReadHeader): void {
  if (header.contentType !== FRAMED) throw notAuthentic();
  if (header.frameLength < 1 || header.frameLength > MAX_FRAME_LENGTH) throw notAuthentic();
}

function layoutFor(header: ReadHeader, expected: Expectation): Layout | undefined {
  if (expected.sealedBytes === undefined) return undefined;
  const layout = layoutOfSealed(expected.sealedBytes, header.bytes.length, header.frameLength);
  if (expected.plainBytes !== undefined && layout.plainBytes !== expected.plainBytes) throw notAuthentic();
  return layout;
}
