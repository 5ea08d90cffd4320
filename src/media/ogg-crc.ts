const POLYNOMIAL = 0x04c11db7;
/** Bytes that one step takes in. */
const STRIDE = 16;

/**
 * Sixteen tables of 256, one behind the other: what a byte does to the checksum, and what it does once 1 … 15 more
 * bytes have followed. Sixteen bytes at a time ("slicing by 16") are several times as fast as one by one.
 */
const TABLES = sliceTables();

function sliceTables(): Int32Array {
  const tables = new Int32Array(256 * STRIDE);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before << 8) ^ (tables[before >>> 24] ?? 0);
  }
  return tables;
}

/** Where a page keeps its checksum; counted as zeros (RFC 3533, 6). */
const FIELD = { start: 22, end: 26 } as const;
const ZEROS = new Uint8Array(FIELD.end - FIELD.start);

/** The checksum of a whole Ogg page: CRC-32 most significant bit first, no inversion. zlib's is another. */
export function oggCrc(page: Uint8Array): number {
  const before = update(0, page, 0, FIELD.start);
  const zeros = update(before, ZEROS, 0, ZEROS.length);
  return update(zeros, page, FIELD.end, page.length) >>> 0;
}

function update(crc: number, bytes: Uint8Array, from: number, to: number): number {
  const tables = TABLES;
  let value = crc;
  let at = from;
  for (const end = to - STRIDE; at <= end; at += STRIDE) {
    value ^=
      (byteAt(bytes, at) << 24) |
      (byteAt(bytes, at + 1) << 16) |
      (byteAt(bytes, at + 2) << 8) |
      byteAt(bytes, at + 3);
    value =
      entry(tables, 3840 + (value >>> 24)) ^
      entry(tables, 3584 + ((value >>> 16) & 0xff)) ^
      entry(tables, 3328 + ((value >>> 8) & 0xff)) ^
      entry(tables, 3072 + (value & 0xff)) ^
      entry(tables, 2816 + byteAt(bytes, at + 4)) ^
      entry(tables, 2560 + byteAt(bytes, at + 5)) ^
      entry(tables, 2304 + byteAt(bytes, at + 6)) ^
      entry(tables, 2048 + byteAt(bytes, at + 7)) ^
      entry(tables, 1792 + byteAt(bytes, at + 8)) ^
      entry(tables, 1536 + byteAt(bytes, at + 9)) ^
      entry(tables, 1280 + byteAt(bytes, at + 10)) ^
      entry(tables, 1024 + byteAt(bytes, at + 11)) ^
      entry(tables, 768 + byteAt(bytes, at + 12)) ^
      entry(tables, 512 + byteAt(bytes, at + 13)) ^
      entry(tables, 256 + byteAt(bytes, at + 14)) ^
      entry(tables, byteAt(bytes, at + 15));
  }
  for (; at < to; at += 1) value = (value << 8) ^ entry(tables, (value >>> 24) ^ byteAt(bytes, at));
  return value;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function entry(tables: Int32Array, at: number): number {
  return tables[at] ?? 0;
}
