import type { OpusHead } from './opus.ts';

/**
 * Told by a scanner, in the order of playing, of the Opus audio it reads. Samples are at 48 kHz. The sum of what is
 * told, less the pre-skip of each stream, is what the facts count as `sampleFrames`.
 */
export interface OpusSink {
  /** A stream begins: the recording's, or the next link of a chained Ogg. Its pre-skip is still in what follows. */
  begin(head: OpusHead): void;
  /** Time for which there is no audio. Believed as the file says it: it may be absurd. */
  gap(samples: number): void;
  /** Packets that are some (RFC 6716), to keep; of the samples they decode to, the first `samples` are played. */
  play(packets: readonly Buffer[], samples: number): void;
  /** A SimpleBlock of the stream came by, the only kind of block that some readers of WebM know. */
  simpleBlock(): void;
}
