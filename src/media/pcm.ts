import type { MediaCodec, MediaWarning } from '../domain/media.ts';
import type { MediaLayout } from './media-index.ts';
import { createPcmAnalyser, type PcmAnalyser, type PcmAnalysis } from './pcm-analyser.ts';
import { FULL_SCALE, type SampleCodec, SampleReader } from './pcm-samples.ts';

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
  readonly #analyser: PcmAnalyser | undefined;
  readonly #samples: SampleReader | undefined;
  #analysis: PcmAnalysis | undefined;
  #bytes = 0;

  constructor(format: PcmFormat) {
    this.#format = format;
    const { codec, channels, sampleRate } = format;
    if (!isSampleCodec(codec)) return;
    const analyser = createPcmAnalyser({ channels, rate: sampleRate, fullScale: FULL_SCALE[codec] });
    this.#analyser = analyser;
    this.#samples = new SampleReader(codec, channels, (samples) => analyser.push(samples));
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#samples?.push(bytes);
  }

  layout(): MediaLayout {
    return { kind: 'frames', frameBytes: this.#format.frameBytes };
  }

  /** After `end`. Undefined where there is no audio, or of a codec that is not listened to. */
  analysis(): PcmAnalysis | undefined {
    return this.#analysis;
  }

  /** Adds what it saw to `warnings` and returns the facts it is the source of. */
  end(warnings: Set<MediaWarning>) {
    const { codec, sampleRate, channels, frameBytes } = this.#format;
    const sampleFrames = Math.floor(this.#bytes / frameBytes);
    if (sampleFrames === 0) warnings.add('NO_AUDIO');
    if (this.#bytes % frameBytes !== 0) warnings.add('PARTIAL_FRAME');
    const analysis = sampleFrames === 0 ? undefined : this.#analyser?.end();
    this.#analysis = analysis;
    for (const warning of analysis?.warnings ?? []) warnings.add(warning);
    const durationMs = Math.round((sampleFrames * 1000) / sampleRate);
    const dead = analysis?.deadChannels ?? [];
    return {
      codec,
      sampleRate,
      channels,
      sampleFrames,
      durationMs,
      audioBytes: this.#bytes,
      ...(dead.length > 0 && { deadChannels: dead }),
    };
  }
}

function isSampleCodec(codec: MediaCodec): codec is SampleCodec {
  return Object.hasOwn(FULL_SCALE, codec);
}
