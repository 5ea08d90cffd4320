import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeNames, headerSize, requireCallKey } from '../../src/seal/identity.ts';
import { MAX_NAMES_BYTES } from '../../src/seal/sizes.ts';
import { contextBytes } from './craft.ts';
import { IDENTITY } from './identities.ts';

const BAD = expect.objectContaining({ code: 'BAD_ARGUMENT' });

describe('the names of an object', () => {
  test('the context is written sorted, with its pair count', () => {
    expect(encodeNames(IDENTITY).context).toEqual(contextBytes(IDENTITY.context));
  });

  test('an empty context is no bytes', () => {
    expect(encodeNames({ ...IDENTITY, context: {} }).context.length).toBe(0);
  });

  test('the header grows byte by byte with them, in UTF-8', () => {
    const without = headerSize(IDENTITY);
    expect(headerSize({ ...IDENTITY, keyName: `${IDENTITY.keyName}ü` })).toBe(without + 2);
  });

  test('they take at most 1,024 bytes together, so that 4 KiB hold a header', () => {
    const room = MAX_NAMES_BYTES - 8 - 8 - 10;
    const fits = { ...IDENTITY, context: { call: 'c'.repeat(room) } };
    expect(headerSize(fits)).toBe(166 + MAX_NAMES_BYTES);
    expect(() => headerSize({ ...IDENTITY, context: { call: 'c'.repeat(room + 1) } })).toThrow(BAD);
  });

  for (const key of ['Tenant', 'call_id', 'é', '', 'a1', 'a'.repeat(65), '__proto__x'] as const) {
    test(`a context key is lower-case letters only: ${JSON.stringify(key.slice(0, 12))}`, () => {
      expect(() => encodeNames({ ...IDENTITY, context: { [key]: 'v' } })).toThrow(BAD);
    });
  }

  const noText = { empty: '', 'half a character': '\ud83d', 'too long': 'x'.repeat(70_000) };
  for (const [what, text] of Object.entries(noText)) {
    test(`a name is well-formed text: ${what}`, () => {
      expect(() => encodeNames({ ...IDENTITY, namespace: text })).toThrow(BAD);
      expect(() => encodeNames({ ...IDENTITY, keyName: text })).toThrow(BAD);
      expect(() => encodeNames({ ...IDENTITY, context: { call: text } })).toThrow(BAD);
    });
  }

  test('a refusal does not repeat a value', () => {
    expect(() => encodeNames({ ...IDENTITY, context: { call: '\ud83d personal' } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('personal') }),
    );
  });
});

describe('the call key', () => {
  test('is a secret key of 32 bytes', () => {
    expect(requireCallKey(createSecretKey(randomBytes(32)))).toBeUndefined();
  });

  test('is nothing shorter, longer, public or raw', () => {
    for (const length of [16, 31, 33])
      expect(() => requireCallKey(createSecretKey(randomBytes(length)))).toThrow(BAD);
    expect(() => requireCallKey(generateKeyPairSync('ed25519').publicKey)).toThrow(BAD);
    expect(() => requireCallKey(randomBytes(32) as never)).toThrow(BAD);
  });
});
