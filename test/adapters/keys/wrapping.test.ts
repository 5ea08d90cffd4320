import { createSecretKey } from 'node:crypto';
import { expect, test } from 'vitest';
import type { KekVersion } from '../../../src/adapters/keys/key-ring.ts';
import { generateWrapped, rewrapped, unwrapped, versionOf } from '../../../src/adapters/keys/wrapping.ts';

const CONTEXT = { tenant: 't-42', class: 'phi' };

function kek(version: number, name = 't-42:phi'): KekVersion {
  const key = createSecretKey(Buffer.alloc(32, version));
  return { name, version, key, materialId: `m-${version}`, createdAt: '2026-11-24T10:00:00.000Z' };
}

test('a blob is format, version, IV, ciphertext and tag: 65 bytes', () => {
  const { wrapped } = generateWrapped(kek(258), CONTEXT);
  expect(wrapped).toHaveLength(1 + 4 + 12 + 32 + 16);
  expect([...wrapped.subarray(0, 5)]).toEqual([1, 0, 0, 1, 2]);
  expect(versionOf(wrapped)).toBe(258);
});

test('a blob frozen before this release still opens', () => {
  const wrapped = Buffer.from(
    '010000000798ffc89c5685cb9b1d1c4532d2881e7307a1844388c0d82043786acd2d2e499e4236b0a94afe540ff0a6a104055ec35b91eccbee3ce1b2c95c75b5ee',
    'hex',
  );
  expect(unwrapped(kek(7), CONTEXT, wrapped).export().toString('hex')).toBe(
    '4d28697afccb216aa2c08b13ff17e147cac0232d4716bf6d3c6a7f8ce3b5716e',
  );
});

test('the version and the name are bound in: the same key bytes under another one do not open it', () => {
  const { wrapped } = generateWrapped(kek(1), CONTEXT);
  const notAuthentic = expect.objectContaining({ code: 'NOT_AUTHENTIC' });
  expect(() => unwrapped({ ...kek(1), version: 2 }, CONTEXT, wrapped)).toThrow(notAuthentic);
  expect(() => unwrapped({ ...kek(1), name: 't-43:phi' }, CONTEXT, wrapped)).toThrow(notAuthentic);
});

test('a rewrap is the same call key under the other version alone', () => {
  const { callKey, wrapped } = generateWrapped(kek(1), CONTEXT);
  const moved = rewrapped(kek(1), kek(2), CONTEXT, wrapped);
  expect(versionOf(moved)).toBe(2);
  expect(unwrapped(kek(2), CONTEXT, moved).equals(callKey)).toBe(true);
  expect(() => unwrapped(kek(1), CONTEXT, moved)).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTIC' }));
});

test('why a blob does not open reaches nobody', () => {
  const { wrapped } = generateWrapped(kek(1), CONTEXT);
  const unwrapping = (): unknown => unwrapped(kek(2), CONTEXT, wrapped);
  expect(unwrapping).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTIC' }));
  expect(unwrapping).not.toThrow(expect.objectContaining({ cause: expect.anything() }));
});

test('a blob of another length or format has no version', () => {
  const { wrapped } = generateWrapped(kek(1), CONTEXT);
  const notAuthentic = expect.objectContaining({ code: 'NOT_AUTHENTIC' });
  for (const blob of [
    Buffer.alloc(0),
    wrapped.subarray(1),
    Buffer.concat([wrapped, wrapped]),
    Buffer.alloc(65),
  ]) {
    expect(() => versionOf(blob)).toThrow(notAuthentic);
  }
});
