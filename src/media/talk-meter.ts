/** In steps of 16 bits, squared: a power so many dB below full scale. */
const powerOf = (db: number): number => 32_768 ** 2 * 10 ** (db / 10);
const ratioOf = (db: number): number => 10 ** (db / 10);

/** Quieter than this is never talk, and the noise of a line is never believed to be lower. */
const QUIETEST_TALK = powerOf(-50);
const LEAST_NOISE = powerOf(-70);
/** Talk stands out of the noise of its channel by this much. */
const ABOVE_NOISE = ratioOf(9);
/**
 * The noise of a channel is its quietest cell of late: it falls at once, and rises by 3 dB a second (0.15 dB a
 * cell), so the pauses between words hold it down, and a line that becomes noisy is known as such after seconds.
 */
const NOISE_RISE = ratioOf(0.15);
/** Pauses up to three tenths of a second, in cells, belong to the talk around them. */
const BRIDGED_CELLS = 6;

/** Frames of a recording by who talks in them. */
export interface TalkTimes {
  /** For each channel. */
  readonly talk: readonly number[];
  /** Two or more channels at once. */
  readonly overlap: number;
  /** No channel. */
  readonly silence: number;
  readonly longestSilence: number;
}

/** Says cell by cell who talks. What it says of a cell has to wait for the next ones: a pause may end in time. */
export class TalkMeter {
  readonly #speakers: readonly Speaker[];
  readonly #cellFrames: number;
  readonly #talk: number[];
  #cells = 0;
  /** Only the last cell may have fewer frames than the others. */
  #lastFrames = 0;
  #overlap = 0;
  #silence = 0;
  #pause = 0;
  #longestSilence = 0;

  constructor(channels: number, cellFrames: number) {
    this.#speakers = Array.from({ length: channels }, () => new Speaker());
    this.#talk = this.#speakers.map(() => 0);
    this.#cellFrames = cellFrames;
  }

  /** The power of one channel in the open cell, in steps of 16 bits squared. */
  hear(channel: number, power: number): void {
    this.#speakers[channel]?.hear(power);
  }

  closeCell(frames: number): void {
    this.#cells += 1;
    this.#lastFrames = frames;
    this.#decide(this.#cells > BRIDGED_CELLS ? this.#cellFrames : 0);
  }

  /** Once, after the last cell. */
  end(): TalkTimes {
    for (let left = BRIDGED_CELLS; left > 0; left -= 1) {
      const frames = left === 1 ? this.#lastFrames : this.#cellFrames;
      this.#decide(left > this.#cells ? 0 : frames);
    }
    return {
      talk: this.#talk,
      overlap: this.#overlap,
      silence: this.#silence,
      longestSilence: this.#longestSilence,
    };
  }

  /** Adds the cell that was heard `BRIDGED_CELLS` ago; 0 frames where there is none. */
  #decide(frames: number): void {
    let talking = 0;
    for (const [channel, speaker] of this.#speakers.entries()) {
      if (!speaker.decide()) continue;
      talking += 1;
      this.#talk[channel] = (this.#talk[channel] ?? 0) + frames;
    }
    if (talking > 1) this.#overlap += frames;
    if (talking === 0) this.#silence += frames;
    this.#pause = talking === 0 ? this.#pause + frames : 0;
    this.#longestSilence = Math.max(this.#longestSilence, this.#pause);
  }
}

class Speaker {
  #noise = LEAST_NOISE;
  /** Whether the cells not decided yet are loud: bit 0 is the oldest, bit `BRIDGED_CELLS` the newest. */
  #ahead = 0;
  /** Cells since the last loud one that was decided. */
  #since = Number.POSITIVE_INFINITY;

  hear(power: number): void {
    this.#noise = Math.min(this.#noise * NOISE_RISE, Math.max(power, LEAST_NOISE));
    if (power > Math.max(QUIETEST_TALK, this.#noise * ABOVE_NOISE)) this.#ahead |= 1 << BRIDGED_CELLS;
  }

  /** Whether the oldest cell is talk: loud, or in a pause that is short from end to end. */
  decide(): boolean {
    const ahead = this.#ahead;
    this.#ahead >>= 1;
    this.#since = (ahead & 1) === 1 ? 0 : this.#since + 1;
    if (this.#since === 0) return true;
    if (ahead === 0) return false;
    const next = 31 - Math.clz32(ahead & -ahead);
    return this.#since + next - 1 <= BRIDGED_CELLS;
  }
}
