import { unsigned } from './ebml-number.ts';
import { EbmlWalker } from './ebml-walker.ts';
import { readBlock } from './matroska-block.ts';
import { ID } from './matroska-ids.ts';
import type { MediaLayout } from './media-index.ts';
import { type OggPage, OggPages } from './ogg-pages.ts';
import { OPUS_RATE, PACKET_HEAD_BYTES, packetSamples } from './opus.ts';

/** A packet and the sample it decodes to first; sample 0 is the first of the recording that is heard. */
export interface PlacedPacket {
  readonly sample: number;
  readonly samples: number;
  readonly bytes: Buffer;
}

type OpusLayout = Exclude<MediaLayout, { kind: 'frames' }>;
type LayoutOf<Kind> = Extract<MediaLayout, { kind: Kind }>;

/** The packets in a slice that begins at an entry of the index, whose sample is `startsAt`. */
export function packetsOf(layout: OpusLayout, startsAt: number, slice: Uint8Array): PlacedPacket[] {
  if (layout.kind === 'ogg') return oggPackets(layout, startsAt, slice);
  if (layout.kind === 'matroska') return matroskaPackets(layout, startsAt, slice);
  return prefixedPackets(layout, startsAt, slice);
}

function samplesOf(packet: Buffer): number | undefined {
  return packetSamples(packet.subarray(0, PACKET_HEAD_BYTES), packet.length);
}

/** Packets one after the other, from a place that can be moved ahead over a gap. */
class Placing {
  readonly packets: PlacedPacket[] = [];
  sample: number;

  constructor(sample: number) {
    this.sample = sample;
  }

  add(bytes: Buffer): void {
    const samples = samplesOf(bytes) ?? 0;
    if (samples > 0) this.packets.push({ sample: this.sample, samples, bytes: Buffer.from(bytes) });
    this.sample += samples;
  }
}

/** A page's granule says where its last packet ends, the first page's where the slice lies on that scale. */
function oggPackets({ serial }: LayoutOf<'ogg'>, startsAt: number, slice: Uint8Array): PlacedPacket[] {
  const placing = new Placing(startsAt);
  const joining = new PacketJoining();
  let shift: number | undefined;
  const pages = new OggPages((page) => {
    if (page.serial !== serial) return;
    const ended = joining.page(page);
    if (page.granule === undefined) return;
    const start = page.granule - ended.reduce((sum, packet) => sum + (samplesOf(packet) ?? 0), 0);
    shift ??= startsAt - start;
    // Less than expected is the end trim of the last page: its packets follow all the same.
    placing.sample = Math.max(placing.sample, start + shift);
    for (const packet of ended) placing.add(packet);
  });
  pages.push(slice);
  pages.end();
  return placing.packets;
}

/** Whole packets out of pages. What goes on from a page that is not there is dropped. */
class PacketJoining {
  #begun: Buffer[] = [];
  #isRest = false;

  /** The packets that end on this page. */
  page({ continued, lacing, body }: OggPage): Buffer[] {
    const ended: Buffer[] = [];
    if (!continued) this.#begun = [];
    this.#isRest = continued && this.#begun.length === 0;
    let at = 0;
    for (const length of lacing) {
      if (!this.#isRest) this.#begun.push(Buffer.from(body.subarray(at, at + length)));
      at += length;
      if (length === 255) continue;
      if (!this.#isRest) ended.push(Buffer.concat(this.#begun));
      this.#begun = [];
      this.#isRest = false;
    }
    return ended;
  }
}

/** A jump of this many samples is a gap, less is the rounding of ticks. */
const TOLERANCE_SAMPLES = 480;

function matroskaPackets(layout: LayoutOf<'matroska'>, startsAt: number, slice: Uint8Array): PlacedPacket[] {
  const placing = new Placing(startsAt);
  let clusterTicks = 0;
  let shift: number | undefined;
  const walker = EbmlWalker.inSegment({
    enter: () => undefined,
    leave: () => undefined,
    value: (id, body) => {
      if (id === ID.timestamp) clusterTicks = unsigned(body);
      if (id !== ID.simpleBlock && id !== ID.block) return;
      const block = readBlock(body);
      if (block?.track !== layout.track) return;
      const sample = Math.round(((clusterTicks + block.ticks) * layout.scaleNs * OPUS_RATE) / 1e9);
      shift ??= startsAt - sample;
      if (sample + shift - placing.sample > TOLERANCE_SAMPLES) placing.sample = sample + shift;
      for (const frame of block.frames) placing.add(frame);
    },
  });
  walker.push(slice);
  walker.end();
  return placing.packets;
}

function prefixedPackets(
  layout: LayoutOf<'opus-packets'>,
  startsAt: number,
  slice: Uint8Array,
): PlacedPacket[] {
  const placing = new Placing(startsAt);
  const bytes = Buffer.from(slice);
  let at = 0;
  while (at + layout.lengthBytes <= bytes.length) {
    const length = layout.littleEndian
      ? bytes.readUIntLE(at, layout.lengthBytes)
      : bytes.readUIntBE(at, layout.lengthBytes);
    at += layout.lengthBytes;
    placing.add(bytes.subarray(at, at + length));
    at += length;
  }
  return placing.packets;
}
