import prism from 'prism-media';

/** Decoded at this rate, not at 48 kHz: half the time, and speech and telephones have nothing above 8 kHz. */
export const DECODED_RATE = 16_000;

/** 120 ms at 48 kHz: for `@discordjs/opus`, which ends the process where a frame is longer than it was told. */
const MOST_FRAME = 5760;

/**
 * prism-media's Opus decoder, a packet at a time. Its codec is `@discordjs/opus` where that is installed, else
 * `opusscript`; which one is chosen when the first decoder is made. A decoder of `opusscript` is freed by
 * `destroy` alone, and more than 16 of them in a process disturb each other.
 */
export class PacketDecoder {
  readonly #channels: number;
  #stream: prism.opus.Decoder | undefined;

  constructor(channels: number) {
    this.#channels = channels;
  }

  /** Samples, interleaved, valid until the next packet; undefined where the codec refuses the packet. Never empty ones. */
  decode(packet: Buffer): Int16Array | undefined {
    const stream = (this.#stream ??= this.#open());
    // With nothing buffered, the transform runs inside `write`, and `read` gives what it pushed.
    stream.write(packet);
    const pcm: unknown = stream.read();
    if (Buffer.isBuffer(pcm) && pcm.length > 0) return samplesIn(pcm);
    this.close(); // an error has destroyed the stream: the next packet begins with a new one
    return undefined;
  }

  close(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
  }

  #open(): prism.opus.Decoder {
    const options = { rate: DECODED_RATE, channels: this.#channels, frameSize: MOST_FRAME };
    const stream = new prism.opus.Decoder(options);
    return stream.on('error', () => undefined);
  }
}

/** The same memory where it lies even, else a copy. Little endian, as every machine is that this runs on. */
function samplesIn(pcm: Buffer): Int16Array {
  const even = pcm.byteOffset % 2 === 0 ? pcm : Buffer.from(new Uint8Array(pcm).buffer);
  return new Int16Array(even.buffer, even.byteOffset, even.length >>> 1);
}
