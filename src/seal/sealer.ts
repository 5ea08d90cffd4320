import { randomBytes } from 'node:crypto';
import { authenticate, ZERO_IV } from './aes-gcm.ts';
import { encodeHeaderBody } from './header.ts';
import { encodeNames, type Identity, requireCallKey } from './identity.ts';
import { deriveMessageKeys } from './key-derivation.ts';
import { PlainDigest } from './plain-digest.ts';
import { Sealing, type SealingMaterial } from './sealing.ts';
import { DEFAULT_FRAME_LENGTH, IV_BYTES, layoutOfPlain, requireFrameLength } from './sizes.ts';
import { wrapDataKey } from './wrapped-key.ts';

export interface SealerOptions extends Identity {
  /** F in bytes, 65,536 unless told; other values are for tests. */
  readonly frameLength?: number;
  /** Make the plaintext digest; costs about 20 % of sealing. On unless told. */
  readonly plainDigest?: boolean;
  /** Make a SHA-256 over the sealed bytes. Off unless told. */
  readonly sha256?: boolean;
  /** How many plaintext bytes will come; another number is LENGTH_DIFFERS. */
  readonly declaredBytes?: number;
  /**
   * Free each chunk as soon as it is encrypted: flat memory, twice the speed. Off unless told, because the
   * chunks then read as empty afterwards: give it only chunks that nobody else still looks at.
   */
  readonly detachChunks?: boolean;
}

/** What is known of an object once it is sealed. None of it is secret but `plainDigest`, which is keyed. */
export interface SealFacts {
  /** 32 bytes. */
  readonly messageId: Buffer;
  /** H, tag included. */
  readonly headerBytes: number;
  readonly frameLength: number;
  readonly plainBytes: number;
  readonly sealedBytes: number;
  /** 32 bytes. */
  readonly sealDigest: Buffer;
  /** 16 bytes. */
  readonly plainDigest?: Buffer;
  /** 32 bytes, over the sealed bytes. */
  readonly sha256?: Buffer;
}

/**
 * Seals one object. `push` what comes, `fill` buffers with what is sealed, `end` when the source has ended
 * and `fill` until `finished`.
 */
export interface Sealer {
  /** Whether `fill` would write something. */
  readonly ready: boolean;
  /** Whether every sealed byte has been written. */
  readonly finished: boolean;

  /**
   * Takes the next plaintext bytes, of any length, by reference: the caller MUST NOT write to them again.
   *
   * @throws SealFormatError LENGTH_DIFFERS - more than declared.
   * @throws SealFormatError BAD_ARGUMENT - after `end` or `destroy`.
   */
  push(chunk: Uint8Array): void;

  /** @throws SealFormatError LENGTH_DIFFERS - fewer than declared. BAD_ARGUMENT - after `end` or `destroy`. */
  end(): void;

  /**
   * Encrypts straight into `part` from `at`, as far as whole frames are held and there is room; frames go on
   * in the next part. Returns the bytes written: fewer than there was room for means that more input is
   * needed, or that the object is finished.
   *
   * @throws SealFormatError BAD_ARGUMENT - no room in `part`, or a held chunk was detached by somebody: the
   *   sealer is then destroyed.
   */
  fill(part: Buffer, at: number): number;

  /** @throws SealFormatError BAD_ARGUMENT - not `finished`. */
  facts(): SealFacts;

  /** Gives up: lets go of keys and chunks. Does nothing once all is sealed. */
  destroy(): void;
}

/**
 * Starts a new object under `callKey`: with its own random message id and data key, so a second try never
 * continues or repeats the first.
 *
 * @throws SealFormatError BAD_ARGUMENT - see `encodeNames`; not a key of 32 bytes; a bad length.
 *
 * @example
 * const sealer = createSealer({ callKey, namespace: 'callseal', keyName, context });
 * sealer.push(audio);
 * sealer.end();
 * const sealed = Buffer.alloc(sealedSize(audio.length, headerSize({ namespace: 'callseal', keyName, context })));
 * sealer.fill(sealed, 0);
 */
export function createSealer(options: SealerOptions): Sealer {
  const frameLength = options.frameLength ?? DEFAULT_FRAME_LENGTH;
  requireCallKey(options.callKey);
  requireFrameLength(frameLength);
  if (options.declaredBytes !== undefined) layoutOfPlain(options.declaredBytes, frameLength);
  const material = freshMaterial(options, frameLength);
  return new Sealing(material, {
    plainDigest:
      options.plainDigest === false ? undefined : new PlainDigest(options.callKey, material.messageId),
    sha256: options.sha256 ?? false,
    declaredBytes: options.declaredBytes,
    detachChunks: options.detachChunks ?? false,
  });
}

function freshMaterial(options: Identity, frameLength: number): SealingMaterial {
  const names = encodeNames(options);
  const messageId = randomBytes(32);
  const dataKey = randomBytes(32);
  try {
    const { frameKey, commitment } = deriveMessageKeys(dataKey, messageId);
    const wrapped = wrapDataKey(options.callKey, randomBytes(IV_BYTES), dataKey, names);
    const body = encodeHeaderBody({
      messageId,
      context: names.context,
      wrappedKeys: [wrapped],
      frameLength,
      commitment,
    });
    const header = Buffer.concat([body, authenticate(frameKey, ZERO_IV, body)]);
    return { messageId, header, frameKey, frameLength };
  } finally {
    dataKey.fill(0);
  }
}
