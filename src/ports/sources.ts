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

/** Plaintext at the edge. Read only: nothing here can change or remove it. */
export interface Sources {
  /**
   * @throws CallsealError SOURCE_MISSING, SOURCE_DOWN, SOURCE_DENIED (scope: tenant and alias), SOURCE_CHANGED
   * @throws CallsealError SOURCE_NOT_A_FILE - a folder, a FIFO, a device, a link
   * @throws CallsealError SOURCE_KEY_FORBIDDEN, ALIAS_NOT_OF_TENANT
   */
  open(ref: SourceRef, signal: AbortSignal): Promise<OpenSource>;
  /** Length and version without reading. Same errors. */
  stat(ref: SourceRef, signal: AbortSignal): Promise<SourceStat>;
  close(): Promise<void>;
}
