import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isKekName,
  type KekVersion,
  type KeyRing,
  parseRing,
  ringText,
  withNewVersion,
} from '../../../src/adapters/keys/key-ring.ts';

const AT = '2026-11-24T10:00:00.000Z';

function ringOf(...names: string[]): KeyRing {
  let ring: KeyRing = new Map();
  for (const name of names) ring = withNewVersion(ring, name, AT);
  return ring;
}

test('a ring comes back from its text: names, versions in order, keys, material', () => {
  const ring = ringOf('t-42:phi', 't-42:voiceprint', 't-42:phi', 'system:dead-letter');
  const back = parseRing(ringText(ring));
  expect([...(back?.keys() ?? [])]).toEqual([...ring.keys()]);
  for (const [name, versions] of ring) {
    const there = back?.get(name) ?? [];
    const told = ({ version, createdAt, materialId }: KekVersion) => ({ version, createdAt, materialId });
    expect(there.map(told)).toEqual(versions.map(told));
    expect(there.every(({ key }, i) => versions[i]?.key.equals(key))).toBe(true);
  }
});

test('an empty ring is a key file', () => {
  expect(parseRing(ringText(new Map()))?.size).toBe(0);
});

test('versions count from 1, each with its own material', () => {
  const versions = ringOf('t-42:phi', 't-42:phi', 't-42:phi').get('t-42:phi') ?? [];
  expect(versions.map(({ version }) => version)).toEqual([1, 2, 3]);
  expect(new Set(versions.map(({ materialId }) => materialId)).size).toBe(3);
});

test('any flipped bit of the file is refused', () => {
  const bytes = Buffer.from(ringText(ringOf('t-42:phi', 't-42:phi')));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(parseRing(damaged.toString()), `bit ${bit}`).toBeUndefined();
  }
});

test('a file cut anywhere is refused', () => {
  const text = ringText(ringOf('t-42:phi'));
  // Without its last newline it is still whole.
  for (let length = 0; length < text.length - 1; length++)
    expect(parseRing(text.slice(0, length))).toBeUndefined();
});

const whole = () => JSON.parse(ringText(ringOf('t-42:phi', 't-42:phi'))) as Record<string, never>;
const spoiled: Readonly<Record<string, (file: ReturnType<typeof whole>) => unknown>> = {
  'another format': (file) => ({ ...file, format: 'callseal.keyfile/2' }),
  'a field more': (file) => ({ ...file, more: 1 }),
  'no KEKs at all': ({ format }) => ({ format }),
  'a KEK without a version': (file) => ({ ...file, keks: { 't-42:phi': [] } }),
  'versions in another order': (file) => ({
    ...file,
    keks: { 't-42:phi': Array.from(file['keks']?.['t-42:phi'] ?? []).toReversed() },
  }),
  'a version twice': (file) => ({
    ...file,
    keks: { 't-42:phi': Array(2).fill(file['keks']?.['t-42:phi']?.[0]) },
  }),
  'a KEK under another name': (file) => ({ ...file, keks: { 't-43:phi': file['keks']?.['t-42:phi'] } }),
  'a name that is none': (file) => ({ ...file, keks: { 't-42': file['keks']?.['t-42:phi'] } }),
  'a list': () => [],
  nothing: () => null,
};
for (const [how, spoil] of Object.entries(spoiled)) {
  test(`a key file with ${how} is refused`, () => {
    expect(parseRing(JSON.stringify(spoil(whole())))).toBeUndefined();
  });
}

test('no text at all makes it throw', () => {
  const refused = fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    expect(parseRing(text)).toBeUndefined();
  });
  fc.assert(refused, { seed: 42 });
});

test('a KEK is named by two ids', () => {
  expect(['t-42:phi', 'system:dead-letter', '..:phi'].map(isKekName)).toEqual([true, true, true]);
  expect(['phi', 't:', ':phi', 'a:b:c', 'a b:c', '__proto__', 'a:b\n'].some(isKekName)).toBe(false);
});
