import { KmsError } from './errors.ts';

export type EncryptionContext = Readonly<Record<string, string>>;

const CONTEXT_LIMIT = 8192;

/**
 * The bytes that a context is authenticated as. Order of the pairs is of no meaning to a caller, so they are sorted; every
 * part carries its length, so that no two contexts have the same bytes ({ab: c} and {a: bc}).
 *
 *   count uint16 | for each pair, sorted by the bytes of its name: length uint16 | name | length uint16 | value
 */
export function contextBytes(context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).map(
    ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
  );
  pairs.sort(([a], [b]) => Buffer.compare(a, b));
  return Buffer.concat([
    uint16(pairs.length),
    ...pairs.flat().flatMap((part) => [uint16(part.length), part]),
  ]);
}

/** @throws KmsError ValidationException - not an object of strings, or larger than AWS takes. */
export function checkedContext(given: unknown): EncryptionContext {
  if (given === undefined || given === null) return {};
  if (typeof given !== 'object' || !Object.values(given).every((value) => typeof value === 'string')) {
    throw new KmsError('SerializationException', 'an encryption context holds strings only');
  }
  const context = given as EncryptionContext;
  if (JSON.stringify(context).length > CONTEXT_LIMIT) {
    throw new KmsError(
      'ValidationException',
      `the encryption context is larger than ${CONTEXT_LIMIT} characters`,
    );
  }
  return context;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
