import { expect, test } from 'vitest';
import { commandOrigin } from '../../src/domain/answers.ts';
import { deliveredDigest, placeText, recordKey, samePlace } from '../../src/domain/deliveries.ts';

const PLACE = { topic: 'calls', partition: 3, offset: 2 ** 53 - 1 };

test('two places are the same where topic, partition and offset are', () => {
  expect(samePlace(PLACE, { ...PLACE })).toBe(true);
  expect(samePlace(PLACE, { ...PLACE, topic: 'other' })).toBe(false);
  expect(samePlace(PLACE, { ...PLACE, partition: 4 })).toBe(false);
  expect(samePlace(PLACE, { ...PLACE, offset: 0 })).toBe(false);
});

test('a place is written with its offset as it is', () => {
  expect(placeText(PLACE)).toBe('calls/3/9007199254740991');
});

test('the key of a record is its tenant and call', () => {
  expect(recordKey('t-1', 'c-1')).toBe('t-1/c-1');
});

test('the digest of what was delivered is SHA-256 of its bytes', () => {
  expect(deliveredDigest(Buffer.from('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

test("a command's origin meets no delivery's: no topic name holds a colon", () => {
  expect(commandOrigin('shred', 'u-1')).toEqual({ topic: 'shred:u-1', partition: 0, offset: 0 });
});
