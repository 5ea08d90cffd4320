import type { Decoder, Decoding, OpusRecording } from '../../ports/decoder.ts';
import { DecoderChild } from './child-process.ts';
import type { Frame } from './framing.ts';
import { PooledDecoding } from './pooled-decoding.ts';

export interface DecoderPoolOptions {
  /** Processes at once, at most; started when there is something to decode. */
  readonly children: number;
  /** A process that grows over it is killed. */
  readonly memoryBytes: number;
  /** Time in which a process must take in what it was given, and in which the end of a recording is answered. */
  readonly answerMs: number;
  /** Of all recordings that wait to be decoded, in this process's memory. */
  readonly queueBytes: number;
  /** Another program for the children, that speaks framing.ts. */
  readonly program?: string;
}

interface Slot {
  readonly child: DecoderChild;
  decoding: PooledDecoding | undefined;
}

export function decoderPool(options: DecoderPoolOptions): Decoder {
  return new DecoderPool(options);
}

/** Recordings in the order in which they became ready, one at a time to each child. */
class DecoderPool implements Decoder {
  readonly #options: DecoderPoolOptions;
  readonly #slots = new Set<Slot>();
  /** Children that are not reaped yet, killed ones too. */
  readonly #going = new Set<Promise<void>>();
  readonly #open = new Set<PooledDecoding>();
  readonly #ready: PooledDecoding[] = [];
  #queuedBytes = 0;
  #isClosed = false;

  constructor(options: DecoderPoolOptions) {
    this.#options = options;
  }

  begin(recording: OpusRecording): Decoding {
    const decoding = new PooledDecoding(recording, this.#options.answerMs, {
      reserve: (bytes) => this.#reserve(bytes),
      release: (bytes) => (this.#queuedBytes -= bytes),
      ready: () => {
        this.#ready.push(decoding);
        this.#assign();
      },
      settled: (isAnswered) => this.#settled(decoding, isAnswered),
    });
    this.#open.add(decoding);
    if (this.#isClosed) decoding.giveUp('DECODER_BUSY');
    return decoding;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const decoding of this.#open) decoding.giveUp('DECODER_BUSY');
    for (const slot of this.#slots) this.#kill(slot);
    await Promise.all(this.#going);
  }

  #reserve(bytes: number): boolean {
    if (this.#queuedBytes + bytes > this.#options.queueBytes) return false;
    this.#queuedBytes += bytes;
    return true;
  }

  #assign(): void {
    while (!this.#isClosed && this.#ready.length > 0) {
      const slot = this.#freeSlot();
      if (slot === undefined) return;
      slot.decoding = this.#ready.shift();
      slot.decoding?.begin((frame) => slot.child.send(frame));
    }
  }

  #freeSlot(): Slot | undefined {
    for (const slot of this.#slots) if (slot.decoding === undefined) return slot;
    return this.#slots.size < this.#options.children ? this.#start() : undefined;
  }

  #start(): Slot {
    const { memoryBytes, program } = this.#options;
    const child = new DecoderChild(
      memoryBytes,
      {
        onFrame: (frame) => this.#read(slot, frame),
        onEnd: (why) => {
          this.#slots.delete(slot);
          slot.decoding?.giveUp(why === 'failed' ? 'DECODER_FAILED' : 'DECODER_OUT_OF_MEMORY');
          this.#assign();
        },
      },
      program,
    );
    const slot: Slot = { child, decoding: undefined };
    this.#slots.add(slot);
    const gone = child.gone.then(() => void this.#going.delete(gone));
    this.#going.add(gone);
    return slot;
  }

  #read(slot: Slot, frame: Frame): void {
    const decoding = slot.decoding;
    // Nothing is to be said where nothing was asked.
    if (decoding === undefined) return this.#kill(slot);
    const grownTo = decoding.read(frame);
    // Half full after the work is done: the next recording shall not pay for the ones before.
    if (grownTo !== undefined && grownTo > this.#options.memoryBytes / 2) this.#kill(slot);
    this.#assign();
  }

  /** A child whose answer nobody waits for any more is not asked to stop: it may be past hearing. */
  #settled(decoding: PooledDecoding, isAnswered: boolean): void {
    this.#open.delete(decoding);
    const at = this.#ready.indexOf(decoding);
    if (at >= 0) this.#ready.splice(at, 1);
    for (const slot of this.#slots) {
      if (slot.decoding !== decoding) continue;
      slot.decoding = undefined;
      if (!isAnswered) this.#kill(slot);
    }
    this.#assign();
  }

  #kill(slot: Slot): void {
    this.#slots.delete(slot);
    slot.child.kill();
  }
}
