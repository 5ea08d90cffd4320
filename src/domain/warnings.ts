import type { MediaWarning } from './media.ts';

/** What decoding a recording beside its sealing can come to (docs/decoder.md). None of them touches what is sealed. */
const DECODER_WARNINGS = [
  /** Another reader counts other packets than ours. */
  'SECOND_OPINION_DIFFERS',
  /** The codec refused some packets: there is silence in their place. */
  'PACKETS_UNDECODED',
  /** Channels that are put together in a way that is not decoded: no peaks, no statistics. */
  'CHANNELS_UNDECODED',
  /** No process, or no room, was free in time. */
  'DECODER_BUSY',
  /** The process did not answer in time, and was killed. */
  'DECODER_SLOW',
  /** The process grew over its limit, and was killed. */
  'DECODER_OUT_OF_MEMORY',
  /** The process ended, or said what it may not say. */
  'DECODER_FAILED',
] as const;
export type DecoderWarning = (typeof DECODER_WARNINGS)[number];

export function isDecoderWarning(code: string): code is DecoderWarning {
  return (DECODER_WARNINGS as readonly string[]).includes(code);
}

/** What is odd about a sealed call but stops nothing. On the receipt, in the outcome, never in the way. */
export type Warning =
  | MediaWarning
  | DecoderWarning
  | 'KEY_NOT_CALL'
  | 'ID_LOOKS_LIKE_NUMBER'
  | 'UNKNOWN_FIELDS'
  | 'VOICEPRINT_CONSENT_MISSING'
  | 'CLASS_SHREDDED'
  | 'SHAPE_UNKNOWN'
  | 'VECTOR_SIZE_DIFFERS'
  | 'EMPTY';
