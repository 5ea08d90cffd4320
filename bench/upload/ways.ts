import { createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { Readable } from 'node:stream';
import { HeadObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { s3Objects } from '../../src/adapters/objects/s3.ts';
import type { BucketOptions } from '../../src/adapters/s3/bucket.ts';
import type { Part } from '../../src/ports/objects.ts';
import { createOpener } from '../../src/seal/opener.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { sealInto } from '../../src/seal/streams.ts';
import { type PartPool, partPool } from '../../src/work/part-pool.ts';
import { plaintext } from './plaintext.ts';

const PART_BYTES = 8 * 2 ** 20;
const never = new AbortController().signal;

/** One way to bring a stream into the store. */
export interface Way {
  upload(key: string, bytes: number): Promise<void>;
  /** Throws unless the store holds what was uploaded. */
  verify(key: string, bytes: number): Promise<void>;
  close(): Promise<void>;
}

export const WAYS = {
  /** As the worker does it: sealed, with the plaintext digest, in parts of one budget. */
  sealed: (bucket: BucketOptions, budgetBytes: number): Way => {
    const pool = partPool(budgetBytes);
    const objects = s3Objects({ ...bucket, maxSockets: 2 * Math.ceil(budgetBytes / PART_BYTES) });
    return {
      upload: async (key, bytes) => void (await objects.create(key, sealedParts(bytes, pool), never)),
      verify: async (key, bytes) => {
        const opener = createOpener(IDENTITY);
        let opened = 0;
        for await (const chunk of objects.read(key, { from: 0, to: Number.MAX_SAFE_INTEGER }, never)) {
          for (const plain of opener.push(chunk)) opened += plain.length;
        }
        if (opener.finish().plainBytes !== bytes || opened !== bytes)
          throw new Error('opened another length');
      },
      close: async () => await objects.close(),
    };
  },
  /** lib-storage with the SDK as it comes; the authority is trusted by NODE_EXTRA_CA_CERTS. Unsealed. */
  defaults: ({ region, endpoint = '', bucket }: BucketOptions): Way =>
    libStorage(bucket, new S3Client({ region, endpoint, forcePathStyle: true }), {}),
  /** lib-storage with every setting of docs/performance.md. Unsealed. */
  tuned: (options: BucketOptions): Way => {
    const { region, endpoint = '', bucket, ca } = options;
    const agent = new Agent({ keepAlive: true, maxSockets: 64, ...(ca && { ca: readFileSync(ca) }) });
    const client = new S3Client({ ...TUNED, region, endpoint, requestHandler: { httpsAgent: agent } });
    client.middlewareStack.add(
      (next) => async (args) => {
        if (hasHeaders(args.request)) args.request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
        return await next(args);
      },
      { step: 'build', name: 'unsignedPayload' },
    );
    return libStorage(bucket, client, { partSize: PART_BYTES, queueSize: 2 });
  },
} as const;

export type WayName = keyof typeof WAYS;

const TUNED: S3ClientConfig = {
  forcePathStyle: true,
  cacheMiddleware: true,
  expectContinueHeader: false,
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
};

const IDENTITY = {
  namespace: 'callseal',
  keyName: 'bench-key',
  context: { tenant: 't-42', call: 'c-0001', artifact: 'a-01', kind: 'audio' },
  callKey: createSecretKey(randomBytes(32)),
};

async function* sealedParts(bytes: number, pool: PartPool): AsyncGenerator<Part, void, void> {
  const sealer = createSealer({ ...IDENTITY, declaredBytes: bytes, detachChunks: true });
  const take = async (): Promise<Buffer> => await pool.take(PART_BYTES, never);
  const giveBack = (buffer: Buffer): void => pool.giveBack(buffer);
  for await (const part of sealInto(plaintext(bytes), sealer, take, giveBack)) {
    const { buffer, length, last } = part;
    yield { bytes: buffer.subarray(0, length), last, release: () => giveBack(buffer) };
  }
}

function libStorage(
  bucket: string,
  client: S3Client,
  options: { readonly partSize?: number; readonly queueSize?: number },
): Way {
  return {
    upload: async (key, bytes) => {
      const params = { Bucket: bucket, Key: key, Body: Readable.from(plaintext(bytes)) };
      await new Upload({ client, params, ...options }).done();
    },
    verify: async (key, bytes) => {
      const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      if (ContentLength !== bytes) throw new Error('the store holds another length');
    },
    close: async () => client.destroy(),
  };
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request;
}
