import { createHash, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { OpenerOptions, OpenFacts } from '../../src/seal/opener.ts';
import { openRange } from '../../src/seal/range.ts';
import { openAll } from '../../src/seal/streams.ts';
import { hex } from '../seal/known-answer.ts';
import { inChunks, streamOf } from '../seal/sealing.ts';
import { badVectors, goodVectors, type Vector } from './definitions.ts';

/** Frozen: a changed file here is a changed format, and every object sealed before it is then unreadable. */
const FROZEN = {
  good: '1cd29cc40fa4b7b49bb9c7a88d2694e8315129e4ea3cd205f03e039c332621d5',
  bad: '0fedf45ca5531d29522cdb2df43604eb8a6bafbfb4f15af072a3401af3401456',
};

const FEEDS = {
  whole: (sealed: Buffer) => [sealed],
  'byte by byte': (sealed: Buffer) => inChunks(sealed, 1),
  'seven bytes at a time': (sealed: Buffer) => inChunks(sealed, 7),
};

const text = (name: string): string => readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8');
const load = (name: string): Vector[] => JSON.parse(text(name)) as Vector[];
const good = load('good');
const bad = load('bad');

describe('the vector files', () => {
  test('are the frozen ones', () => {
    expect(createHash('sha256').update(text('good')).digest('hex')).toBe(FROZEN.good);
    expect(createHash('sha256').update(text('bad')).digest('hex')).toBe(FROZEN.bad);
  });

  test('are what their definitions make', () => {
    expect(goodVectors()).toEqual(good);
    expect(badVectors()).toEqual(bad);
  });

  test('have no name twice', () => {
    const names = [...good, ...bad].map((vector) => vector.name);
    expect(new Set(names).size).toBe(names.length);
  });
});

for (const [how, feed] of Object.entries(FEEDS)) {
  describe(`fed ${how}`, () => {
    for (const vector of good) {
      test(`opens: ${vector.name}`, async () => {
        const plainDigest = hex(vector.plainDigest ?? '');
        const opened = await open(vector, feed, { checkDigest: { plainDigest } });
        expect(opened.plain.toString('hex')).toBe(vector.plain);
        expect(opened.facts).toMatchObject({ frameLength: vector.frameLength, plainDigestMatches: true });
        expect(opened.facts?.sealDigest.toString('hex')).toBe(vector.sealDigest);
      });
    }

    for (const vector of bad) {
      test(`refuses, with T from the row: ${vector.name}`, async () => {
        const sealedBytes = vector.sealedBytes ?? vector.sealed.length / 2;
        const opened = await open(vector, feed, { sealedBytes });
        expect(opened).toMatchObject({ code: 'NOT_AUTHENTIC', facts: undefined });
      });
    }

    for (const vector of bad.filter((v) => v.sealedBytes === undefined)) {
      test(`refuses, without T: ${vector.name}`, async () => {
        const opened = await open(vector, feed, {});
        expect(opened).toMatchObject({ code: 'NOT_AUTHENTIC', facts: undefined });
      });
    }
  });
}

describe('as a range', () => {
  for (const vector of good.filter((v) => v.plain !== '')) {
    test(`opens its last byte: ${vector.name}`, async () => {
      const plain = hex(vector.plain ?? '');
      expect(await lastByte(vector, plain.length)).toEqual(plain.subarray(-1));
    });
  }

  for (const vector of bad.filter((v) =>
    /context|wrapped|namespace|key name|commitment|header|asked/.test(v.name),
  )) {
    test(`refuses: ${vector.name}`, async () => {
      await expect(lastByte(vector, 20)).rejects.toMatchObject({ code: 'NOT_AUTHENTIC' });
    });
  }
});

async function open(
  vector: Vector,
  feed: (sealed: Buffer) => Buffer[],
  options: Partial<OpenerOptions>,
): Promise<{ plain: Buffer; facts: OpenFacts | undefined; code: string | undefined }> {
  const opening = openAll(streamOf(feed(hex(vector.sealed))), { ...identityOf(vector), ...options });
  const pieces: Buffer[] = [];
  try {
    for (;;) {
      const step = await opening.next();
      if (step.done === true) return { plain: Buffer.concat(pieces), facts: step.value, code: undefined };
      pieces.push(step.value);
    }
  } catch (error) {
    return { plain: Buffer.concat(pieces), facts: undefined, code: (error as { code: string }).code };
  }
}

async function lastByte(vector: Vector, plainBytes: number): Promise<Buffer> {
  const sealed = hex(vector.sealed);
  const sealedBytes = vector.sealedBytes ?? sealed.length;
  const read = (from: number, to: number) => streamOf([sealed.subarray(from, to)]);
  const range = { from: plainBytes - 1, toExclusive: plainBytes };
  const pieces: Buffer[] = [];
  for await (const piece of openRange(read, { ...identityOf(vector), sealedBytes, plainBytes }, range)) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function identityOf({ callKey, namespace, keyName, context }: Vector) {
  return { callKey: createSecretKey(hex(callKey)), namespace, keyName, context };
}
