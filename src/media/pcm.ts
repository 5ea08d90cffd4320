import type { MediaCodec, MediaWarning } from '../domain/media.ts';
import { LevelMeter } from './levels.ts';
import type { MediaLayout } from './media-index.ts';

/** Samples of a fixed size: time is arithmetic. */
export interface PcmFormat {
  readonly codec: MediaCodec;
  readonly sampleRate: number;
  readonly channels: number;
  /** Bytes of one sample of all channels. */
  readonly frameBytes: number;
}

/** The sample bytes of a raw or WAV recording, in order, without anything else. */
export class PcmRun {
  readonly #format: PcmFormat;
  readonly #levels: LevelMeter | undefined;
  #bytes = 0;

  constructor(format: PcmFormat) {
    this.#format = format;
    this.#levels = meterOf(format);
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#levels?.push(bytes);
  }

  layout(): MediaLayout {
    return { kind: 'frames', frameBytes: this.#format.frameBytes };
  }

  /** Adds what it saw to `warnings` and returns the facts it is the source of. */
  end(warnings: Set<MediaWarning>) {
    const { codec, sampleRate, channels, frameBytes } = this.#format;
    const sampleFrames = Math.floor(this.#bytes / frameBytes);
    if (sampleFrames === 0) warnings.add('NO_AUDIO');
    if (this.#bytes % frameBytes !== 0) warnings.add('PARTIAL_FRAME');
    for (const warning of this.#levels?.verdict() ?? []) warnings.add(warning);
    const durationMs = Math.round((sampleFrames * 1000) / sampleRate);
    return { codec, sampleRate, channels, sampleFrames, durationMs, audioBytes: this.#bytes };
  }
}

function meterOf({ codec, sampleRate, channels, frameBytes }: PcmFormat): LevelMeter | undefined {
  if (codec === 'pcm_s16le') {
    return frameBytes === 2 * channels ? new LevelMeter(codec, sampleRate, channels) : undefined;
  }
  if (codec === 'pcm_mulaw' || codec === 'pcm_alaw') {
    return frameBytes === channels ? new LevelMeter(codec, sampleRate, channels) : undefined;
  }
  return undefined;
}
