import { createSecretKey, type KeyObject } from 'node:crypto';
import { SealFormatError } from './errors.ts';
import { PlainDigest, PlainDigestCheck } from './plain-digest.ts';

/** Known answer of docs/format.md: call key 00…1f, message id 40…5f. */
const PLAIN = Buffer.from('sealed call audio bytes!', 'ascii');
const DIGEST = '9e50ccfb961f09948f53df79eb47800c';
const SPLITS = [1, 15, 16, 17];

/** What is tested; another pair is for the test of this test. */
const DIGESTS = { PlainDigest, PlainDigestCheck };

/**
 * Makes sure that this runtime's `setAAD()`, called repeatedly, means the bytes one after the other: that is
 * undocumented and the plaintext digest rests on it. To be called once, before anything is sealed.
 *
 * @throws SealFormatError SELF_TEST_FAILED - stop the process.
 */
export function selfTest(digests: typeof DIGESTS = DIGESTS): void {
  for (const split of SPLITS) {
    const pieces = [PLAIN.subarray(0, split), PLAIN.subarray(split)];
    if (!makesTheDigest(digests, pieces) || !checksTheDigest(digests, pieces)) {
      throw new SealFormatError(
        'SELF_TEST_FAILED',
        'this Node.js does not join the pieces of a plaintext digest',
      );
    }
  }
}

function makesTheDigest(digests: typeof DIGESTS, pieces: readonly Buffer[]): boolean {
  const digest = new digests.PlainDigest(callKey(), messageId());
  for (const piece of pieces) digest.update(piece);
  return digest.finish().toString('hex') === DIGEST;
}

function checksTheDigest(digests: typeof DIGESTS, pieces: readonly Buffer[]): boolean {
  const check = new digests.PlainDigestCheck(callKey(), messageId(), Buffer.from(DIGEST, 'hex'));
  for (const piece of pieces) check.update(piece);
  return check.matches();
}

function callKey(): KeyObject {
  return createSecretKey(counting(0x00));
}

function messageId(): Buffer {
  return counting(0x40);
}

/** 32 bytes, each one more than the one before. */
function counting(first: number): Buffer {
  return Buffer.from(Array.from({ length: 32 }, (_, i) => first + i));
}
