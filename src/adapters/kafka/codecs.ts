import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import kafkajs from 'kafkajs';

const { CompressionCodecs, CompressionTypes } = kafkajs;
const gunzipped = promisify(gunzip);
const gzipped = promisify(gzip);

/** What the records of one batch may become here; on the wire a batch has 2 MiB at most. */
const MOST_BYTES = 16 * 1024 * 1024;
/** The value of a record that stands for one nobody can read. Random: no writer can forge it. */
const unreadable = randomBytes(16);

/** Whether this is no record but the place of one in a batch that cannot be read. */
export function isUnreadable(value: Buffer | null): boolean {
  return value?.equals(unreadable) === true;
}

/**
 * Our own codecs, for the whole process. The client's gzip has no limit (1 MB of it can become 1 GB), and what its
 * missing codecs throw stops every partition of the consumer for good. Here a batch that cannot be read becomes as
 * many records as it has, each marked, so that its partition alone is stopped at its place.
 *
 * With `compression.type=uncompressed`, which `topics ensure` sets, the broker lets no such batch in.
 */
export function installCodecs(): void {
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => await gzipped(buffer),
    decompress: async (bytes: Buffer) =>
      await gunzipped(bytes, { maxOutputLength: MOST_BYTES }).catch(() => marks(countBefore(bytes))),
  });
  for (const kind of ['Snappy', 'LZ4', 'ZSTD'] as const) {
    CompressionCodecs[CompressionTypes[kind]] = () => ({
      compress: async () => {
        throw new TypeError(`${kind} is not written here`);
      },
      decompress: async (bytes: Buffer) => marks(countBefore(bytes)),
    });
  }
}

/** The client cuts the records out of the batch; the four bytes in front of them say how many there are. */
function countBefore(bytes: Buffer): number {
  return new DataView(bytes.buffer, bytes.byteOffset - 4).getInt32(0);
}

/**
 * Record (v2), lengths and deltas as zigzag varints:
 *
 *   length | attributes | timestamp delta 0 | offset delta | key none | value length, value | no headers
 */
function marks(count: number): Buffer {
  const records: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const body = Buffer.concat([
      Buffer.of(0, 0),
      varint(i),
      varint(-1),
      varint(unreadable.length),
      unreadable,
      Buffer.of(0),
    ]);
    records.push(varint(body.length), body);
  }
  return Buffer.concat(records);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.of(...bytes, rest);
}
