import type { KeyObject } from 'node:crypto';

/** The encryption context: opaque ids, in clear in the key service's log (docs/architecture.md, "Keys"). */
export type KeyContext = Readonly<Record<string, string>>;

export interface GeneratedKey {
  /** The call key: 32 bytes, only in memory. Drop it as soon as its work is done. */
  readonly callKey: KeyObject;
  readonly wrapped: Buffer;
  /** What later calls name the KEK by: an ARN; an alias may move, this does not. */
  readonly kek: string;
  readonly materialId: string;
  readonly requestId: string | undefined;
}

export interface WrappedRow {
  readonly wrapped: Uint8Array;
  readonly kek: string;
  readonly context: KeyContext;
}

export interface KekState {
  readonly kek: string;
  readonly materialId: string;
  readonly state: 'enabled' | 'disabled' | 'pending-deletion';
}

/**
 * Generates, unwraps and rewraps call keys. One request per method call, no retry inside, nothing cached.
 *
 * All reject with CallsealError KMS_DOWN, KMS_THROTTLED, KMS_DENIED, KEY_DISABLED, KEY_PENDING_DELETION or
 * KEY_UNKNOWN, with the tenant as scope where only its key is concerned. There is no fallback of any kind.
 */
export interface Keys {
  /** `kek` as the settings name it (an alias is resolved here and only here). */
  generate(kek: string, context: KeyContext, signal: AbortSignal): Promise<GeneratedKey>;
  /** @throws CallsealError NOT_AUTHENTIC - another context, KEK or wrapping than this row's */
  unwrap(
    row: WrappedRow,
    signal: AbortSignal,
  ): Promise<{ callKey: KeyObject; requestId: string | undefined }>;
  /** A new wrapping of the same call key under the KEK's newest material; the plaintext key is not seen. */
  rewrap(
    row: WrappedRow,
    signal: AbortSignal,
  ): Promise<{ wrapped: Buffer; kek: string; materialId: string; requestId: string | undefined }>;
  describe(kek: string, signal: AbortSignal): Promise<KekState>;
  /** Makes the KEK where it is missing; embedded adapter only, others throw KEY_UNKNOWN. Idempotent. */
  ensure(kek: string, signal: AbortSignal): Promise<KekState>;
  close(): Promise<void>;
}
