import { aLawTable, muLawTable } from './g711.ts';
import { Gather } from './gather.ts';

/** Codecs whose samples are there without decoding: as they are, or by a table. */
export type SampleCodec = 'pcm_s16le' | 'pcm_mulaw' | 'pcm_alaw';

/** So many samples are copied at a time, at most; they fit the processor's first cache. */
const BLOCK_SAMPLES = 8192;

/** The largest sample that a codec has. */
export const FULL_SCALE: Readonly<Record<SampleCodec, number>> = {
  pcm_s16le: 32_767,
  pcm_mulaw: 32_124,
  pcm_alaw: 32_256,
};

/** Makes 16-bit samples of bytes that are cut anywhere, in whole sample frames. */
export class SampleReader {
  readonly #table: Int16Array | undefined;
  readonly #frameBytes: number;
  /** A frame that one piece began and the next one ends. */
  readonly #broken: Gather;
  readonly #block: Int16Array<ArrayBuffer>;
  readonly #take: (samples: Int16Array) => void;

  /** @param take - is given samples that are overwritten afterwards. */
  constructor(codec: SampleCodec, channels: number, take: (samples: Int16Array) => void) {
    if (codec === 'pcm_mulaw') this.#table = muLawTable();
    if (codec === 'pcm_alaw') this.#table = aLawTable();
    this.#frameBytes = (codec === 'pcm_s16le' ? 2 : 1) * channels;
    this.#broken = new Gather(this.#frameBytes);
    this.#broken.begin(this.#frameBytes);
    this.#block = new Int16Array(channels * Math.ceil(BLOCK_SAMPLES / channels));
    this.#take = take;
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#broken.view.length > 0) {
      rest = this.#broken.take(rest);
      if (!this.#broken.full) return;
      this.#read(this.#broken.view);
      this.#broken.begin(this.#frameBytes);
    }
    const whole = rest.length - (rest.length % this.#frameBytes);
    if (whole > 0) this.#read(rest.subarray(0, whole));
    if (whole < rest.length) this.#broken.take(rest.subarray(whole));
  }

  #read(frames: Uint8Array): void {
    if (this.#table !== undefined) this.#expand(frames, this.#table);
    else if (frames.byteOffset % 2 === 0) this.#take(samplesIn(frames));
    else this.#copy(frames);
  }

  #expand(codes: Uint8Array, table: Int16Array): void {
    const block = this.#block;
    for (let from = 0; from < codes.length; from += block.length) {
      const count = Math.min(block.length, codes.length - from);
      for (let at = 0; at < count; at += 1) block[at] = table[codes[from + at] ?? 0] ?? 0;
      this.#take(block.subarray(0, count));
    }
  }

  /** Samples at an odd address cannot be looked at as numbers. */
  #copy(frames: Uint8Array): void {
    const block = new Uint8Array(this.#block.buffer);
    for (let from = 0; from < frames.length; from += block.length) {
      const part = frames.subarray(from, from + block.length);
      block.set(part);
      this.#take(this.#block.subarray(0, part.length / 2));
    }
  }
}

/** The same memory. Little endian, as every machine is that this runs on (x64, arm64). */
function samplesIn(bytes: Uint8Array): Int16Array {
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}
