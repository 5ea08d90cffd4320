import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readHeader } from '../../src/seal/header.ts';
import { unlockHeader } from '../../src/seal/open-header.ts';
import { createOpener } from '../../src/seal/opener.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openWhole } from '../../src/seal/streams.ts';
import { craftMessage } from './craft.ts';
import { IDENTITY } from './identities.ts';
import { counting, KNOWN } from './known-answer.ts';
import { inChunks, sealAll, streamOf } from './sealing.ts';

const REFUSED = expect.objectContaining({ code: 'NOT_AUTHENTIC' });
const BAD = expect.objectContaining({ code: 'BAD_ARGUMENT' });

const plain = counting(3, 100);
const sealer = createSealer({ ...IDENTITY, frameLength: 16, sha256: true });
const sealed = sealAll(sealer, [plain]);
const facts = sealer.facts();
const row = { ...IDENTITY, sealedBytes: sealed.length, plainBytes: plain.length };

describe('an opener', () => {
  test('hands out a frame as soon as it is complete, and not a byte earlier', () => {
    const opener = createOpener(row);
    const end = facts.headerBytes + 48;
    expect([...opener.push(sealed.subarray(0, end - 1))]).toEqual([]);
    expect(Buffer.concat([...opener.push(sealed.subarray(end - 1, end))])).toEqual(plain.subarray(0, 16));
  });

  test('hands out no byte of a frame whose tag is wrong', () => {
    const opener = createOpener(row);
    const damaged = Buffer.from(sealed);
    const secondTag = facts.headerBytes + 2 * 48 - 1;
    damaged[secondTag] = (damaged[secondTag] ?? 0) ^ 1;
    const out: Buffer[] = [];
    expect(() => {
      for (const piece of opener.push(damaged)) out.push(piece);
    }).toThrow(REFUSED);
    expect(Buffer.concat(out)).toEqual(plain.subarray(0, 16));
  });

  test('says whole only after the final frame', () => {
    const opener = createOpener(row);
    drain(opener.push(sealed.subarray(0, -1)));
    expect(() => opener.finish()).toThrow(REFUSED);
  });

  test('stays refused once it has refused', () => {
    const opener = createOpener(row);
    const damaged = Buffer.from(sealed);
    damaged[0] = 1;
    expect(() => drain(opener.push(damaged))).toThrow(REFUSED);
    expect(() => drain(opener.push(sealed))).toThrow(REFUSED);
    expect(() => opener.finish()).toThrow(REFUSED);
  });

  test('refuses a byte after the final frame, at once or later', () => {
    const atOnce = createOpener({ ...IDENTITY });
    expect(() => drain(atOnce.push(Buffer.concat([sealed, Buffer.alloc(1)])))).toThrow(REFUSED);
    const later = createOpener({ ...IDENTITY });
    drain(later.push(sealed));
    expect(() => drain(later.push(Buffer.alloc(1)))).toThrow(REFUSED);
    expect(() => later.finish()).toThrow(REFUSED);
  });

  test('refuses to go on after its caller left frames behind', () => {
    const opener = createOpener(row);
    for (const piece of opener.push(sealed)) {
      expect(piece.length).toBe(16);
      break;
    }
    expect(() => drain(opener.push(Buffer.alloc(0)))).toThrow(REFUSED);
    expect(() => opener.finish()).toThrow(REFUSED);
  });

  test('gives the frames of a push that was never iterated with the next one', () => {
    const opener = createOpener(row);
    opener.push(sealed.subarray(0, 300));
    expect(Buffer.concat([...opener.push(sealed.subarray(300))])).toEqual(plain);
    expect(opener.finish().plainBytes).toBe(100);
  });

  test('gives the facts the sealer gave', async () => {
    const opened = await openWhole(streamOf(inChunks(sealed, 33)), { ...row, sha256: true });
    const { plainDigest, ...given } = facts;
    expect(plainDigest?.length).toBe(16);
    expect(opened).toEqual(given);
    expect(opened.sha256).toEqual(createHash('sha256').update(sealed).digest());
  });

  test('answers whether the plaintext digest matches, and nothing more', async () => {
    const check = async (plainDigest: Uint8Array) =>
      await openWhole(streamOf([sealed]), { ...row, checkDigest: { plainDigest } });
    const right = facts.plainDigest ?? Buffer.alloc(16);
    expect(await check(right)).toMatchObject({ plainDigestMatches: true });
    for (let bit = 0; bit < 128; bit += 1) {
      const wrong = Buffer.from(right);
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const answer = await check(wrong);
      expect(answer).toMatchObject({ plainDigestMatches: false });
      expect(JSON.stringify(answer)).not.toContain(JSON.stringify(right));
    }
  });

  test('refuses when the row has another plaintext length, with T or without', () => {
    const { sealedBytes, ...withoutT } = row;
    for (const expected of [{ ...withoutT, sealedBytes }, withoutT]) {
      const opener = createOpener({ ...expected, plainBytes: 99 });
      expect(() => {
        drain(opener.push(sealed));
        opener.finish();
      }).toThrow(REFUSED);
    }
  });

  test('refuses a frame length before it waits for such a frame', () => {
    const given = { ...KNOWN, callKey: counting(0, 32), frameLength: 1_048_577 };
    const message = craftMessage(given, counting(0, 10));
    const opener = createOpener(KNOWN);
    expect(() => drain(opener.push(message.subarray(0, 204)))).toThrow(REFUSED);
  });

  test('overwrites the data key', () => {
    const dataKey = Buffer.from(KNOWN.dataKey);
    const message = craftMessage({ ...KNOWN, callKey: counting(0, 32) }, plain);
    unlockHeader(readHeader(message), dataKey);
    expect(dataKey).toEqual(Buffer.alloc(32));
  });

  test('frees sealed chunks when told, and leaves the plaintext to its owner', () => {
    const chunk = new Uint8Array(5000);
    const big = createSealer({ ...IDENTITY });
    const message = sealAll(big, [Buffer.alloc(5000 - facts.headerBytes - 40)]);
    chunk.set(message);
    const opener = createOpener({ ...IDENTITY, detachChunks: true });
    const pieces = [...opener.push(chunk)];
    expect(chunk.length).toBe(0);
    expect(Buffer.concat(pieces).length).toBe(5000 - facts.headerBytes - 40);
  });

  test('is used once', () => {
    const opener = createOpener(row);
    drain(opener.push(sealed));
    opener.finish();
    expect(() => opener.finish()).toThrow(BAD);
    expect(() => opener.push(sealed)).toThrow(BAD);
  });

  for (const [what, wrong] of Object.entries({
    'a key of 16 bytes': { callKey: createSecretKey(randomBytes(16)) },
    'half a byte': { sealedBytes: 0.5 },
    'a negative length': { plainBytes: -1 },
    'a digest of 32 bytes': { checkDigest: { plainDigest: Buffer.alloc(32) } },
    'a digest of 12 bytes': { checkDigest: { plainDigest: Buffer.alloc(12) } },
    'no name': { keyName: '' },
  })) {
    test(`calls a wrong argument by its name: ${what}`, () => {
      expect(() => createOpener({ ...row, ...wrong })).toThrow(BAD);
    });
  }
});

describe('a refusal', () => {
  test('has one message, no cause and nothing of the object', () => {
    const errors = Array.from(sealed, (byte, at) => {
      const damaged = Buffer.from(sealed);
      damaged[at] = byte ^ 0x80;
      return refusalOf(damaged);
    });
    const messages = new Set(errors.map((error) => error.message));
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'SealFormatError', code: 'NOT_AUTHENTIC' });
      expect(Object.keys(error).toSorted()).toEqual(['code', 'name']);
      expect(error).not.toHaveProperty('cause');
    }
    expect([...messages]).toEqual(['these bytes are not the sealed object that was asked for']);
  });
});

function refusalOf(damaged: Buffer): Error {
  try {
    const opener = createOpener(row);
    drain(opener.push(damaged));
    opener.finish();
  } catch (error) {
    return error as Error;
  }
  return new Error('it opened');
}

function drain(pieces: Iterable<Buffer>): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}
