import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSealerBelowProfile } from '../../src/seal/below-profile.ts';
import { readHeader } from '../../src/seal/header.ts';
import { headerSize } from '../../src/seal/identity.ts';
import { deriveDigestKey, deriveMessageKeys } from '../../src/seal/key-derivation.ts';
import { PlainDigest } from '../../src/seal/plain-digest.ts';
import { selfTest } from '../../src/seal/self-test.ts';
import { openAll } from '../../src/seal/streams.ts';
import { KNOWN, KNOWN_ANSWER, KNOWN_PLAIN } from './known-answer.ts';
import { inChunks, sealAll, streamOf } from './sealing.ts';

describe('the known answer of the format', () => {
  const sealer = createSealerBelowProfile({ ...KNOWN, sha256: true });
  const sealed = sealAll(sealer, [KNOWN_PLAIN]);
  const header = readHeader(sealed);

  test('keys are derived from the data key and the message id', () => {
    const { frameKey, commitment } = deriveMessageKeys(KNOWN.dataKey, KNOWN.messageId);
    expect(frameKey.export().toString('hex')).toBe(KNOWN_ANSWER.frameKey);
    expect(commitment.toString('hex')).toBe(KNOWN_ANSWER.commitment);
  });

  test('the digest key is derived from the call key and the message id', () => {
    const key = deriveDigestKey(KNOWN.callKey, KNOWN.messageId);
    expect(key.export().toString('hex')).toBe(KNOWN_ANSWER.digestKey);
  });

  test('the header has its length, commitment, wrapped data key and tag', () => {
    expect(header.bytes.length).toBe(KNOWN_ANSWER.headerBytes);
    expect(headerSize(KNOWN)).toBe(KNOWN_ANSWER.headerBytes);
    expect(header.commitment.toString('hex')).toBe(KNOWN_ANSWER.commitment);
    expect(header.wrappedKeys[0]?.ciphertext.toString('hex')).toBe(KNOWN_ANSWER.wrappedDataKey);
    expect(header.tag.toString('hex')).toBe(KNOWN_ANSWER.headerTag);
  });

  test('both frames are as published', () => {
    expect(sealed.subarray(204, 252)).toEqual(KNOWN_ANSWER.frame1);
    expect(sealed.subarray(252)).toEqual(KNOWN_ANSWER.frame2);
  });

  test('the message is 300 bytes with the published SHA-256', () => {
    expect(sealed.length).toBe(300);
    expect(createHash('sha256').update(sealed).digest('hex')).toBe(KNOWN_ANSWER.messageSha256);
  });

  test('the facts carry its digests and sizes', () => {
    const facts = sealer.facts();
    expect(facts.sealDigest.toString('hex')).toBe(KNOWN_ANSWER.sealDigest);
    expect(facts.plainDigest?.toString('hex')).toBe(KNOWN_ANSWER.plainDigest);
    expect(facts.sha256?.toString('hex')).toBe(KNOWN_ANSWER.messageSha256);
    expect(facts).toMatchObject({ headerBytes: 204, frameLength: 16, plainBytes: 24, sealedBytes: 300 });
  });

  test('the plaintext digest of no bytes is as published', () => {
    const digest = new PlainDigest(KNOWN.callKey, KNOWN.messageId);
    expect(digest.finish().toString('hex')).toBe(KNOWN_ANSWER.plainDigestOfNothing);
  });

  for (const size of [1, 7, 300]) {
    test(`it opens in pieces of ${size} bytes`, async () => {
      const opening = openAll(streamOf(inChunks(sealed, size)), {
        ...KNOWN,
        sealedBytes: 300,
        checkDigest: { plainDigest: Buffer.from(KNOWN_ANSWER.plainDigest, 'hex') },
      });
      const plain: Buffer[] = [];
      let step = await opening.next();
      for (; step.done !== true; step = await opening.next()) plain.push(step.value);
      expect(Buffer.concat(plain)).toEqual(KNOWN_PLAIN);
      expect(step.value.sealDigest.toString('hex')).toBe(KNOWN_ANSWER.sealDigest);
      expect(step.value).toMatchObject({ plainBytes: 24, sealedBytes: 300, plainDigestMatches: true });
    });
  }

  test('the self-test passes on this Node.js', () => {
    expect(selfTest()).toBeUndefined();
  });
});
