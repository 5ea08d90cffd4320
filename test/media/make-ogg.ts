import { opusHead, opusTags } from './make-opus.ts';

export interface PageSpec {
  readonly serial?: number;
  readonly sequence: number;
  readonly granule: number;
  readonly continued?: boolean;
  readonly first?: boolean;
  readonly last?: boolean;
  readonly packets: readonly Buffer[];
  /** The last packet goes on in the next page: no final segment below 255. Its length must be a multiple of 255. */
  readonly open?: boolean;
}

/** Bit by bit, to check the table-driven one of the product. */
function crc(bytes: Buffer): number {
  let value = 0;
  for (const byte of bytes) {
    value ^= byte << 24;
    for (let bit = 0; bit < 8; bit += 1) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  }
  return value >>> 0;
}

export function oggPage(spec: PageSpec): Buffer {
  const lacing = spec.packets.flatMap((packet, index) => {
    const isOpen = spec.open === true && index === spec.packets.length - 1;
    const full = Array.from({ length: Math.floor(packet.length / 255) }, () => 255);
    return isOpen ? full : [...full, packet.length % 255];
  });
  const head = Buffer.alloc(27);
  head.write('OggS', 'latin1');
  head.writeUInt8(
    Number(spec.continued ?? false) + 2 * Number(spec.first ?? false) + 4 * Number(spec.last ?? false),
    5,
  );
  head.writeBigInt64LE(BigInt(spec.granule), 6);
  head.writeUInt32LE(spec.serial ?? 1, 14);
  head.writeUInt32LE(spec.sequence, 18);
  head.writeUInt8(lacing.length, 26);
  const page = Buffer.concat([head, Buffer.from(lacing), ...spec.packets]);
  page.writeUInt32LE(crc(page), 22);
  return page;
}

export interface StreamSpec {
  readonly serial?: number;
  readonly head?: Buffer;
  /** Of 20 ms each. */
  readonly packets: readonly Buffer[];
  readonly perPage?: number;
  readonly startGranule?: number;
  /** Samples cut off by the last granule. */
  readonly endTrim?: number;
  readonly ended?: boolean;
}

/** The pages of one Opus stream: two of headers, then audio. */
export function opusPages(spec: StreamSpec): Buffer[] {
  const { serial = 1, packets, perPage = 50 } = spec;
  const pages = [
    oggPage({ serial, sequence: 0, granule: 0, first: true, packets: [spec.head ?? opusHead()] }),
    oggPage({ serial, sequence: 1, granule: 0, packets: [opusTags()] }),
  ];
  for (let at = 0; at < packets.length; at += perPage) {
    const onPage = packets.slice(at, at + perPage);
    const isLast = at + perPage >= packets.length;
    const granule =
      (spec.startGranule ?? 0) + (at + onPage.length) * 960 - (isLast ? (spec.endTrim ?? 0) : 0);
    const last = isLast && spec.ended !== false;
    pages.push(oggPage({ serial, sequence: pages.length, granule, last, packets: onPage }));
  }
  return pages;
}

export function oggOpus(spec: StreamSpec): Buffer {
  return Buffer.concat(opusPages(spec));
}
