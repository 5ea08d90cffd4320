import type { DeclaredMedia } from '../domain/call-event.ts';
import type { MediaWarning } from '../domain/media.ts';
import { Gather } from './gather.ts';
import { IndexBuilder } from './index-entries.ts';
import type { MediaLayout } from './media-index.ts';
import {
  makeOpusHead,
  OPUS_RATE,
  opusMs,
  PACKET_HEAD_BYTES,
  PACKET_MOST_BYTES,
  packetSamples,
} from './opus.ts';
import type { OpusSink } from './opus-sink.ts';
import { PacketBatch } from './packet-batch.ts';
import { conclude, counted, type Findings, type Scanner, unread } from './scanner.ts';

/** How a length can stand before its packet. */
interface Layout {
  readonly bytes: 2 | 4;
  readonly littleEndian: boolean;
}

const LAYOUTS: readonly Layout[] = [
  { bytes: 2, littleEndian: false }, // as RFC 4571 frames packets
  { bytes: 2, littleEndian: true }, // as DCA files do
  { bytes: 4, littleEndian: false },
  { bytes: 4, littleEndian: true },
];

/**
 * Opus packets, each behind its length, without any header; only the event can say so. The length is 2 or 4 bytes
 * of either order: the one that makes most packets of `head`.
 */
export function opusPacketsScanner(head: Buffer, declared: DeclaredMedia, sink?: OpusSink): Scanner {
  const [best] = LAYOUTS.map((layout) => ({ layout, packets: packetsAt(head, layout) })).toSorted(
    (one, other) => other.packets - one.packets,
  );
  if (best === undefined || best.packets === 0) return unread('unknown', 'unknown', 'FORMAT_UNKNOWN');
  return new OpusPacketsScanner(best.layout, declared.channels?.length, sink);
}

function readLength(bytes: Buffer, at: number, layout: Layout): number {
  return layout.littleEndian ? bytes.readUIntLE(at, layout.bytes) : bytes.readUIntBE(at, layout.bytes);
}

/** How many packets in a row `head` begins with; the last one may be cut. */
function packetsAt(head: Buffer, layout: Layout): number {
  let packets = 0;
  let at = 0;
  while (at + layout.bytes < head.length) {
    const length = readLength(head, at, layout);
    const start = at + layout.bytes;
    const samples = packetSamples(head.subarray(start, start + PACKET_HEAD_BYTES), length);
    if (length > PACKET_MOST_BYTES || samples === undefined) break;
    packets += 1;
    at = start + length;
  }
  return packets;
}

export class OpusPacketsScanner implements Scanner {
  readonly #layout: Layout;
  readonly #channels: number | undefined;
  readonly #batch: PacketBatch | undefined;
  readonly #gather = new Gather(4);
  readonly #warnings = new Set<MediaWarning>();
  readonly #index = new IndexBuilder(OPUS_RATE);
  /** Where the current packet's length begins. */
  #offset = 0;
  #step: 'length' | 'head' | 'rest' | 'lost' = 'length';
  #length = 0;
  #left = 0;
  #packets = 0;
  #invalidPackets = 0;
  #audioBytes = 0;
  #samples = 0;
  #lostBytes = 0;

  constructor(layout: Layout, channels: number | undefined, sink: OpusSink | undefined) {
    this.#layout = layout;
    this.#channels = channels;
    this.#batch = sink && new PacketBatch(sink);
    sink?.begin(makeOpusHead(channels ?? 1, 0, 0));
    this.#gather.begin(layout.bytes);
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) rest = this.#take(rest);
  }

  end(): Findings {
    const isBetweenPackets = this.#step === 'length' && this.#gather.view.length === 0;
    if (this.#step !== 'lost' && !isBetweenPackets) this.#warnings.add('ENDS_EARLY');
    if (this.#lostBytes > 0) this.#warnings.add('BYTES_SKIPPED');
    if (this.#invalidPackets > 0) this.#warnings.add('PACKETS_INVALID');
    if (this.#samples === 0) this.#warnings.add('NO_AUDIO');
    return conclude(
      {
        container: 'opus-packets',
        codec: 'opus',
        sampleRate: OPUS_RATE,
        ...(this.#channels === undefined ? {} : { channels: this.#channels }),
        sampleFrames: this.#samples,
        durationMs: opusMs(this.#samples),
        audioBytes: this.#audioBytes,
        audioOffset: this.#layout.bytes,
        openEnded: true,
        ...counted({
          packets: this.#packets,
          invalidPackets: this.#invalidPackets,
          skippedBytes: this.#lostBytes,
        }),
      },
      this.#warnings,
    );
  }

  /** More than two channels need a mapping that nobody has said. */
  layout(): MediaLayout | undefined {
    const channels = this.#channels ?? 1;
    if (channels > 2) return undefined;
    const head = makeOpusHead(channels, 0, 0).bytes.toString('base64');
    const { bytes: lengthBytes, littleEndian } = this.#layout;
    return { kind: 'opus-packets', lengthBytes, littleEndian, head, entries: this.#index.entries() };
  }

  #take(bytes: Uint8Array): Uint8Array {
    if (this.#step === 'lost') {
      this.#lostBytes += bytes.length;
      return bytes.subarray(bytes.length);
    }
    if (this.#step === 'rest') {
      const taken = Math.min(this.#left, bytes.length);
      this.#batch?.join(bytes.subarray(0, taken));
      this.#left -= taken;
      if (this.#left === 0) this.#endPacket();
      return bytes.subarray(taken);
    }
    const rest = this.#gather.take(bytes);
    if (this.#gather.full && this.#step === 'length') this.#beginPacket();
    else if (this.#gather.full) this.#readHead();
    return rest;
  }

  /** A length that no packet has is the end of what can be read: nothing marks where the next one begins. */
  #beginPacket(): void {
    this.#length = readLength(this.#gather.view, 0, this.#layout);
    if (this.#length > PACKET_MOST_BYTES) {
      this.#lostBytes += this.#layout.bytes;
      this.#step = 'lost';
      return;
    }
    this.#index.add(this.#samples, this.#offset);
    this.#offset += this.#layout.bytes + this.#length;
    this.#gather.begin(Math.min(this.#length, PACKET_HEAD_BYTES));
    this.#step = 'head';
    if (this.#length === 0) this.#readHead();
  }

  #readHead(): void {
    const samples = packetSamples(this.#gather.view, this.#length);
    this.#batch?.join(this.#gather.view);
    this.#left = this.#length - this.#gather.view.length;
    if (samples === undefined) this.#invalidPackets += 1;
    this.#packets += 1;
    this.#audioBytes += this.#length;
    this.#samples += samples ?? 0;
    this.#step = 'rest';
    if (this.#left === 0) this.#endPacket();
  }

  #endPacket(): void {
    this.#batch?.endPacket();
    this.#batch?.release(0);
    this.#gather.begin(this.#layout.bytes);
    this.#step = 'length';
  }
}
