import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { installCodecs, isUnreadable } from '../../../src/adapters/kafka/codecs.ts';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder');
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder');
installCodecs();

/** A record batch as it stands on the wire, with these bytes where its records are. */
function batch(attributes: number, count: number, records: Buffer): Buffer {
  const head = Buffer.alloc(49);
  head.writeInt8(2, 4); // magic
  head.writeInt16BE(attributes, 9);
  head.writeInt32BE(count - 1, 11);
  head.writeInt32BE(count, 45);
  const first = Buffer.alloc(12);
  first.writeBigInt64BE(700n, 0);
  first.writeInt32BE(head.length + records.length, 8);
  return Buffer.concat([first, head, records]);
}

const read = async (bytes: Buffer) => await decodeBatch(new Decoder(bytes));

describe('a batch that cannot be read', () => {
  test.each([
    ['snappy', 2, Buffer.from('whatever')],
    ['lz4', 3, Buffer.from('whatever')],
    ['zstd', 4, Buffer.from('whatever')],
    ['gzip that becomes more than 16 MiB', 1, gzipSync(Buffer.alloc(17 * 1024 * 1024))],
    ['gzip that is damaged', 1, Buffer.from('no gzip')],
  ])(
    '%s: its records stand marked at their offsets, and the batches around it are read',
    async (_, attributes, bytes) => {
      const { records } = await read(batch(attributes, 300, bytes));
      expect(records.map(({ offset }: { offset: string }) => Number(offset))).toEqual(
        Array.from({ length: 300 }, (__, i) => 700 + i),
      );
      for (const { value } of records) expect(isUnreadable(value)).toBe(true);
    },
  );

  test('is not what a value says of itself', () => {
    expect(isUnreadable(null)).toBe(false);
    expect(isUnreadable(Buffer.alloc(16))).toBe(false);
  });
});

test('what is compressed here with gzip is read again', async () => {
  const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP]();
  const packed = await codec.compress({ buffer: Buffer.from('a record') });
  expect((await codec.decompress(packed)).toString()).toBe('a record');
});
