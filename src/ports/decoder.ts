import type { DeclaredMedia } from '../domain/call-event.ts';
import type { MediaWarning } from '../domain/media.ts';
import type { DecoderWarning } from '../domain/warnings.ts';

/** A recording as it is about to come. */
export interface OpusRecording {
  readonly container: 'ogg' | 'webm' | 'opus-packets';
  readonly declared: DeclaredMedia | undefined;
}

/** What was made of a recording by decoding it. */
export interface Decoded {
  /** Peaks and statistics, or nothing; never one without the other. */
  readonly made: readonly { readonly kind: 'peaks' | 'stats'; readonly bytes: Buffer }[];
  /** Why nothing was made, what is odd, who is not heard. Each once. */
  readonly warnings: readonly (DecoderWarning | MediaWarning)[];
}

/** One recording on its way through the decoder. */
export interface Decoding {
  /**
   * Copies `chunk`; returns at once and never throws. The first chunk MUST hold the first 4096 bytes, or all there
   * are. What does not fit into the adapter's room is not kept: the recording is given up (DECODER_BUSY), the caller
   * goes on as before.
   */
  push(chunk: Uint8Array): void;
  /**
   * Once, after the last chunk. Resolves within the adapter's time, whatever the recording does to whoever decodes
   * it: with what was made, or with nothing and a warning that says why. Only `signal` makes it reject.
   */
  end(signal: AbortSignal): Promise<Decoded>;
  /** The recording is not wanted any more. May be called at any time, and more than once. */
  drop(): void;
}

/**
 * Decodes Opus beside the sealing, where a recording can do no harm. Everything it makes is extra: whatever happens
 * in it, the recording is sealed as it is.
 */
export interface Decoder {
  /** Returns at once. Recordings beside each other do not see each other. */
  begin(recording: OpusRecording): Decoding;
  /** Gives up what is in hand, and leaves no process behind. */
  close(): Promise<void>;
}
