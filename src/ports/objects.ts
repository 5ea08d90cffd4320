/** A filled part of a sealed object. Its buffer belongs to the store until `release` is called, exactly once. */
export interface Part {
  readonly bytes: Buffer;
  /** Nothing comes behind it. The first part may be the last: then one request stores the whole object. */
  readonly last: boolean;
  release(): void;
}

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /** CRC-32 of the whole object where the store knows it, unsigned. */
  readonly crc32?: number;
}

export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
  /** Not an object yet: an unfinished upload or a temporary file that stands under this name. */
  readonly unfinished: boolean;
}

/** Sealed objects: created once, never changed. */
export interface Objects {
  /**
   * Writes a new object. When this resolves it is durable and whole. When it rejects, or `signal` aborts,
   * nothing is readable under `name`. Every part is released in either case, and `parts` is closed.
   *
   * @throws CallsealError OBJECT_EXISTS - the name is taken; its bytes are untouched
   * @throws CallsealError STORE_DOWN, STORE_DENIED, STORE_FULL - worth another try under a fresh name
   * @throws CallsealError BUG - not an object name (no method takes another), or parts that end without a last one
   * @throws whatever `parts` threw
   */
  create(name: string, parts: AsyncIterable<Part>, signal: AbortSignal): Promise<StoredObject>;
  /** @returns undefined where there is no such object. */
  stat(name: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /**
   * Bytes `from` (inclusive) to `to` (exclusive) of an object; fresh chunks. A range beyond the end stops there.
   *
   * @throws CallsealError OBJECT_MISSING
   */
  read(name: string, range: { from: number; to: number }, signal: AbortSignal): AsyncIterable<Buffer>;
  /**
   * Deletes an object with all its versions, and whatever unfinished upload stands under its name.
   *
   * @returns names (with versions) that are still there afterwards: a lock, a hold of the store; usually none.
   */
  remove(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Objects and unfinished uploads whose name starts with `prefix`. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<ListedObject>;
  close(): Promise<void>;
}
