import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deliveryOf, handOverHeaders, replayHeaders } from '../../../src/adapters/inbox/delivery-headers.ts';

const SEED = 20261124;
const place = { topic: 'p.calls.retry', partition: 0, offset: 9 };
const value = Buffer.from('x');
const handOver = {
  dueAt: new Date('2026-11-24T10:10:00Z'),
  counted: 2,
  firstFailedAt: '2026-11-24T10:00:00.000Z',
  code: 'SOURCE_MISSING',
} as const;

const topic = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/);
const places = fc.record({
  topic,
  partition: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  offset: fc.maxSafeNat(),
});
const headers = fc.dictionary(fc.stringMatching(/^[a-z][a-z_-]{0,20}$/), fc.string());

test('a hand-over and its reading are inverse for any delivery, however often', () => {
  const deliveries = fc.record({ origin: places, arrival: places, replay: fc.nat(1000), headers });
  fc.assert(
    fc.property(deliveries, fc.integer({ min: 1, max: 4 }), (parts, times) => {
      const originAt = '2026-11-24T09:00:00.000Z';
      const first = { ...parts, place, key: 't/a', value, counted: 0, firstFailedAt: undefined, originAt };
      let delivery = deliveryOf(
        { place, key: 't/a', value, headers: handOverHeaders(first, handOver) },
        'retry',
      );
      for (let i = 1; i < times; i++) {
        delivery = deliveryOf({ ...delivery, headers: handOverHeaders(delivery, handOver) }, 'retry');
      }
      expect(delivery).toEqual({
        ...first,
        counted: 2,
        firstFailedAt: handOver.firstFailedAt,
        handedOver: { dueAt: '2026-11-24T10:10:00.000Z', code: 'SOURCE_MISSING', held: undefined },
      });
    }),
    { seed: SEED },
  );
});

test('what was held says for what, and an edge that says so itself is not believed', () => {
  const found = { 'callseal-origin': 'p/0/1', 'callseal-replay': '0', 'callseal-held': 'KEY_DISABLED' };
  const record = { place, key: 't/a', value, headers: { ...found, 'callseal-code': 'no code of ours' } };
  expect(deliveryOf(record, 'retry').handedOver).toEqual({
    dueAt: undefined,
    code: undefined,
    held: 'KEY_DISABLED',
  });
  expect(deliveryOf(record, 'inbox')).toMatchObject({ headers: {}, origin: place });
  expect(deliveryOf(record, 'inbox').handedOver).toBeUndefined();
});

test('the origin has the time of its record in the inbox topic, wherever the delivery goes', () => {
  const at = Date.parse('2026-11-24T09:00:00.000Z');
  const first = deliveryOf({ place, key: 't/a', value, headers: {}, at }, 'inbox');
  expect(first.originAt).toBe('2026-11-24T09:00:00.000Z');
  const later = { place, key: 't/a', value, headers: handOverHeaders(first, handOver), at: at + 1 };
  expect(deliveryOf(later, 'retry').originAt).toBe(first.originAt);
  const replayed = replayHeaders({}, place, 1, first.originAt);
  expect(deliveryOf({ ...later, headers: replayed }, 'replay').originAt).toBe(first.originAt);
});

test('a replay keeps the origin, counts its tries anew and has its own place as arrival', () => {
  const origin = { topic: 'p.calls.completed', partition: 3, offset: 12 };
  const delivery = { origin, arrival: origin, replay: 0, headers: { ce_id: '1' }, place, key: 't/a', value };
  const parked = handOverHeaders({ ...delivery, counted: 5, firstFailedAt: undefined }, handOver);
  const record = { place, key: 't/a', value, headers: replayHeaders(parked, origin, 3) };
  expect(deliveryOf(record, 'replay')).toEqual({
    ...delivery,
    arrival: place,
    replay: 3,
    counted: 0,
    firstFailedAt: undefined,
  });
});

describe('what cannot be read', () => {
  test.each([
    ['no headers', {}],
    ['no replay number', { 'callseal-origin': 'p/0/1' }],
    ['a place with a letter', { 'callseal-origin': 'p/0/x', 'callseal-replay': '1' }],
    ['a negative offset', { 'callseal-origin': 'p/0/-1', 'callseal-replay': '1' }],
    ['a topic outside the alphabet', { 'callseal-origin': 'p q/0/1', 'callseal-replay': '1' }],
    ['an offset past 2^53', { 'callseal-origin': 'p/0/9007199254740993', 'callseal-replay': '1' }],
    ['a replay number that is none', { 'callseal-origin': 'p/0/1', 'callseal-replay': '1e3' }],
  ])('leaves the record standing for itself: %s', (_, bad) => {
    for (const kind of ['retry', 'replay'] as const) {
      expect(deliveryOf({ place, key: 't/a', value, headers: bad }, kind)).toMatchObject({
        origin: place,
        arrival: place,
        replay: 0,
      });
    }
  });

  test('of a hand-over without arrival, the record is the arrival', () => {
    const found = { 'callseal-origin': 'p/0/1', 'callseal-replay': '0' };
    expect(deliveryOf({ place, key: 't/a', value, headers: found }, 'retry')).toMatchObject({
      origin: { topic: 'p', partition: 0, offset: 1 },
      arrival: place,
      counted: 0,
    });
  });
});
