import type { Transform } from 'node:stream';
import prism from 'prism-media';
import type { OpusRecording } from '../../../ports/decoder.ts';

/** Bytes kept back until our own reader has found the track. */
const MOST_HELD = 256 * 1024;
/** No page and no block is longer: a demuxer that says nothing for so long only piles bytes up. */
const MOST_SILENT = 1024 * 1024;

/**
 * How many packets prism-media's demuxer counts. It checks nothing: bytes that it does not expect make it throw, lose
 * packets or turn in circles for ever. So it runs here, where it can be killed, and is believed in nothing.
 */
export class SecondOpinion {
  readonly #demuxer: Transform;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #silentBytes = 0;
  #state: 'waiting' | 'asked' | 'failed';
  packets = 0;

  /** Undefined for what prism-media has no demuxer for. */
  static of(container: OpusRecording['container']): SecondOpinion | undefined {
    if (container === 'ogg') return new SecondOpinion(new prism.opus.OggDemuxer(), 'asked');
    if (container === 'webm') return new SecondOpinion(new prism.opus.WebmDemuxer(), 'waiting');
    return undefined;
  }

  private constructor(demuxer: Transform, state: 'waiting' | 'asked') {
    this.#demuxer = demuxer.on('error', () => (this.#state = 'failed'));
    this.#state = state;
  }

  /** Our own reader has found what it needs: the demuxer may look. (A WebM of 14 bytes makes it hang.) */
  accept(): void {
    if (this.#state === 'waiting') this.#state = 'asked';
  }

  /** @param bytes - at most 64 KiB, not changed later */
  push(bytes: Buffer): void {
    if (this.#state === 'failed') return;
    if (this.#state === 'waiting') return this.#hold(bytes);
    for (const held of this.#held) this.#ask(held);
    this.#held = [];
    this.#ask(bytes);
  }

  close(): void {
    this.#demuxer.destroy();
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes <= MOST_HELD) return;
    this.#held = [];
    this.#state = 'failed';
  }

  #ask(bytes: Buffer): void {
    if (this.#state === 'failed' || this.#demuxer.destroyed) return;
    const before = this.packets;
    this.#demuxer.write(bytes);
    while (this.#demuxer.read() !== null) this.packets += 1;
    this.#silentBytes = this.packets > before ? 0 : this.#silentBytes + bytes.length;
    if (this.#silentBytes > MOST_SILENT) this.#state = 'failed';
  }
}
