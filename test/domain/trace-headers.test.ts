import { describe, expect, test } from 'vitest';
import { clearHeadersOf } from '../../src/domain/trace-headers.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const of = (headers: Record<string, string>, value = '') =>
  clearHeadersOf({ headers, value: Buffer.from(value) });

test('an event id and a traceparent that are what they should be stand in clear', () => {
  expect(of({ ce_id: 'e-7', traceparent: TRACE, note: 'Ada' })).toEqual({
    eventId: 'e-7',
    traceparent: TRACE,
  });
});

test('an event in structured mode has its id inside', () => {
  expect(of({}, '{"id":"e-8","data":{}}')).toEqual({ eventId: 'e-8' });
  expect(of({ ce_specversion: '1.0' }, '{"id":"e-8"}')).toEqual({});
});

describe('left out is', () => {
  test.each(['Ada Example', '+49 30 1234567', '49301234567', '', 'a/b', '..', 'x'.repeat(129)])(
    'an event id that could say something: %j',
    (id) => {
      expect(of({ ce_id: id })).toEqual({});
      expect(of({}, JSON.stringify({ id }))).toEqual({});
    },
  );

  test.each([
    '',
    TRACE.toUpperCase(),
    `${TRACE}-more`,
    TRACE.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
    ` ${TRACE}`,
  ])('a traceparent that is none: %j', (traceparent) => {
    expect(of({ traceparent })).toEqual({});
  });

  test.each(['{', 'null', '[1]', '{"id":7}', '['.repeat(100_000)])('what cannot be read', (value) => {
    expect(of({}, value)).toEqual({});
  });
});
