import { expect, test } from 'vitest';
import { shapeCheck } from '../../src/work/shape-check.ts';

function checked(
  kind: 'json' | 'bytes',
  chunks: Uint8Array[],
  vector?: { dimensions?: number; dtype?: string },
) {
  const check = shapeCheck(kind, vector);
  for (const chunk of chunks) check.push(chunk);
  return check.warnings();
}

test('JSON is recognised however it is cut, and what it is given may be overwritten afterwards', () => {
  const check = shapeCheck('json', undefined);
  for (const byte of Buffer.from('{"turns":["ä"]}')) {
    const chunk = Buffer.from([byte]);
    check.push(chunk);
    chunk.fill(0);
  }
  expect(check.warnings()).toEqual([]);
});

test('anything else is SHAPE_UNKNOWN, also what is too long to be parsed', () => {
  for (const text of ['', 'hello', '{"a":', '42', '"text"', 'null']) {
    expect(checked('json', [Buffer.from(text)])).toEqual(['SHAPE_UNKNOWN']);
  }
  expect(checked('json', [Buffer.from([0x7b, 0xff, 0x7d])])).toEqual(['SHAPE_UNKNOWN']);
  expect(
    checked('json', [Buffer.from('{"a":1'), Buffer.alloc(4 * 1024 * 1024, 0x20), Buffer.from('}')]),
  ).toEqual(['SHAPE_UNKNOWN']);
});

test('a vector has as many bytes as its dimensions say', () => {
  expect(checked('bytes', [Buffer.alloc(6144)], { dimensions: 1536, dtype: 'f32' })).toEqual([]);
  expect(checked('bytes', [Buffer.alloc(6143)], { dimensions: 1536, dtype: 'f32' })).toEqual([
    'VECTOR_SIZE_DIFFERS',
  ]);
  expect(checked('bytes', [Buffer.alloc(1)], { dimensions: 1536, dtype: 'other' })).toEqual([]);
  expect(checked('bytes', [Buffer.alloc(1)])).toEqual([]);
});
