/** Of a form that a reader knows; raised where a field changes its meaning. */
export const PCM_STATS_VERSION = 1;

/** A time, and its share of the whole recording, 0 to 1. */
export interface TimeShare {
  readonly ms: number;
  readonly share: number;
}

/** Levels in dB below full scale (32768), never above 0; null where every sample is zero. */
export interface ChannelStats {
  readonly talk: TimeShare;
  /** Root mean square over the whole channel, offset included. */
  readonly rmsDb: number | null;
  readonly peakDb: number | null;
  /** Mean of the samples, -1 to 1. */
  readonly dcOffset: number;
  /** Samples in runs of three or more at full scale. */
  readonly clippedSamples: number;
}

/** Who talked how much and how loud (docs/audio.md, "Statistics"). Plain JSON. */
export interface PcmStats {
  readonly version: typeof PCM_STATS_VERSION;
  readonly sampleRate: number;
  readonly sampleFrames: number;
  readonly durationMs: number;
  /** Nobody talks. */
  readonly silence: TimeShare & { readonly longestMs: number };
  /** Two or more channels talk at once; absent where there is one. */
  readonly overlap?: TimeShare;
  /** In the order of the recording. */
  readonly channels: readonly ChannelStats[];
}

/** What is sealed as `<id>~stats`: with who is on which channel, as far as the event said it. */
export interface RecordingStats extends Omit<PcmStats, 'channels'> {
  readonly channels: readonly (ChannelStats & { readonly role?: string })[];
}
