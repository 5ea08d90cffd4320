import * as fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { murmur2, partitionOf } from '../../../src/adapters/kafka/partitions.ts';

const SEED = 20261124;

describe('the partition of a key', () => {
  // From Kafka's own UtilsTest.
  test.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('murmur2 of %s is that of Kafka', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  test('is the one that the client would choose', () => {
    const choose = Partitioners.DefaultPartitioner();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 50 }), (key, count) => {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          partitionErrorCode: 0,
          partitionId,
          leader: 1,
          replicas: [],
          isr: [],
        }));
        const theirs = choose({ topic: 't', partitionMetadata, message: { key, value: null } });
        expect(partitionOf(key, count)).toBe(theirs);
      }),
      { seed: SEED },
    );
  });
});
