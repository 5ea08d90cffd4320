import type { ChannelStats } from '../domain/recording-stats.ts';
import { decibel, rounded } from './pcm-stats.ts';

/** A cell whose samples stay within this many steps of 16 bits (about -60 dBFS) is noise of the line. */
const NOISE_RANGE = 64;
/** One sample at full scale is a loud one; three in a row are a wave that was cut off. */
const CLIPPED_RUN = 3;
const STEPS = 32_768;

/** Measures one channel, cell by cell. Sums within a cell are whole numbers and exact, so no cut changes them. */
export class ChannelMeter {
  /** Of the open cell. */
  low = 32_767;
  high = -32_768;
  /** Cells whose range was more than noise. A range and no loudness: an offset, or A-law's idle value, is silence. */
  loudCells = 0;
  readonly #fullScale: number;
  #cellSum = 0;
  #cellSquares = 0;
  #sum = 0;
  #squares = 0;
  #peak = 0;
  #clipped = 0;
  /** Samples at full scale up to here, one after the other. */
  #run = 0;

  constructor(fullScale: number) {
    this.#fullScale = fullScale;
  }

  /** Every `stride`th sample from `from` on, before `to`: all of one cell. */
  read(samples: Int16Array, from: number, to: number, stride: number): void {
    let lowest = 32_767;
    let highest = -32_768;
    let sum = 0;
    let squares = 0;
    for (let at = from; at < to; at += stride) {
      const sample = samples[at] ?? 0;
      if (sample < lowest) lowest = sample;
      if (sample > highest) highest = sample;
      sum += sample;
      squares += sample * sample;
    }
    this.#cellSum += sum;
    this.#cellSquares += squares;
    if (lowest < this.low) this.low = lowest;
    if (highest > this.high) this.high = highest;
    if (highest >= this.#fullScale || lowest <= -this.#fullScale) {
      this.#countClipped(samples, from, to, stride);
    } else {
      this.#run = 0;
    }
  }

  /** Mean square of the open cell around its own mean: an offset is not loud. In steps squared. */
  power(frames: number): number {
    const mean = this.#cellSum / frames;
    return Math.max(0, this.#cellSquares / frames - mean * mean);
  }

  closeCell(): void {
    if (this.high - this.low > NOISE_RANGE) this.loudCells += 1;
    this.#peak = Math.max(this.#peak, this.high, -this.low);
    this.#sum += this.#cellSum;
    this.#squares += this.#cellSquares;
    this.#cellSum = 0;
    this.#cellSquares = 0;
    this.low = 32_767;
    this.high = -32_768;
  }

  totals(frames: number): Omit<ChannelStats, 'talk'> {
    const count = Math.max(1, frames);
    return {
      rmsDb: decibel(Math.sqrt(this.#squares / count) / STEPS),
      peakDb: decibel(this.#peak / STEPS),
      dcOffset: rounded(this.#sum / count / STEPS, 6),
      clippedSamples: this.#clipped,
    };
  }

  /** Only where a sample at full scale is known to be: it is the second look at every sample. */
  #countClipped(samples: Int16Array, from: number, to: number, stride: number): void {
    for (let at = from; at < to; at += stride) {
      const isFull = Math.abs(samples[at] ?? 0) >= this.#fullScale;
      this.#run = isFull ? this.#run + 1 : 0;
      if (this.#run === CLIPPED_RUN) this.#clipped += CLIPPED_RUN;
      else if (this.#run > CLIPPED_RUN) this.#clipped += 1;
    }
  }
}
