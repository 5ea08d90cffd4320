import { Listening } from '../../src/adapters/decoder/child/listening.ts';
import type { Decoded, Decoder, Decoding } from '../../src/ports/decoder.ts';

const BUSY: Decoded = { made: [], warnings: ['DECODER_BUSY'] };

/** Listens in this process, when a recording has ended: the same results without a process, for tests only. */
export function fakeDecoder(queueBytes = Number.POSITIVE_INFINITY): Decoder {
  let queued = 0;
  let isClosed = false;
  return {
    begin: (recording) => {
      let chunks: Buffer[] = [];
      let bytes = 0;
      let settled: Decoded | undefined;
      const settle = (decoded: Decoded): void => {
        settled ??= decoded;
        queued -= bytes;
        bytes = 0;
        chunks = [];
      };
      const listen = (): Decoded => {
        const listening = new Listening(recording);
        for (const chunk of chunks) listening.push(chunk);
        const heard = listening.end();
        listening.close();
        return heard;
      };
      const decoding: Decoding = {
        push: (chunk) => {
          if (settled !== undefined) return;
          if (isClosed || queued + chunk.length > queueBytes) return settle(BUSY);
          chunks.push(Buffer.from(chunk));
          bytes += chunk.length;
          queued += chunk.length;
        },
        end: async (signal) => {
          await Promise.resolve();
          if (signal.aborted) decoding.drop();
          signal.throwIfAborted();
          if (isClosed) settle(BUSY);
          if (settled === undefined) settle(listen());
          return settled ?? BUSY;
        },
        drop: () => settle({ made: [], warnings: [] }),
      };
      return decoding;
    },
    close: async () => {
      isClosed = true;
      await Promise.resolve();
    },
  };
}
