import { KeyObject } from 'node:crypto';
import { encodeContext } from './context.ts';
import { badArgument } from './errors.ts';
import { FIXED_HEADER_BYTES, MAX_NAMES_BYTES } from './sizes.ts';

/** Which object this is. All of it stands in clear in the header: opaque ids only, no personal data. */
export interface Names {
  /** Who named the key: `callseal`. */
  readonly namespace: string;
  /** The opaque id of the call key. */
  readonly keyName: string;
  /** `tenant`, `call`, `artifact`, `kind`: lower-case letters as keys, opaque ids as values. */
  readonly context: Readonly<Record<string, string>>;
}

/** Names and the key to them. A reader is *given* all of it and never takes any of it from the object. */
export interface Identity extends Names {
  /** CK: a secret key of 32 bytes. */
  readonly callKey: KeyObject;
}

/** The names as they stand in a header. */
export interface EncodedNames {
  readonly namespace: Buffer;
  readonly keyName: Buffer;
  /** With the pair count, without its length; empty when there is no pair. */
  readonly context: Buffer;
  /** H, tag included. */
  readonly headerBytes: number;
}

/**
 * H, the length of a header with these names, tag included.
 *
 * @throws SealFormatError BAD_ARGUMENT - see `encodeNames`.
 */
export function headerSize(names: Names): number {
  return encodeNames(names).headerBytes;
}

/**
 * @throws SealFormatError BAD_ARGUMENT - a name is empty or not well-formed text, a context key has other
 *   than lower-case ASCII letters (the stock JavaScript reader sorts others by locale), or all together are
 *   longer than 1,024 bytes.
 */
export function encodeNames(names: Names): EncodedNames {
  requireText(names.namespace, 'namespace');
  requireText(names.keyName, 'keyName');
  for (const [key, value] of Object.entries(names.context)) {
    if (!/^[a-z]{1,64}$/.test(key)) throw badArgument('a context key must be 1 to 64 letters a to z');
    requireText(value, `context.${key}`);
  }
  const namespace = Buffer.from(names.namespace, 'utf8');
  const keyName = Buffer.from(names.keyName, 'utf8');
  const context = encodeContext(names.context);
  const namesBytes = namespace.length + keyName.length + context.length;
  if (namesBytes > MAX_NAMES_BYTES) {
    throw badArgument(
      `namespace, keyName and context take ${namesBytes} bytes, more than ${MAX_NAMES_BYTES}`,
    );
  }
  return { namespace, keyName, context, headerBytes: FIXED_HEADER_BYTES + namesBytes };
}

/** @throws SealFormatError BAD_ARGUMENT - not a secret key of 32 bytes. */
export function requireCallKey(callKey: KeyObject): void {
  if (!(callKey instanceof KeyObject) || callKey.type !== 'secret' || callKey.symmetricKeySize !== 32) {
    throw badArgument('callKey must be a secret KeyObject of 32 bytes');
  }
}

function requireText(text: unknown, name: string): void {
  if (typeof text !== 'string' || text === '' || text.length > MAX_NAMES_BYTES || !text.isWellFormed()) {
    throw badArgument(`${name} must be well-formed text of 1 to ${MAX_NAMES_BYTES} bytes`);
  }
}
