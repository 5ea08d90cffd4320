import type { Decoder, Decoding } from '../../ports/decoder.ts';

const NOTHING: Decoding = {
  push: () => undefined,
  end: async (signal) => {
    signal.throwIfAborted();
    return await Promise.resolve({ made: [], warnings: [] });
  },
  drop: () => undefined,
};

/** Decodes nothing, and has nothing to say about it: the operator does not want it. */
export function noDecoder(): Decoder {
  return { begin: () => NOTHING, close: async () => await Promise.resolve() };
}
