import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type S3ObjectsOptions, s3Objects } from '../../src/adapters/objects/s3.ts';
import type { Objects } from '../../src/ports/objects.ts';
import { type CuttingProxy, cuttingProxy, type Fate, type SeenRequest } from '../services/cutting-proxy.ts';
import { servicesEnv, whatIsMissing } from '../services/env.ts';
import { CountedParts, patterned } from './objects-parts.ts';
import { objectsContract } from './objects-suite.ts';
import {
  bucketOptions,
  dropBucket,
  makeBucket,
  S3_STORES,
  type S3StoreName,
  withBucket,
} from './s3-buckets.ts';

const MiB = 2 ** 20;
const never = new AbortController().signal;
const NAME = 't-42/call-uid/attempt-uid/audio';
const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const QUICK = { attempts: 4, firstDelayMs: 1, maxDelayMs: 5 };

for (const store of S3_STORES) {
  const missing = await whatIsMissing(store);
  describe.skipIf(missing)(`on ${store} ${missing ?? ''}`, () => {
    objectsContract(store);
    whatGoesWrong(store);
  });
}

/** Beyond the contract: what a network and an S3 store can do to us. */
function whatGoesWrong(store: S3StoreName): void {
  let bucket: string;

  beforeEach(async () => {
    bucket = await makeBucket(store);
  });
  afterEach(async () => await dropBucket(store, bucket));

  const open = (more: Partial<S3ObjectsOptions> = {}): Objects => {
    const objects = s3Objects({ ...bucketOptions(store, bucket), patience: QUICK, ...more });
    onTestFinished(async () => await objects.close());
    return objects;
  };
  /** Objects behind a proxy that decides about each request. */
  const behind = async (
    fateOf: (request: SeenRequest, before: readonly SeenRequest[]) => Fate | undefined,
    more: Partial<S3ObjectsOptions> = {},
  ): Promise<{ objects: Objects; proxy: CuttingProxy }> => {
    const { endpoint = '' } = bucketOptions(store, bucket);
    const proxy = await cuttingProxy(endpoint, servicesEnv().tls, fateOf);
    onTestFinished(async () => await proxy.close());
    return { objects: open({ endpoint: proxy.endpoint, ...more }), proxy };
  };
  const read = async (objects: Objects, range = ALL): Promise<Buffer> =>
    Buffer.concat(await Array.fromAsync(objects.read(NAME, range, never)));
  const list = async () => await Array.fromAsync(open().list('', never));
  const methods = ({ seen }: CuttingProxy): string[] => seen.map(kindOf);

  describe('connections that are cut', () => {
    test('a put cut in the middle is sent again as it was, and its part is released once', async () => {
      const content = patterned(3 * MiB);
      const { objects, proxy } = await behind(({ method }, before) =>
        method === 'PUT' && before.length < 2 ? { do: 'cut', bytes: MiB } : undefined,
      );
      const parts = new CountedParts(content);
      await objects.create(NAME, parts.stream(), never);
      expect(methods(proxy)).toEqual(['put', 'put', 'put']);
      expect(new Set(proxy.seen.map(({ headers }) => headers['x-amz-checksum-crc32'])).size).toBe(1);
      expect((await read(open())).equals(content)).toBe(true);
      expect(parts.releases).toEqual([1]);
    });

    test('parts cut in the middle are sent again as they were, each released once', async () => {
      const content = patterned(20 * MiB + 3);
      const { objects, proxy } = await behind((request, before) =>
        kindOf(request) === 'part' && before.every(({ url }) => url !== request.url)
          ? { do: 'cut', bytes: MiB }
          : undefined,
      );
      const parts = new CountedParts(content, 8 * MiB);
      await objects.create(NAME, parts.stream(), never);
      expect(methods(proxy).filter((kind) => kind === 'part')).toHaveLength(6);
      expect((await read(open())).equals(content)).toBe(true);
      expect(parts.releases).toEqual([1, 1, 1]);
    });

    test('a put whose answer was lost has succeeded: the object there is ours', async () => {
      const { objects, proxy } = await behind(({ method }, before) =>
        method === 'PUT' && before.length === 0 ? { do: 'drop-reply' } : undefined,
      );
      await objects.create(NAME, new CountedParts(patterned(MiB)).stream(), never);
      // Of what is sent again a store may refuse the half, and close: then it is asked.
      expect(new Set(methods(proxy))).toEqual(new Set(['put', 'head']));
      expect((await read(open())).equals(patterned(MiB))).toBe(true);
    });

    test("a put whose answer was lost is refused where the object there is another's", async () => {
      await open().create(NAME, new CountedParts(patterned(MiB, 2)).stream(), never);
      const { objects } = await behind(({ method }) => (method === 'PUT' ? { do: 'drop-reply' } : undefined));
      const creating = objects.create(NAME, new CountedParts(patterned(MiB)).stream(), never);
      await expect(creating).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
      expect((await read(open())).equals(patterned(MiB, 2))).toBe(true);
    });

    test('a completion whose answer was lost is looked for before anything is undone', async () => {
      const content = patterned(9 * MiB);
      const { objects, proxy } = await behind((request) =>
        kindOf(request) === 'complete' ? { do: 'drop-reply' } : undefined,
      );
      await objects.create(NAME, new CountedParts(content, 8 * MiB).stream(), never);
      const kinds = methods(proxy);
      expect(kinds.slice(kinds.indexOf('complete'), kinds.indexOf('complete') + 2)).toEqual([
        'complete',
        'head',
      ]);
      expect(kinds).not.toContain('abort');
      expect((await read(open())).equals(content)).toBe(true);
    });

    test('a completion that never arrives is STORE_DOWN, and nothing is left', async () => {
      const { objects, proxy } = await behind((request) =>
        kindOf(request) === 'complete' ? { do: 'drop-request' } : undefined,
      );
      const parts = new CountedParts(patterned(9 * MiB), 8 * MiB);
      await expect(objects.create(NAME, parts.stream(), never)).rejects.toMatchObject({ code: 'STORE_DOWN' });
      expect(methods(proxy).slice(-2)).toEqual(['head', 'abort']);
      expect(await list()).toEqual([]);
      expect(parts.releases).toEqual([1, 1]);
    });

    test('an upload is not given up while the store cannot be asked whether it was completed', async () => {
      const { objects, proxy } = await behind((request) => {
        if (kindOf(request) === 'complete') return { do: 'drop-reply' };
        return kindOf(request) === 'head' ? { do: 'drop-request' } : undefined;
      });
      const parts = new CountedParts(patterned(9 * MiB), 8 * MiB);
      await expect(objects.create(NAME, parts.stream(), never)).rejects.toMatchObject({ code: 'STORE_DOWN' });
      expect(methods(proxy)).not.toContain('abort');
    });

    test('a part that cannot be sent ends the create at once, and the upload is given up', async () => {
      const { objects } = await behind((request) =>
        kindOf(request) === 'part' ? { do: 'cut', bytes: 1000 } : undefined,
      );
      const parts = new CountedParts(patterned(40 * MiB), 8 * MiB);
      await expect(objects.create(NAME, parts.stream(), never)).rejects.toMatchObject({ code: 'STORE_DOWN' });
      expect(parts.allReleasedOnce && parts.closed).toBe(true);
      expect(await list()).toEqual([]);
    });

    test('a body that breaks off is read on where it broke, from the same version', async () => {
      const content = patterned(3 * MiB);
      await open().create(NAME, new CountedParts(content).stream(), never);
      const { objects, proxy } = await behind(({ method }, before) =>
        method === 'GET' && before.length < 2 ? { do: 'cut-reply', bytes: MiB } : undefined,
      );
      expect((await read(objects, { from: 10, to: 3 * MiB })).equals(content.subarray(10))).toBe(true);
      expect(methods(proxy)).toEqual(['get', 'get', 'get']);
      const [first, ...later] = proxy.seen.map(({ headers }) => headers['if-match']);
      expect(first).toBeUndefined();
      expect(new Set(later).size).toBe(1);
    });
  });

  test('an answer that does not say which range it is is STORE_DOWN, and none of its bytes is handed out', async () => {
    await open().create(NAME, new CountedParts(patterned(1000)).stream(), never);
    const { objects } = await behind(({ method }) => (method === 'GET' ? { do: 'hide-range' } : undefined));
    await expect(read(objects, { from: 10, to: 20 })).rejects.toMatchObject({ code: 'STORE_DOWN' });
  });

  describe('a client that leaves', () => {
    test('an abort in the middle of a put ends it, leaves nothing readable and releases the part', async () => {
      const stop = new AbortController();
      const { objects, proxy } = await behind(({ method }) =>
        method === 'PUT' ? { do: 'hang', bytes: MiB } : undefined,
      );
      const parts = new CountedParts(patterned(3 * MiB));
      const creating = objects.create(NAME, parts.stream(), stop.signal);
      await proxy.hanging;
      expect(parts.releases).toEqual([0]);
      stop.abort();
      await expect(creating).rejects.toMatchObject({ name: 'AbortError' });
      expect(parts.releases).toEqual([1]);
      expect(await list()).toEqual([]);
    });

    test('an abort while the answer of a put is on its way takes the object back', async () => {
      const stop = new AbortController();
      const { objects } = await behind(({ method }, before) => {
        if (method !== 'PUT' || before.length > 0) return undefined;
        stop.abort();
        return { do: 'drop-reply' };
      });
      const creating = objects.create(NAME, new CountedParts(patterned(100)).stream(), stop.signal);
      await expect(creating).rejects.toMatchObject({ name: 'AbortError' });
      expect(await open().stat(NAME, never)).toBeUndefined();
    });

    test('a process killed in the middle of a put leaves no object that could be read', async () => {
      const { proxy } = await behind(({ method }) =>
        method === 'PUT' ? { do: 'hang', bytes: 2 * MiB } : undefined,
      );
      const program = join(import.meta.dirname, 's3-child.ts');
      const args = [program, store, bucket, proxy.endpoint, NAME, String(4 * MiB)];
      const child = spawn(process.execPath, ['--no-warnings', ...args], { stdio: 'inherit' });
      await proxy.hanging;
      child.kill('SIGKILL');
      await once(child, 'exit');
      await proxy.close();
      // Asked through the store itself, until it has noticed that its client is gone.
      expect(await open().stat(NAME, never)).toBeUndefined();
      await expect(read(open())).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
      expect((await list()).filter(({ unfinished }) => !unfinished)).toEqual([]);
    });
  });

  describe('a store that says no', () => {
    for (const [status, code, ours, tries] of [
      [503, 'SlowDown', 'STORE_DOWN', 4],
      [500, 'InternalError', 'STORE_DOWN', 4],
      [400, 'RequestTimeout', 'STORE_DOWN', 4],
      [403, 'AccessDenied', 'STORE_DENIED', 1],
      [403, 'SignatureDoesNotMatch', 'STORE_DENIED', 1],
      [403, 'RequestTimeTooSkewed', 'STORE_DENIED', 1],
      [507, 'InsufficientStorage', 'STORE_FULL', 1],
      [403, 'QuotaExceeded', 'STORE_FULL', 1],
      [404, 'NoSuchBucket', 'STORE_DOWN', 1],
      [400, 'InvalidRequest', 'STORE_DENIED', 1],
      [501, 'NotImplemented', 'STORE_DENIED', 1],
    ] as const) {
      test(`${status} ${code} is ${ours} after ${tries} tries, without a name in the message`, async () => {
        const { objects, proxy } = await behind(({ method }) =>
          method === 'PUT' ? { do: 'answer', status, code } : undefined,
        );
        const parts = new CountedParts(patterned(100));
        const failed = objects.create(NAME, parts.stream(), never);
        await expect(failed).rejects.toMatchObject({
          code: ours,
          message: expect.not.stringMatching(/t-42|call-uid|test-|as told/),
        });
        expect(methods(proxy).filter((kind) => kind === 'put')).toHaveLength(tries);
        expect(parts.releases).toEqual([1]);
      });
    }

    test('a store that comes back in time is not noticed', async () => {
      const { objects } = await behind((_, before) =>
        before.length < 3 ? { do: 'answer', status: 503, code: 'SlowDown' } : undefined,
      );
      await objects.create(NAME, new CountedParts(patterned(100)).stream(), never);
      expect((await read(objects)).equals(patterned(100))).toBe(true);
    });

    test('somebody without rights is STORE_DENIED, for large bodies and small ones', async () => {
      const { credentialsFile = '' } = bucketOptions(store, bucket, 'intruder');
      const objects = open({ credentialsFile });
      for (const bytes of [10, 4 * MiB]) {
        const creating = objects.create(NAME, new CountedParts(patterned(bytes)).stream(), never);
        await expect(creating).rejects.toMatchObject({ code: 'STORE_DENIED' });
      }
      await expect(objects.stat(NAME, never)).rejects.toMatchObject({ code: 'STORE_DENIED' });
      await expect(read(objects)).rejects.toMatchObject({ code: 'STORE_DENIED' });
      await expect(objects.remove(NAME, never)).rejects.toMatchObject({ code: 'STORE_DENIED' });
      await expect(Array.fromAsync(objects.list('', never))).rejects.toMatchObject({ code: 'STORE_DENIED' });
    });

    test('a bucket of another account than the settings say is STORE_DENIED', async ({ skip }) => {
      if (store === 's3-second') skip('skipped: this store ignores the expected owner');
      const objects = open({ expectedOwner: '999999999999' });
      const creating = objects.create(NAME, new CountedParts(patterned(10)).stream(), never);
      await expect(creating).rejects.toMatchObject({ code: 'STORE_DENIED' });
      await expect(objects.stat(NAME, never)).rejects.toMatchObject({ code: 'STORE_DENIED' });
      expect(await list()).toEqual([]);
    });

    test('every request names the owner that is expected', async () => {
      const { objects, proxy } = await behind(() => ({ do: 'pass' }), { expectedOwner: '111122223333' });
      const end = async (act: Promise<unknown>): Promise<unknown> => await act.catch(() => undefined);
      await end(objects.create(NAME, new CountedParts(patterned(10)).stream(), never));
      await end(objects.create(`${NAME}-2`, new CountedParts(patterned(9 * MiB), 8 * MiB).stream(), never));
      await end(objects.stat(NAME, never));
      await end(read(objects));
      await end(Array.fromAsync(objects.list('', never)));
      await end(objects.remove(NAME, never));
      const owners = proxy.seen.map(({ headers }) => headers['x-amz-expected-bucket-owner']);
      expect(new Set(owners)).toEqual(new Set(['111122223333']));
    });

    test('a bucket that is not there is STORE_DOWN for every method: "nothing there" would be a lie', async () => {
      const objects = open({ bucket: `${bucket}-gone` });
      const isDown = { code: 'STORE_DOWN' };
      const creating = objects.create(NAME, new CountedParts(patterned(10)).stream(), never);
      await expect(creating).rejects.toMatchObject(isDown);
      await expect(objects.stat(NAME, never)).rejects.toMatchObject(isDown);
      await expect(read(objects)).rejects.toMatchObject(isDown);
      await expect(objects.remove(NAME, never)).rejects.toMatchObject(isDown);
      await expect(Array.fromAsync(objects.list('', never))).rejects.toMatchObject(isDown);
    });

    test('a connection on which nothing moves is given up', async () => {
      const { objects } = await behind(() => ({ do: 'hang', bytes: 10 }), {
        idleTimeoutMs: 150,
        patience: { ...QUICK, attempts: 1 },
      });
      const creating = objects.create(NAME, new CountedParts(patterned(MiB)).stream(), never);
      await expect(creating).rejects.toMatchObject({ code: 'STORE_DOWN' });
    });

    test('a server of another authority is not spoken to, and not asked twice', async () => {
      const { objects, proxy } = await behind(() => undefined, { ca: null });
      await expect(objects.stat(NAME, never)).rejects.toMatchObject({ code: 'STORE_DOWN' });
      expect(proxy.seen).toEqual([]);
    });

    test('nobody at the port is STORE_DOWN', async () => {
      await expect(open({ endpoint: 'https://localhost:1' }).stat(NAME, never)).rejects.toMatchObject({
        code: 'STORE_DOWN',
      });
    });

    test('an endpoint without TLS is refused', () => {
      expect(() => open({ endpoint: 'http://localhost:1' })).toThrow(/https only/);
    });
  });

  describe('versions and locks', () => {
    test('remove takes every version and delete marker', async () => {
      await withBucket(store, bucket, async ({ client, target }) => {
        const VersioningConfiguration = { Status: 'Enabled' } as const;
        await client.send(new PutBucketVersioningCommand({ ...target, VersioningConfiguration }));
        for (let i = 0; i < 3; i++) {
          await client.send(new PutObjectCommand({ ...target, Key: NAME, Body: `version ${i}` }));
        }
      });
      const objects = open();
      await objects.create(`${NAME}-2`, new CountedParts(patterned(10)).stream(), never);
      expect(await objects.remove(NAME, never)).toEqual([]);
      expect(await list()).toEqual([{ name: `${NAME}-2`, bytes: 10, unfinished: false }]);
      await objects.remove(`${NAME}-2`, never);
    });

    test('a version that the store holds is named by remove as still there', async () => {
      const locked = await makeBucket(store, { locked: true });
      onTestFinished(async () => await dropBucket(store, locked));
      const until = new Date(Date.now() + 3_600_000);
      const version = await withBucket(store, locked, async ({ client, target }) => {
        const command = new PutObjectCommand({
          ...target,
          Key: NAME,
          Body: 'kept',
          ChecksumAlgorithm: 'CRC32',
          ObjectLockMode: 'GOVERNANCE',
          ObjectLockRetainUntilDate: until,
        });
        return (await client.send(command)).VersionId;
      });
      const objects = open({ bucket: locked });
      expect(await objects.remove(NAME, never)).toEqual([`${NAME}@${version}`]);
      expect((await read(objects)).toString()).toBe('kept');
    });
  });
}

/** What a request asks the store for. */
function kindOf({ method, url }: SeenRequest): string {
  const { searchParams: query } = new URL(url, 'https://store');
  if (method === 'POST') return query.has('uploads') ? 'begin' : 'complete';
  if (method === 'DELETE') return query.has('uploadId') ? 'abort' : 'delete';
  if (method === 'PUT') return query.has('partNumber') ? 'part' : 'put';
  return method.toLowerCase();
}
