import type { MediaWarning } from '../domain/media.ts';
import { aLawTable, muLawTable } from './g711.ts';
import { asBuffer } from './gather.ts';

/** Codecs whose samples can be looked at without decoding. */
export type LevelCodec = 'pcm_s16le' | 'pcm_mulaw' | 'pcm_alaw';

const BLOCK_SECONDS = 0.1;
/** A block whose samples stay within this many steps of 16 bits (about -60 dBFS) is noise of the line. */
const NOISE_RANGE = 64;
/** This many louder blocks make a channel alive: one click does not. */
const LOUD_BLOCKS = 3;

interface Channel {
  low: number;
  high: number;
  loudBlocks: number;
}

/**
 * Says whether a recording is silent, has a dead channel, or carries one channel twice. The range of a block
 * counts, not its loudness: a constant offset, or A-law's idle value, is silence too. Stops looking as soon as
 * every channel is alive and two differ, which in a real call is after a few seconds.
 */
export class LevelMeter {
  readonly #channels: Channel[];
  readonly #sampleBytes: number;
  readonly #table: Int16Array | undefined;
  readonly #blockFrames: number;
  readonly #partial: Buffer;
  #partialBytes = 0;
  #framesInBlock = 0;
  #blocks = 0;
  #identical: boolean;
  #decided = false;

  constructor(codec: LevelCodec, sampleRate: number, channels: number) {
    this.#channels = Array.from({ length: channels }, () => ({ low: 32767, high: -32768, loudBlocks: 0 }));
    this.#sampleBytes = codec === 'pcm_s16le' ? 2 : 1;
    if (codec === 'pcm_mulaw') this.#table = muLawTable();
    if (codec === 'pcm_alaw') this.#table = aLawTable();
    this.#blockFrames = Math.max(1, Math.round(sampleRate * BLOCK_SECONDS));
    this.#partial = Buffer.alloc(channels * this.#sampleBytes);
    this.#identical = channels === 2;
  }

  push(bytes: Uint8Array): void {
    if (this.#decided) return;
    const buffer = asBuffer(bytes);
    const frameBytes = this.#partial.length;
    const head = this.#completePartial(buffer);
    const whole = head + Math.floor((buffer.length - head) / frameBytes) * frameBytes;
    this.#frames(buffer, head, whole);
    this.#partialBytes += buffer.copy(this.#partial, this.#partialBytes, whole);
  }

  verdict(): MediaWarning[] {
    if (this.#framesInBlock > 0) this.#closeBlock();
    if (this.#blocks === 0) return [];
    const needed = Math.min(LOUD_BLOCKS, Math.ceil(this.#blocks / 2));
    const dead = this.#channels.filter((channel) => channel.loudBlocks < needed).length;
    if (dead === this.#channels.length) return ['SILENT'];
    if (dead > 0) return ['DEAD_CHANNEL'];
    return this.#identical ? ['IDENTICAL_CHANNELS'] : [];
  }

  /** Ends a frame that the last piece began. Returns how many bytes of `buffer` that took. */
  #completePartial(buffer: Buffer): number {
    if (this.#partialBytes === 0) return 0;
    const taken = buffer.copy(this.#partial, this.#partialBytes);
    this.#partialBytes += taken;
    if (this.#partialBytes === this.#partial.length) {
      this.#partialBytes = 0;
      this.#frames(this.#partial, 0, this.#partial.length);
    }
    return taken;
  }

  #frames(buffer: Buffer, from: number, to: number): void {
    const frameBytes = this.#partial.length;
    let at = from;
    while (at < to && !this.#decided) {
      const frames = Math.min((to - at) / frameBytes, this.#blockFrames - this.#framesInBlock);
      const end = at + frames * frameBytes;
      for (const [index, channel] of this.#channels.entries()) {
        this.#widen(channel, buffer, at + index * this.#sampleBytes, end);
      }
      if (this.#identical) this.#identical = this.#sameInBoth(buffer, at, end);
      this.#framesInBlock += frames;
      if (this.#framesInBlock === this.#blockFrames) this.#closeBlock();
      at = end;
    }
  }

  #widen(channel: Channel, buffer: Buffer, from: number, to: number): void {
    const frameBytes = this.#partial.length;
    const table = this.#table;
    let { low, high } = channel;
    for (let at = from; at < to; at += frameBytes) {
      const code = buffer[at] ?? 0;
      const sample =
        table === undefined ? ((((buffer[at + 1] ?? 0) << 8) | code) << 16) >> 16 : (table[code] ?? 0);
      if (sample < low) low = sample;
      if (sample > high) high = sample;
    }
    channel.low = low;
    channel.high = high;
  }

  #sameInBoth(buffer: Buffer, from: number, to: number): boolean {
    const size = this.#sampleBytes;
    for (let at = from; at < to; at += 2 * size) {
      if (buffer[at] !== buffer[at + size]) return false;
      if (size === 2 && buffer[at + 1] !== buffer[at + 3]) return false;
    }
    return true;
  }

  #closeBlock(): void {
    for (const channel of this.#channels) {
      if (channel.high - channel.low > NOISE_RANGE) channel.loudBlocks += 1;
      channel.low = 32767;
      channel.high = -32768;
    }
    this.#blocks += 1;
    this.#framesInBlock = 0;
    this.#decided = !this.#identical && this.#channels.every(({ loudBlocks }) => loudBlocks >= LOUD_BLOCKS);
  }
}
