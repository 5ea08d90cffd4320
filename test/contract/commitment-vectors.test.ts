import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openBelowProfile } from '../../src/seal/below-profile.ts';
import { readHeader } from '../../src/seal/header.ts';
import { deriveMessageKeys } from '../../src/seal/key-derivation.ts';
import { stockPython } from '../services/python/venv.ts';

/**
 * The published vectors of message format version 2, out of the Python SDK's source package. Half of them are
 * of our suite; most are wrapped by KMS or by several keys, so they are opened below the profile, with the
 * data key that the file gives.
 */
interface CommitmentVector {
  readonly comment: string;
  readonly ciphertext: string;
  readonly commitment: string;
  readonly exception: string | null;
  readonly 'content-encryption-key'?: string;
  readonly 'decrypted-dek': string;
  readonly 'message-id': string;
  readonly 'plaintext-frames': readonly string[] | null;
}

const REFUSED = expect.objectContaining({ code: 'NOT_AUTHENTIC' });
const python = await stockPython();
const missing = 'missing' in python ? ` (skipped: ${python.missing})` : '';
const vectors = missing === '' ? await ofOurSuite() : [];
const unframed = vectors.filter((vector) => vector.comment.endsWith('unframed'));
const uncommitted = vectors.filter((vector) => vector.exception !== null);
const good = vectors.filter((vector) => ![...unframed, ...uncommitted].includes(vector));

describe.skipIf(missing !== '')(`the published commitment vectors${missing}`, () => {
  test('are 17 that open, 3 of another commitment and 3 unframed', () => {
    expect([good.length, uncommitted.length, unframed.length]).toEqual([17, 3, 3]);
  });

  test.each(good)('opens $comment', (vector) => {
    const plain = openBelowProfile(bytes(vector.ciphertext), bytes(vector['decrypted-dek']));
    expect(plain.toString('utf8')).toBe((vector['plaintext-frames'] ?? []).join(''));
    expect(readHeader(bytes(vector.ciphertext), 9).messageId).toEqual(bytes(vector['message-id']));
    expect(readHeader(bytes(vector.ciphertext), 9).commitment).toEqual(bytes(vector.commitment));
  });

  test.each(good.filter((vector) => vector['content-encryption-key'] !== undefined))(
    'derives the key of $comment',
    (vector) => {
      const { frameKey } = deriveMessageKeys(bytes(vector['decrypted-dek']), bytes(vector['message-id']));
      expect(frameKey.export()).toEqual(bytes(vector['content-encryption-key'] ?? ''));
    },
  );

  test.each([...uncommitted, ...unframed])('refuses $comment', (vector) => {
    expect(() => openBelowProfile(bytes(vector.ciphertext), bytes(vector['decrypted-dek']))).toThrow(REFUSED);
  });
});

async function ofOurSuite(): Promise<CommitmentVector[]> {
  const file = JSON.parse(await readFile('.services/python/commitment-test-vectors.json', 'utf8')) as {
    tests: CommitmentVector[];
  };
  return file.tests.filter(({ ciphertext }) => bytes(ciphertext).readUInt16BE(1) === 0x0478);
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}
