import type { SourceVersion } from '../domain/receipts.ts';

/** Which plaintext artifact an event points to: an alias of the tenant and a relative key, never a URL or path. */
export interface SourceRef {
  readonly tenant: string;
  readonly call: string;
  readonly revision: number;
  readonly alias: string;
  readonly key: string;
}

export interface SourceStat {
  readonly bytes: number;
  readonly version: SourceVersion;
}

export interface OpenSource extends SourceStat {
  /**
   * The bytes, once. Each chunk is fresh: the consumer may detach it. Fails with SOURCE_CHANGED when the bytes
   * are no longer the version that was opened, before or with its last chunk; with the errors of `open` before the
   * first. Nothing is held open for a body that is not read.
   */
  readonly body: AsyncIterable<Buffer>;
}

/** Plaintext at the edge. Nothing here can change it. */
export interface Sources {
  /**
   * @throws CallsealError SOURCE_MISSING, SOURCE_DOWN, SOURCE_DENIED (scope: tenant and alias), SOURCE_CHANGED
   * @throws CallsealError SOURCE_NOT_A_FILE - a folder, a FIFO, a device, a link
   * @throws CallsealError SOURCE_KEY_FORBIDDEN, ALIAS_NOT_OF_TENANT
   */
  open(ref: SourceRef, signal: AbortSignal): Promise<OpenSource>;
  /** Length and version without reading. Same errors. */
  stat(ref: SourceRef, signal: AbortSignal): Promise<SourceStat>;
  /**
   * What is stored under the key: of a bucket with versions each of them and each delete marker, else the one there
   * is. Empty where nothing is: no error. Opaque names.
   */
  stored(ref: SourceRef, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Deletes the source with all its versions, but only while `version` is the newest one. A version that is written
   * meanwhile may stay or go where the store keeps one only. It needs a right that no worker has to have.
   *
   * @returns what is stored under the key afterwards: a lock or a hold of the store; usually nothing
   * @throws CallsealError SOURCE_CHANGED - another version is the newest: nothing was deleted
   * @throws CallsealError SOURCE_MISSING - nothing was there; and the other errors of `open`
   */
  remove(ref: SourceRef, version: SourceVersion, signal: AbortSignal): Promise<readonly string[]>;
  close(): Promise<void>;
}
