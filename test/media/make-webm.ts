import { opusHead } from './make-opus.ts';

/** An element: id in hex, its body or its children. `size: 'unknown'` writes all ones; a number lies. */
export function element(id: string, body: Buffer | readonly Buffer[], size?: number | 'unknown'): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.concat([...body]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(size === 'unknown' ? 0 : (size ?? bytes.length)));
  length.writeUInt8(1, 0);
  if (size === 'unknown') length.fill(0xff, 1);
  return Buffer.concat([Buffer.from(id, 'hex'), length, bytes]);
}

export function uint(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

export const ebmlHeader = element('1a45dfa3', [element('4282', Buffer.from('webm'))]);
export const info = element('1549a966', [element('2ad7b1', uint(1_000_000))]);

export function trackEntry({ number = 1, codec = 'A_OPUS', type = 2, more = [] as Buffer[] } = {}): Buffer {
  return element('ae', [
    element('d7', uint(number)),
    element('83', uint(type)),
    element('86', Buffer.from(codec)),
    element('63a2', opusHead()),
    element('56aa', uint(6_500_000)),
    element('e1', [element('9f', uint(2))]),
    ...more,
  ]);
}

export function tracks(...entries: Buffer[]): Buffer {
  return element('1654ae6b', entries.length > 0 ? entries : [trackEntry()]);
}

/** A block's body; `lacing` 0 none, 1 Xiph, 2 fixed, 3 EBML. */
export function block(ticks: number, frames: readonly Buffer[], lacing = 0, track = 1): Buffer {
  const head = Buffer.from([0x80 | track, 0, 0, 0x80 | (lacing << 1)]);
  head.writeInt16BE(ticks, 1);
  const laced = lacing === 0 ? [] : [Buffer.from([frames.length - 1]), sizes(frames, lacing)];
  return Buffer.concat([head, ...laced, ...frames]);
}

function sizes(frames: readonly Buffer[], lacing: number): Buffer {
  const lengths = frames.slice(0, -1).map((frame) => frame.length);
  if (lacing === 1) {
    const fulls = (length: number) => Array.from({ length: Math.floor(length / 255) }, () => 255);
    return Buffer.from(lengths.flatMap((length) => [...fulls(length), length % 255]));
  }
  if (lacing === 2) return Buffer.alloc(0);
  // Two bytes each: the first as it is, then differences around 2^13 - 1.
  return Buffer.concat(
    lengths.map((length, index) => {
      const value = index === 0 ? length : length - (lengths[index - 1] ?? 0) + 0x1fff;
      const bytes = Buffer.alloc(2);
      bytes.writeUInt16BE(0x4000 | value);
      return bytes;
    }),
  );
}

export function simpleBlock(ticks: number, frames: readonly Buffer[], lacing = 0, track = 1): Buffer {
  return element('a3', block(ticks, frames, lacing, track));
}

export function cluster(time: number, children: readonly Buffer[], size?: number | 'unknown'): Buffer {
  return element('1f43b675', [element('e7', uint(time)), ...children], size);
}

/** One packet of 20 ms a block, a second a cluster. */
export function clusters(packets: readonly Buffer[], size?: 'unknown'): Buffer[] {
  const made: Buffer[] = [];
  for (let at = 0; at < packets.length; at += 50) {
    const blocks = packets.slice(at, at + 50).map((packet, index) => simpleBlock(index * 20, [packet]));
    made.push(cluster(at * 20, blocks, size));
  }
  return made;
}

export function webm(children: readonly Buffer[], size?: number | 'unknown'): Buffer {
  return Buffer.concat([ebmlHeader, element('18538067', [info, tracks(), ...children], size)]);
}
