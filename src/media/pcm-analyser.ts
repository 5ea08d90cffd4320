import type { MediaWarning } from '../domain/media.ts';
import { type ChannelStats, PCM_STATS_VERSION, type PcmStats } from '../domain/recording-stats.ts';
import { ChannelMeter } from './channel-meter.ts';
import { share } from './pcm-stats.ts';
import { PeaksBuilder } from './peaks.ts';
import { TalkMeter } from './talk-meter.ts';

export interface AnalysedFormat {
  readonly channels: number;
  /** Sample frames a second. */
  readonly rate: number;
  /** The largest sample the codec has; a run of samples there, or beyond, is clipped. 32767 where absent. */
  readonly fullScale?: number;
}

/** What listening to all samples of a recording came to. */
export interface PcmAnalysis {
  /** audiowaveform's `.dat`, version 2 (docs/audio.md, "Peaks"). */
  readonly peaks: Uint8Array;
  readonly stats: PcmStats;
  /** `SILENT`, `DEAD_CHANNEL` or `IDENTICAL_CHANNELS`; nothing where each channel has somebody of its own. */
  readonly warnings: readonly MediaWarning[];
  /** Numbers of the channels on which nobody is heard, from 0; all of them where the recording is silent. */
  readonly deadChannels: readonly number[];
}

/**
 * Listens to decoded audio as it passes: peaks, statistics, and who is not there. The result depends on the samples
 * alone, not on how they were cut; memory is bounded whatever the length (peaks: 2 MiB).
 */
export interface PcmAnalyser {
  /**
   * Signed 16-bit samples, channels interleaved, whole sample frames. Read before it returns; not kept, not changed.
   *
   * @throws RangeError where the last sample frame is not whole.
   */
  push(samples: Int16Array): void;
  /** Once, after the last `push`. */
  end(): PcmAnalysis;
}

/** Cells a second: one pixel of the peaks, and one step of everything that is said about talk. */
const CELLS_PER_SECOND = 20;
/** audiowaveform's own least number of samples a pixel. */
const LEAST_CELL_FRAMES = 2;
/** So many cells with more than the noise of a line (three tenths of a second) make a channel alive. */
const LOUD_CELLS = 6;
const FULL_SCALE = 32_767;

/** @throws RangeError where there are no channels, or no sample frames a second. */
export function createPcmAnalyser(format: AnalysedFormat): PcmAnalyser {
  const { channels, rate, fullScale = FULL_SCALE } = format;
  if (!(channels >= 1 && rate >= 1)) throw new RangeError(`${channels} channels at ${rate} Hz are no audio`);
  return new CellAnalyser(channels, rate, fullScale);
}

class CellAnalyser implements PcmAnalyser {
  readonly #rate: number;
  readonly #meters: readonly ChannelMeter[];
  readonly #cellFrames: number;
  readonly #peaks: PeaksBuilder;
  readonly #talk: TalkMeter;
  #framesInCell = 0;
  #cells = 0;
  #identical: boolean;

  constructor(channels: number, rate: number, fullScale: number) {
    this.#rate = rate;
    this.#meters = Array.from({ length: channels }, () => new ChannelMeter(fullScale));
    this.#cellFrames = Math.max(LEAST_CELL_FRAMES, Math.floor(rate / CELLS_PER_SECOND));
    this.#peaks = new PeaksBuilder(channels, rate, this.#cellFrames);
    this.#talk = new TalkMeter(channels, this.#cellFrames);
    this.#identical = channels === 2;
  }

  push(samples: Int16Array): void {
    const channels = this.#meters.length;
    if (samples.length % channels !== 0) throw new RangeError('the last sample frame is not whole');
    let at = 0;
    while (at < samples.length) {
      const frames = Math.min((samples.length - at) / channels, this.#cellFrames - this.#framesInCell);
      const end = at + frames * channels;
      for (const [channel, meter] of this.#meters.entries()) meter.read(samples, at + channel, end, channels);
      if (this.#identical) this.#identical = isSameInBoth(samples, at, end);
      this.#framesInCell += frames;
      if (this.#framesInCell === this.#cellFrames) this.#closeCell();
      at = end;
    }
  }

  end(): PcmAnalysis {
    const rest = this.#framesInCell;
    const frames = this.#cells * this.#cellFrames + rest;
    if (rest > 0) this.#closeCell();
    return { peaks: this.#peaks.end(), stats: this.#stats(frames), ...this.#verdict() };
  }

  #closeCell(): void {
    for (const [channel, meter] of this.#meters.entries()) {
      this.#peaks.widen(channel, meter.low, meter.high);
      this.#talk.hear(channel, meter.power(this.#framesInCell));
      meter.closeCell();
    }
    this.#peaks.closeCell();
    this.#talk.closeCell(this.#framesInCell);
    this.#framesInCell = 0;
    this.#cells += 1;
  }

  #stats(frames: number): PcmStats {
    const { talk, overlap, silence, longestSilence } = this.#talk.end();
    const ms = (of: number): number => Math.round((of * 1000) / this.#rate);
    return {
      version: PCM_STATS_VERSION,
      sampleRate: this.#rate,
      sampleFrames: frames,
      durationMs: ms(frames),
      silence: { ms: ms(silence), share: share(silence, frames), longestMs: ms(longestSilence) },
      ...(this.#meters.length > 1 && { overlap: { ms: ms(overlap), share: share(overlap, frames) } }),
      channels: this.#meters.map((meter, channel): ChannelStats => {
        const talked = talk[channel] ?? 0;
        return { talk: { ms: ms(talked), share: share(talked, frames) }, ...meter.totals(frames) };
      }),
    };
  }

  #verdict(): Pick<PcmAnalysis, 'warnings' | 'deadChannels'> {
    if (this.#cells === 0) return { warnings: [], deadChannels: [] };
    const needed = Math.min(LOUD_CELLS, Math.ceil(this.#cells / 2));
    const deadChannels = this.#meters.flatMap(({ loudCells }, channel) =>
      loudCells < needed ? channel : [],
    );
    return { warnings: warningsOf(deadChannels.length, this.#meters.length, this.#identical), deadChannels };
  }
}

function warningsOf(dead: number, channels: number, identical: boolean): MediaWarning[] {
  if (dead === channels) return ['SILENT'];
  if (dead > 0) return ['DEAD_CHANNEL'];
  return identical ? ['IDENTICAL_CHANNELS'] : [];
}

function isSameInBoth(samples: Int16Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 2) if (samples[at] !== samples[at + 1]) return false;
  return true;
}
