import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, type OutRecord, sendsOf } from '../../../src/adapters/kafka/packing.ts';

const SEED = 20261124;
const MOST = 1000;
const records = fc.array(
  fc.record({
    topic: fc.constantFrom('a', 'b'),
    partition: fc.integer({ min: 0, max: 2 }),
    key: fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined }),
    headers: fc.constant({}),
    value: fc.integer({ min: 0, max: 1500 }).map((size) => Buffer.alloc(size)),
  }),
);

describe('packing records into sends', () => {
  test('keeps all of them, in order per partition, each with its partition', () => {
    fc.assert(
      fc.property(records, (given) => {
        const flat = sendsOf(given, MOST).flatMap((send) =>
          send.flatMap(({ topic, messages }) => messages.map((message) => ({ topic, ...message }))),
        );
        for (const name of ['a/0', 'a/1', 'a/2', 'b/0', 'b/1', 'b/2']) {
          const values = (all: readonly { topic: string; partition?: number; value: unknown }[]) =>
            all.filter(({ topic, partition }) => `${topic}/${partition}` === name).map(({ value }) => value);
          expect(values(flat)).toEqual(values(given));
        }
        expect(flat).toHaveLength(given.length);
      }),
      { seed: SEED },
    );
  });

  test('gives a partition no more than the limit in one send; a larger record goes alone', () => {
    fc.assert(
      fc.property(records, (given) => {
        for (const send of sendsOf(given, MOST)) {
          for (const { topic, messages } of send) {
            for (let partition = 0; partition < 3; partition++) {
              const mine = given.filter(
                (each: OutRecord) =>
                  each.topic === topic &&
                  messages.some((message) => message.value === each.value && message.partition === partition),
              );
              const bytes = mine.reduce((sum, each) => sum + bytesOf(each), 0);
              expect(mine.length <= 1 || bytes <= MOST).toBe(true);
            }
          }
        }
      }),
      { seed: SEED },
    );
  });
});
