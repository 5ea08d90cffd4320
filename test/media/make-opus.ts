/** A packet of one 20 ms frame (960 samples at 48 kHz), CELT full band: a TOC byte and filler. */
export function packet20ms(bytes = 40, filler = 0x55): Buffer {
  return Buffer.concat([Buffer.from([0xf8]), Buffer.alloc(bytes - 1, filler)]);
}

export function packets20ms(count: number, bytes = 40): Buffer[] {
  return Array.from({ length: count }, (_, index) => packet20ms(bytes, index & 0xff));
}

export const PRE_SKIP = 312;

export function opusHead({
  channels = 2,
  preSkip = PRE_SKIP,
  rate = 8000,
  version = 1,
  family = 0,
} = {}): Buffer {
  const head = Buffer.alloc(family === 0 ? 19 : 21 + channels);
  head.write('OpusHead', 'latin1');
  head.writeUInt8(version, 8);
  head.writeUInt8(channels, 9);
  head.writeUInt16LE(preSkip, 10);
  head.writeUInt32LE(rate, 12);
  head.writeUInt8(family, 18);
  return head;
}

export function opusTags(bytes = 40): Buffer {
  return Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(bytes - 8)]);
}
