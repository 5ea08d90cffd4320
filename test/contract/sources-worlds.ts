import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { filesSources } from '../../src/adapters/sources/files.ts';
import { oneCallSources } from '../../src/adapters/sources/one-call.ts';
import { s3Sources } from '../../src/adapters/sources/s3.ts';
import type { Code } from '../../src/domain/errors.ts';
import { ONE_CALL_ALIAS } from '../../src/domain/tenants.ts';
import type { SourceRef, Sources } from '../../src/ports/sources.ts';
import { bucketOptions, dropBucket, makeBucket, type S3StoreName, withBucket } from './s3-buckets.ts';

/** An edge that puts files where the sources under test read them. */
export interface SourcesWorld {
  readonly sources: Sources;
  /** A reference to `key` by the alias that the world puts into. */
  ref(key: string): SourceRef;
  /** Puts a whole new version of `key`. @returns the path of the file, where it is one. */
  put(key: string, bytes: Uint8Array): Promise<string>;
  /** What a well-formed key without a source fails with. */
  readonly missing: Code;
  dispose(): Promise<void>;
}

const CALL = { tenant: 't-42', call: 'c-1', revision: 1 } as const;

async function putFile(path: string, bytes: Uint8Array): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
  return path;
}

/** Two tenants: `t-42` with the alias `edge`, `t-43` with `theirs`. */
export async function filesWorld(): Promise<
  SourcesWorld & { readonly folder: string; readonly root: string }
> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-sources-'));
  const root = join(folder, 'edge');
  await mkdir(root);
  await mkdir(join(folder, 'theirs'));
  const aliases = { 't-42': { edge: { root } }, 't-43': { theirs: { root: join(folder, 'theirs') } } };
  return {
    folder,
    root,
    sources: filesSources({ aliases }),
    ref: (key) => ({ ...CALL, alias: 'edge', key }),
    put: async (key, bytes) => await putFile(join(root, key), bytes),
    missing: 'SOURCE_MISSING',
    dispose: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** Each key that is put is a file that the operator named for call `c-1`, revision 1. */
export async function oneCallWorld(): Promise<SourcesWorld & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-one-call-'));
  const named = new Map<string, string>();
  const idOf = (of: Omit<SourceRef, 'alias'>): string =>
    JSON.stringify([of.tenant, of.call, of.revision, of.key]);
  return {
    folder,
    sources: oneCallSources({ ledger: { oneCallSource: async (ref) => named.get(idOf(ref)) } }),
    ref: (key) => ({ ...CALL, alias: ONE_CALL_ALIAS, key }),
    put: async (key, bytes) => {
      const path = await putFile(join(folder, key), bytes);
      named.set(idOf({ ...CALL, key }), path);
      return path;
    },
    missing: 'SOURCE_KEY_FORBIDDEN',
    dispose: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** The two tenants in one bucket, each under its own prefix. `put` returns the key in the bucket. */
export async function s3World(store: S3StoreName): Promise<SourcesWorld & { readonly bucket: string }> {
  const bucket = await makeBucket(store);
  const options = bucketOptions(store, bucket);
  const aliases = {
    't-42': { edge: { ...options, prefix: 't-42/' } },
    't-43': { theirs: { ...options, prefix: 't-43/' } },
  };
  return {
    bucket,
    sources: s3Sources({ aliases }),
    ref: (key) => ({ ...CALL, alias: 'edge', key }),
    put: async (key, bytes) => {
      await withBucket(store, bucket, async ({ client, target }) => {
        await client.send(new PutObjectCommand({ ...target, Key: `t-42/${key}`, Body: bytes }));
      });
      return `t-42/${key}`;
    },
    missing: 'SOURCE_MISSING',
    dispose: async () => await dropBucket(store, bucket),
  };
}
