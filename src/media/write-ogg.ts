import { oggCrc } from './ogg-crc.ts';
import { PRE_ROLL_SAMPLES } from './opus.ts';
import type { PlacedPacket } from './opus-slice.ts';

const SERIAL = 1;
const SEGMENTS_PER_PAGE = 255;
const PACKETS_PER_PAGE = 50;
const VENDOR = 'callseal';
/** One frame of 20 ms without bytes: the decoder fills in for what is lost (RFC 6716, 3.2.1 and 4.4). */
const LOST_20MS = { bytes: Buffer.from([0xf8]), samples: 960 } as const;

/**
 * An Ogg Opus file that plays the samples from `from` to `to` of the recording and no others: the pre-skip hides the
 * pre-roll, the last granule trims the end (RFC 7845, 4.2 to 4.5). Gaps are filled with packets marked as lost.
 *
 * @throws RangeError where no packet holds any of it.
 */
export function writeOggOpus(
  head: Buffer,
  packets: readonly PlacedPacket[],
  { from, to }: { readonly from: number; readonly to: number },
): Buffer {
  const played = wanted(packets, from, to);
  const start = played[0]?.sample;
  if (start === undefined) throw new RangeError('no packet lies there');
  const opusHead = Buffer.from(head);
  opusHead.writeUInt16LE(Math.max(0, from - start), 10);
  const pages = [
    page({ sequence: 0, flags: 2, granule: 0, packets: [opusHead] }),
    page({ sequence: 1, flags: 0, granule: 0, packets: [opusTags()] }),
  ];
  for (const group of pageGroups(played)) {
    const last = group.at(-1);
    const isEnd = last === played.at(-1);
    const end = (last?.sample ?? 0) + (last?.samples ?? 0);
    const granule = (isEnd ? Math.min(end, to) : end) - start;
    const bytes = group.map((packet) => packet.bytes);
    pages.push(page({ sequence: pages.length, flags: isEnd ? 4 : 0, granule, packets: bytes }));
  }
  return Buffer.concat(pages);
}

/** From the pre-roll to the last packet that is heard, without holes. */
function wanted(packets: readonly PlacedPacket[], from: number, to: number): PlacedPacket[] {
  const start = from - PRE_ROLL_SAMPLES;
  const heard = packets.filter(({ sample, samples }) => sample < to && sample + samples > start);
  if (heard.every(({ sample, samples }) => sample + samples <= from)) return [];
  const played: PlacedPacket[] = [];
  let end = Math.min(from, heard[0]?.sample ?? from);
  const play = (packet: PlacedPacket) => {
    // Filling by 20 ms may leave a little open: the packet moves up to what is there.
    played.push({ ...packet, sample: end });
    end += packet.samples;
  };
  for (const packet of heard) {
    filler(Math.round, end, packet.sample).forEach(play);
    play(packet);
  }
  filler(Math.ceil, end, to).forEach(play); // too much is trimmed
  return played;
}

function filler(rounded: (count: number) => number, from: number, to: number): PlacedPacket[] {
  const count = Math.max(0, rounded((to - from) / LOST_20MS.samples));
  return Array.from({ length: count }, () => ({ ...LOST_20MS, sample: 0 }));
}

function pageGroups(packets: readonly PlacedPacket[]): PlacedPacket[][] {
  const groups: PlacedPacket[][] = [];
  let group: PlacedPacket[] = [];
  let segments = 0;
  for (const packet of packets) {
    const needed = Math.floor(packet.bytes.length / 255) + 1;
    if (group.length > 0 && (group.length === PACKETS_PER_PAGE || segments + needed > SEGMENTS_PER_PAGE)) {
      groups.push(group);
      group = [];
      segments = 0;
    }
    group.push(packet);
    segments += needed;
  }
  return group.length > 0 ? [...groups, group] : groups;
}

/** Vendor, no comments (RFC 7845, 5.2). */
function opusTags(): Buffer {
  const tags = Buffer.alloc(8 + 4 + VENDOR.length + 4);
  tags.write('OpusTags', 'latin1');
  tags.writeUInt32LE(VENDOR.length, 8);
  tags.write(VENDOR, 12, 'latin1');
  return tags;
}

/** One page of whole packets; its shape is drawn in ogg-pages.ts. */
function page(spec: {
  sequence: number;
  flags: number;
  granule: number;
  packets: readonly Buffer[];
}): Buffer {
  const lacing = spec.packets.flatMap(({ length }) => [
    ...Array.from({ length: Math.floor(length / 255) }, () => 255),
    length % 255,
  ]);
  const head = Buffer.alloc(27);
  head.write('OggS', 'latin1');
  head.writeUInt8(spec.flags, 5);
  head.writeBigInt64LE(BigInt(spec.granule), 6);
  head.writeUInt32LE(SERIAL, 14);
  head.writeUInt32LE(spec.sequence, 18);
  head.writeUInt8(lacing.length, 26);
  const bytes = Buffer.concat([head, Buffer.from(lacing), ...spec.packets]);
  bytes.writeUInt32LE(oggCrc(bytes), 22);
  return bytes;
}
