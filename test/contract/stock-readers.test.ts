import { createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { createSealerBelowProfile } from '../../src/seal/below-profile.ts';
import { openRange } from '../../src/seal/range.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openAll } from '../../src/seal/streams.ts';
import { counting, KNOWN, KNOWN_PLAIN } from '../seal/known-answer.ts';
import { inChunks, sealAll, streamOf } from '../seal/sealing.ts';
import { stockPython } from '../services/python/venv.ts';
import { stockJavaScript } from './stock-javascript.ts';
import { stockPythonReader } from './stock-python.ts';
import type { StockReader, StockRequest } from './stock-readers.ts';

const F = 65_536;
const SIZES = [0, 1, F - 1, F, F + 1, 3 * F, 3 * F + 17, 20 * 1024 * 1024];
const FEEDS = { '1 byte': 1, '7 bytes': 7, '64 KiB': 65_536, whole: Number.MAX_SAFE_INTEGER };
const SMALL = 100_000;

const request: StockRequest = {
  callKey: randomBytes(32),
  namespace: 'callseal',
  keyName: 'key-7f3a-schlüssel',
  context: { tenant: 't-42', call: 'c-0001', artifact: 'a-01', kind: 'audio' },
  frameLength: F,
};
const names = { ...request, callKey: createSecretKey(request.callKey) };

const javaScript = { name: 'the AWS Encryption SDK for JavaScript', reader: stockJavaScript, missing: '' };
const python = await pythonLibrary();
afterAll(async () => await python.reader[Symbol.asyncDispose]());

for (const { name, reader, missing } of [javaScript, python]) {
  describe.skipIf(missing !== '')(`${name}${missing && ` (skipped: ${missing})`}`, () => {
    for (const size of SIZES) {
      test(`opens what we seal: ${size} bytes`, async () => {
        const plain = bytesOf(size);
        const opened = await reader.open(seal(plain), request);
        expect(opened.plain.equals(plain)).toBe(true);
        expect(opened.context).toEqual(request.context);
      });

      test(`seals what we open, fed in any pieces: ${size} bytes`, async () => {
        const plain = bytesOf(size);
        const sealed = await reader.seal(plain, request);
        for (const feed of Object.values(FEEDS)) {
          if (size > SMALL * 2 && feed < 65_536) continue;
          const opened = await open(inChunks(sealed, feed), sealed.length);
          expect(opened.equals(plain)).toBe(true);
        }
      });
    }

    test('opens what we seal from any pieces', async () => {
      const plain = bytesOf(SMALL);
      for (const feed of Object.values(FEEDS)) {
        const sealed = sealAll(createSealer(names), inChunks(plain, feed), 10_007);
        expect((await reader.open(sealed, request)).plain.equals(plain)).toBe(true);
      }
    });

    test('opens short frames and an empty context', async () => {
      const plain = bytesOf(50);
      for (const frameLength of [1, 16]) {
        const short = { ...request, context: {}, frameLength };
        const sealed = sealAll(createSealer({ ...names, context: {}, frameLength }), [plain]);
        expect((await reader.open(sealed, short)).plain.equals(plain)).toBe(true);
      }
    });

    test('opens the known answer', async () => {
      const sealed = sealAll(createSealerBelowProfile(KNOWN), [KNOWN_PLAIN]);
      const opened = await reader.open(sealed, { ...KNOWN, callKey: counting(0, 32) });
      expect(opened.plain.equals(KNOWN_PLAIN)).toBe(true);
    });

    test('reads in sequence what we read as ranges', async () => {
      const sealed = await reader.seal(bytesOf(3 * F + 17), request);
      const { plain } = await reader.open(sealed, request);
      for (const [from, toExclusive] of [
        [0, 1],
        [F - 1, F + 1],
        [F, 2 * F],
        [2 * F + 5, 3 * F + 17],
      ] as const) {
        const range = await openPart(sealed, plain.length, from, toExclusive);
        expect(range.equals(plain.subarray(from, toExclusive))).toBe(true);
      }
    });

    test('refuses under another call key', async () => {
      const opening = reader.open(seal(bytesOf(10)), { ...request, callKey: randomBytes(32) });
      await expect(opening).rejects.toThrow(/unencryptedDataKey|AWSEncryptionSDKClientError/);
    });
  });
}

async function pythonLibrary(): Promise<{
  name: string;
  reader: StockReader & AsyncDisposable;
  missing: string;
}> {
  const name = 'the AWS Encryption SDK for Python';
  const found = await stockPython();
  if ('python' in found) return { name, reader: await stockPythonReader(found.python), missing: '' };
  const refuse = () => Promise.reject(new Error(found.missing));
  return {
    name,
    reader: { open: refuse, seal: refuse, [Symbol.asyncDispose]: async () => {} },
    missing: found.missing,
  };
}

/** The same bytes every time, without a pattern. */
function bytesOf(size: number): Buffer {
  const block = Buffer.from(hkdfSync('sha256', 'stock readers', '', '', 8000));
  return Buffer.alloc(size, block);
}

function seal(plain: Buffer): Buffer {
  return sealAll(createSealer(names), [plain], 8 * 1024 * 1024);
}

async function open(chunks: Buffer[], sealedBytes: number): Promise<Buffer> {
  return await collect(openAll(streamOf(chunks), { ...names, sealedBytes }));
}

async function openPart(
  sealed: Buffer,
  plainBytes: number,
  from: number,
  toExclusive: number,
): Promise<Buffer> {
  const read = (first: number, last: number) => streamOf([sealed.subarray(first, last)]);
  return await collect(
    openRange(read, { ...names, plainBytes, sealedBytes: sealed.length }, { from, toExclusive }),
  );
}

async function collect(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
