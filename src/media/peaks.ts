const HEADER_BYTES = 24;
const VERSION = 2;
const FLAG_8_BIT = 1;
/** Of pixels, at most: two channels for seven hours at 20 pixels a second. */
const MOST_BYTES = 2 ** 21;
const FIRST_BYTES = 2 ** 16;

/**
 * Peaks as audiowaveform's `.dat` file, version 2, 8 bits, channels split (bbc/audiowaveform, doc/DataFormat.md):
 *
 *   version i32 = 2 | flags u32 = 1 (8 bits) | sample rate i32 | samples per pixel i32 | pixels u32 | channels i32
 *   | for each pixel, for each channel: lowest i8, highest i8
 *
 * all little endian. A value is the 16-bit sample divided by 256 and cut towards zero, as audiowaveform does. The
 * last pixel may stand for fewer samples. When there are too many pixels, each two become one: the file says how
 * many samples a pixel has.
 */
export class PeaksBuilder {
  readonly #channels: number;
  readonly #rate: number;
  readonly #cellFrames: number;
  readonly #mostBytes: number;
  readonly #open: Int8Array;
  #pixels = new Int8Array(FIRST_BYTES);
  #filled = 0;
  #cellsPerPixel = 1;
  #cellsOpen = 0;

  constructor(channels: number, rate: number, cellFrames: number) {
    this.#channels = channels;
    this.#rate = rate;
    this.#cellFrames = cellFrames;
    const pixelBytes = 2 * channels;
    this.#mostBytes = 2 * Math.floor(MOST_BYTES / pixelBytes / 2) * pixelBytes;
    this.#open = new Int8Array(pixelBytes);
    this.#begin();
  }

  /** The lowest and the highest sample of one channel in the cell that is open. */
  widen(channel: number, low: number, high: number): void {
    const at = 2 * channel;
    this.#open[at] = Math.min(this.#open[at] ?? 0, Math.trunc(low / 256));
    this.#open[at + 1] = Math.max(this.#open[at + 1] ?? 0, Math.trunc(high / 256));
  }

  closeCell(): void {
    this.#cellsOpen += 1;
    if (this.#cellsOpen < this.#cellsPerPixel) return;
    // Now a pixel is twice as long, so the open one is half done.
    if (this.#filled === this.#mostBytes) this.#halve();
    else this.#closePixel();
  }

  end(): Uint8Array {
    if (this.#filled === this.#mostBytes && this.#cellsOpen > 0) this.#halve();
    if (this.#cellsOpen > 0) this.#closePixel();
    const file = Buffer.alloc(HEADER_BYTES + this.#filled);
    file.writeInt32LE(VERSION, 0);
    file.writeUInt32LE(FLAG_8_BIT, 4);
    file.writeInt32LE(this.#rate, 8);
    file.writeInt32LE(this.#cellFrames * this.#cellsPerPixel, 12);
    file.writeUInt32LE(this.#filled / this.#open.length, 16);
    file.writeInt32LE(this.#channels, 20);
    file.set(new Uint8Array(this.#pixels.buffer, 0, this.#filled), HEADER_BYTES);
    return file;
  }

  #begin(): void {
    for (let at = 0; at < this.#open.length; at += 2) {
      this.#open[at] = 127;
      this.#open[at + 1] = -128;
    }
    this.#cellsOpen = 0;
  }

  #closePixel(): void {
    if (this.#filled + this.#open.length > this.#pixels.length) this.#grow();
    this.#pixels.set(this.#open, this.#filled);
    this.#filled += this.#open.length;
    this.#begin();
  }

  /** Each two pixels become one: the lower of the lows, the higher of the highs. Their number is even. */
  #halve(): void {
    const width = this.#open.length;
    const from = this.#pixels;
    for (let into = 0; into < this.#filled / 2; into += 1) {
      const first = into + width * Math.floor(into / width);
      const one = from[first] ?? 0;
      const other = from[first + width] ?? 0;
      from[into] = into % 2 === 0 ? Math.min(one, other) : Math.max(one, other);
    }
    this.#filled /= 2;
    this.#cellsPerPixel *= 2;
  }

  #grow(): void {
    const larger = new Int8Array(Math.min(2 * this.#pixels.length, this.#mostBytes));
    larger.set(this.#pixels.subarray(0, this.#filled));
    this.#pixels = larger;
  }
}
