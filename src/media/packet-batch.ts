import { PACKET_HEAD_BYTES, PACKET_MOST_BYTES, packetSamples } from './opus.ts';
import type { OpusSink } from './opus-sink.ts';

/** A file whose pages name no position is told of in batches of this size. */
const MOST_BYTES = 2 ** 20;

/**
 * Keeps whole packets until it is known how much of them is played: where a page or a block ends, its position says
 * whether a gap lies before them or a trim behind. Holds one packet, and a batch of at most 1 MiB.
 */
export class PacketBatch {
  readonly #sink: OpusSink;
  /** Of the packet that is being joined. */
  #segments: Buffer[] = [];
  #joined = 0;
  #packets: Buffer[] = [];
  #bytes = 0;
  #samples = 0;

  constructor(sink: OpusSink) {
    this.#sink = sink;
  }

  /** The next bytes of a packet. They are copied. */
  join(segment: Uint8Array): void {
    this.#joined += segment.length;
    // Longer than any packet: it is none, and not kept.
    if (this.#joined > PACKET_MOST_BYTES) this.#segments = [];
    else this.#segments.push(Buffer.from(segment));
  }

  /** The packet is whole. Left out if it is no packet: an empty one would decode to invented audio. */
  endPacket(): void {
    const packet = this.#segments.length === 1 ? this.#segments[0] : Buffer.concat(this.#segments);
    const length = this.#joined;
    this.dropPacket();
    const samples = packet && packetSamples(packet.subarray(0, PACKET_HEAD_BYTES), packet.length);
    if (packet === undefined || packet.length !== length || samples === undefined) return;
    this.#packets.push(packet);
    this.#bytes += packet.length;
    this.#samples += samples;
    if (this.#bytes > MOST_BYTES) this.release(0);
  }

  /** Its rest is lost, or it was no audio. */
  dropPacket(): void {
    this.#segments = [];
    this.#joined = 0;
  }

  /** @param ahead - samples of the gap before these packets; below 0, samples at their end that are not played. */
  release(ahead: number): void {
    if (ahead > 0) this.#sink.gap(ahead);
    const played = Math.max(0, this.#samples + Math.min(0, ahead));
    if (this.#packets.length > 0) this.#sink.play(this.#packets, played);
    this.#packets = [];
    this.#bytes = 0;
    this.#samples = 0;
  }
}
