import type { Part } from '../../ports/objects.ts';

/** The parts of one object, pulled one by one. Each part that was handed out is the caller's to release. */
export interface PartSupply {
  /**
   * @returns undefined when nothing comes any more.
   * @throws whatever the producer threw; the signal's reason at once when it aborts, even while the producer is
   *   silent: a part that arrives after that is released here.
   */
  next(): Promise<Part | undefined>;
  /** Whether `error` came out of `next`: it is the producer's or the abort's, not the store's. */
  threw(error: unknown): boolean;
  /** To be called in every case, and once. Never rejects: the caller has a better error already, or none. */
  close(): Promise<void>;
}

export function partSupply(parts: AsyncIterable<Part>, signal: AbortSignal): PartSupply {
  const iterator = parts[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<never>();
  // Nobody may be waiting when it rejects.
  aborted.promise.catch(ignore);
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let pending: Promise<IteratorResult<Part>> | undefined;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;

  return {
    next: async () => {
      signal.throwIfAborted();
      pending = iterator.next();
      const next = await Promise.race([pending, aborted.promise]).catch((error: unknown) => {
        failure = { error };
        // A producer that threw is closed by that.
        if (!signal.aborted) ended = true;
        throw error;
      });
      pending = undefined;
      ended = next.done === true;
      return next.done === true ? undefined : next.value;
    },
    threw: (error) => failure !== undefined && failure.error === error,
    close: async () => {
      signal.removeEventListener('abort', onAbort);
      if (ended) return;
      const closed = Promise.resolve(iterator.return?.()).catch(ignore);
      if (pending === undefined) await closed;
      // Not awaited: a producer that is stuck must not keep an abort waiting.
      else pending.then((late) => late.done !== true && late.value.release()).catch(ignore);
    },
  };
}

function ignore(): void {}
