/** A map on disk; values are what JSON can say. */
export interface ScratchMap<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  /** In no order. It must not be changed while it is read. */
  entries(): Iterable<readonly [key: string, value: Value]>;
}

/**
 * Room for one piece of work that compares more than fits into memory. Private to it, and gone with it, also after
 * `kill -9`. Methods do not wait for anybody, so they take no signal.
 */
export interface Scratch {
  map<Value>(name: string): ScratchMap<Value>;
  close(): void;
}
