/**
 * The encryption context as it is authenticated (docs/format.md, "Bytes"):
 *
 * ```
 *   2 pair count | per pair: 2 length | key | 2 length | value      UTF-8, sorted by the bytes of the key
 * ```
 *
 * An empty context is no bytes at all, not a count of zero.
 */
export function encodeContext(context: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(context)
    .map(([key, value]) => [Buffer.from(key, 'utf8'), Buffer.from(value, 'utf8')] as const)
    .toSorted(([a], [b]) => Buffer.compare(a, b));
  if (pairs.length === 0) return Buffer.alloc(0);
  return Buffer.concat([
    u16(pairs.length),
    ...pairs.flatMap(([key, value]) => [prefixed(key), prefixed(value)]),
  ]);
}

/** `bytes` behind their length as two bytes. */
export function prefixed(bytes: Uint8Array): Buffer {
  return Buffer.concat([u16(bytes.length), bytes]);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
