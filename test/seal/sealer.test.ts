import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSealerBelowProfile } from '../../src/seal/below-profile.ts';
import { readHeader } from '../../src/seal/header.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openAll } from '../../src/seal/streams.ts';
import { craftMessage } from './craft.ts';
import { collect, IDENTITY } from './identities.ts';
import { counting, KNOWN } from './known-answer.ts';
import { inChunks, sealAll, streamOf } from './sealing.ts';

const F = 65_536;
const BAD = expect.objectContaining({ code: 'BAD_ARGUMENT' });
const DIFFERS = expect.objectContaining({ code: 'LENGTH_DIFFERS' });

describe('a sealer', { timeout: 60_000 }, () => {
  for (const size of [0, 1, F - 1, F, F + 1, 3 * F, 3 * F + 17]) {
    test(`writes the same bytes whatever the chunks and parts are: ${size} bytes`, () => {
      const plain = counting(7, size);
      const given = { ...KNOWN, frameLength: F };
      const right = craftMessage({ ...given, callKey: counting(0, 32) }, plain);
      for (const chunk of [7, 4095, 4096, 63_488, 65_536, 1_000_000]) {
        for (const part of [97, 65_535, 65_568, 10_000_000]) {
          const sealed = sealAll(createSealerBelowProfile(given), inChunks(plain, chunk), part);
          expect(sealed.equals(right)).toBe(true);
        }
      }
    });
  }

  test('writes the same bytes into parts of one byte', () => {
    const plain = counting(7, 100);
    const right = craftMessage({ ...KNOWN, callKey: counting(0, 32) }, plain);
    expect(sealAll(createSealerBelowProfile(KNOWN), inChunks(plain, 1), 1)).toEqual(right);
  });

  test('uses another message id, data key and IV every time', () => {
    const seal = () => readHeader(sealAll(createSealer(IDENTITY), [Buffer.from('the same')]));
    const [one, two] = [seal(), seal()];
    expect(one.messageId).not.toEqual(two.messageId);
    expect(one.commitment).not.toEqual(two.commitment);
    expect(one.wrappedKeys[0]?.ciphertext).not.toEqual(two.wrappedKeys[0]?.ciphertext);
    expect(one.wrappedKeys[0]?.providerInfo).not.toEqual(two.wrappedKeys[0]?.providerInfo);
  });

  test('writes nothing before a frame is full or the source has ended', () => {
    const sealer = createSealer(IDENTITY);
    const part = Buffer.alloc(2 * F);
    sealer.push(Buffer.alloc(F - 1));
    expect([sealer.ready, sealer.fill(part, 0)]).toEqual([false, 0]);
    sealer.push(Buffer.alloc(1));
    expect(sealer.ready).toBe(true);
    expect(sealer.fill(part, 0)).toBeGreaterThan(F);
    expect([sealer.ready, sealer.finished]).toEqual([false, false]);
  });

  test('writes only into the room it is given', () => {
    const sealer = createSealer(IDENTITY);
    sealer.push(Buffer.alloc(1000));
    sealer.end();
    const part = Buffer.alloc(600, 0xee);
    expect(sealer.fill(part, 100)).toBe(500);
    expect(part.subarray(0, 100)).toEqual(Buffer.alloc(100, 0xee));
    expect(sealer.finished).toBe(false);
  });

  test('hashes the sealed bytes in their order when told', () => {
    const sealer = createSealer({ ...IDENTITY, sha256: true, frameLength: 100 });
    const sealed = sealAll(sealer, inChunks(counting(0, 1234), 50), 77);
    expect(sealer.facts().sha256).toEqual(createHash('sha256').update(sealed).digest());
  });

  test('makes the plaintext digest unless told not to, and a SHA-256 only when told', () => {
    const facts = (options: object) => {
      const sealer = createSealer({ ...IDENTITY, ...options });
      sealAll(sealer, [Buffer.from('x')]);
      return Object.keys(sealer.facts());
    };
    expect(facts({})).toContain('plainDigest');
    expect(facts({})).not.toContain('sha256');
    expect(facts({ plainDigest: false })).not.toContain('plainDigest');
  });

  test('gives its facts once all is written, and the same ones again', () => {
    const sealer = createSealer({ ...IDENTITY, frameLength: 16 });
    expect(() => sealer.facts()).toThrow(BAD);
    sealer.push(Buffer.alloc(20));
    sealer.end();
    expect(() => sealer.facts()).toThrow(BAD);
    sealer.fill(Buffer.alloc(100), 0);
    expect(() => sealer.facts()).toThrow(BAD); // the rest waits for another part
    sealer.fill(Buffer.alloc(1000), 0);
    expect(sealer.facts()).toBe(sealer.facts());
    expect(sealer.facts()).toMatchObject({ plainBytes: 20, frameLength: 16 });
  });

  test('takes exactly the declared length', () => {
    const declared = (bytes: number) => createSealer({ ...IDENTITY, declaredBytes: bytes });
    expect(() => declared(3).push(Buffer.alloc(4))).toThrow(DIFFERS);
    const short = declared(3);
    short.push(Buffer.alloc(2));
    expect(() => short.end()).toThrow(DIFFERS);
    const right = declared(3);
    right.push(Buffer.alloc(3));
    expect(right.end()).toBeUndefined();
  });

  test('notices a chunk that was detached before it came, by the declared length', () => {
    const sealer = createSealer({ ...IDENTITY, declaredBytes: 5000 });
    const chunk = new Uint8Array(5000);
    chunk.buffer.transfer(0);
    sealer.push(chunk);
    expect(() => sealer.end()).toThrow(DIFFERS);
  });

  test('notices a chunk that was detached while it was held, and gives up', () => {
    const sealer = createSealer(IDENTITY);
    const chunk = new Uint8Array(5000);
    sealer.push(chunk);
    chunk.buffer.transfer(0);
    sealer.end();
    expect(() => sealer.fill(Buffer.alloc(10_000), 0)).toThrow(BAD);
    expect(() => sealer.fill(Buffer.alloc(10_000), 0)).toThrow(BAD);
    expect(sealer.ready).toBe(false);
    expect(sealer.finished).toBe(false);
  });

  test('leaves chunks alone unless told', () => {
    const chunk = new Uint8Array(F);
    sealAll(createSealer(IDENTITY), [chunk]);
    expect(chunk.length).toBe(F);
  });

  test('frees a whole chunk after its last byte, and never a slice, when told', () => {
    const whole = new Uint8Array(F + 10);
    const slab = new Uint8Array(3 * F);
    const sealer = createSealer({ ...IDENTITY, detachChunks: true });
    const part = Buffer.alloc(5 * F);
    sealer.push(whole);
    sealer.fill(part, 0);
    expect(whole.length).toBe(F + 10); // ten bytes of it are still to be encrypted
    sealer.push(slab.subarray(0, F));
    sealer.end();
    sealer.fill(part, 0);
    expect([whole.length, slab.length]).toEqual([0, 3 * F]);
  });

  test('copies small chunks, so that a caller may not be made to keep their slabs', () => {
    const sealer = createSealer({ ...IDENTITY, frameLength: 16, detachChunks: true });
    const small = new Uint8Array(10).fill(1);
    sealer.push(small);
    expect(sealAll(sealer, [new Uint8Array(6)]).length).toBeGreaterThan(0);
    expect(small.length).toBe(10);
  });

  test('takes nothing after its end or its destruction', () => {
    const ended = createSealer(IDENTITY);
    ended.end();
    expect(() => ended.push(Buffer.alloc(1))).toThrow(BAD);
    expect(() => ended.end()).toThrow(BAD);
    const destroyed = createSealer(IDENTITY);
    destroyed.push(Buffer.alloc(F));
    destroyed.destroy();
    expect(destroyed.ready).toBe(false);
    expect(() => destroyed.push(Buffer.alloc(1))).toThrow(BAD);
    expect(() => destroyed.fill(Buffer.alloc(10), 0)).toThrow(BAD);
    expect(() => destroyed.facts()).toThrow(BAD);
  });

  test('may be destroyed when it is finished, and keeps its facts', () => {
    const sealer = createSealer(IDENTITY);
    sealAll(sealer, []);
    sealer.destroy();
    expect(sealer.facts().plainBytes).toBe(0);
  });

  test('refuses a part without room', () => {
    const sealer = createSealer(IDENTITY);
    for (const at of [8, 9, -1, Number.NaN]) expect(() => sealer.fill(Buffer.alloc(8), at)).toThrow(BAD);
  });

  test('refuses options that can not be right', () => {
    for (const options of [
      { frameLength: 0 },
      { frameLength: 2 ** 21 },
      { declaredBytes: -1 },
      { namespace: '' },
    ]) {
      expect(() => createSealer({ ...IDENTITY, ...options })).toThrow(BAD);
    }
  });

  test('seals what its reader opens, with a fresh key each', async () => {
    const plain = counting(1, 200_000);
    const sealed = sealAll(createSealer(IDENTITY), [plain]);
    const opened = await collect(openAll(streamOf([sealed]), { ...IDENTITY, sealedBytes: sealed.length }));
    expect(opened.equals(plain)).toBe(true);
  });
});
