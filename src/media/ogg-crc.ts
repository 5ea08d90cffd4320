const POLYNOMIAL = 0x04c11db7;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** Where a page keeps its checksum; counted as zeros (RFC 3533, 6). */
const FIELD = { start: 22, end: 26 } as const;

/** The checksum of a whole Ogg page: CRC-32 most significant bit first, no inversion. zlib's is another. */
export function oggCrc(page: Uint8Array): number {
  const before = update(0, page, 0, FIELD.start);
  const zeros = update(before, new Uint8Array(4), 0, 4);
  return update(zeros, page, FIELD.end, page.length) >>> 0;
}

function update(crc: number, bytes: Uint8Array, from: number, to: number): number {
  let value = crc;
  for (let at = from; at < to; at += 1)
    value = (value << 8) ^ (TABLE[(value >>> 24) ^ (bytes[at] ?? 0)] ?? 0);
  return value;
}
