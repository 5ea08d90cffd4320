import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type S3Alias, s3Sources } from '../../src/adapters/sources/s3.ts';
import type { Sources } from '../../src/ports/sources.ts';
import { type CuttingProxy, cuttingProxy, type Fate, type SeenRequest } from '../services/cutting-proxy.ts';
import { servicesEnv, whatIsMissing } from '../services/env.ts';
import { patterned } from './objects-parts.ts';
import { bucketOptions, S3_STORES, type S3StoreName, withBucket } from './s3-buckets.ts';
import { sourcesContract } from './sources-suite.ts';
import { s3World } from './sources-worlds.ts';

const KiB = 1024;
const never = new AbortController().signal;
const QUICK = { attempts: 3, firstDelayMs: 1, maxDelayMs: 5 };
const OF_ALIAS = { scope: { tenant: 't-42', alias: 'edge' } };

for (const store of S3_STORES) {
  const missing = await whatIsMissing(store);
  describe.skipIf(missing)(`on ${store} ${missing ?? ''}`, () => {
    sourcesContract(store, async () => await s3World(store));
    whatGoesWrong(store);
  });
}

/** Beyond the contract: what an edge's bucket and the way there can do to us. */
function whatGoesWrong(store: S3StoreName): void {
  let world: Awaited<ReturnType<typeof s3World>>;

  beforeEach(async () => {
    world = await s3World(store);
  });
  afterEach(async () => {
    await world.sources.close();
    await world.dispose();
  });

  const open = (more: Partial<S3Alias>): Sources => {
    const edge = { ...bucketOptions(store, world.bucket), prefix: 't-42/', ...more };
    const sources = s3Sources({ aliases: { 't-42': { edge } }, patience: QUICK });
    onTestFinished(async () => await sources.close());
    return sources;
  };
  const behind = async (
    fateOf: (request: SeenRequest, before: readonly SeenRequest[]) => Fate | undefined,
  ): Promise<{ sources: Sources; proxy: CuttingProxy }> => {
    const { endpoint = '' } = bucketOptions(store, world.bucket);
    const proxy = await cuttingProxy(endpoint, servicesEnv().tls, fateOf);
    onTestFinished(async () => await proxy.close());
    return { sources: open({ endpoint: proxy.endpoint }), proxy };
  };
  const read = async (sources: Sources): Promise<Buffer> => {
    const { body } = await sources.open(world.ref('c-1.wav'), never);
    return Buffer.concat(await Array.fromAsync(body));
  };

  const versioned = async (...puts: number[]): Promise<string> => {
    await withBucket(store, world.bucket, async ({ client, target }) => {
      const on = { Status: 'Enabled' } as const;
      await client.send(new PutBucketVersioningCommand({ ...target, VersioningConfiguration: on }));
    });
    for (const seed of puts) await world.put('c-1.wav', patterned(10, seed));
    return (await world.sources.stat(world.ref('c-1.wav'), never)).version;
  };
  const versionsLeft = async (): Promise<number> =>
    await withBucket(store, world.bucket, async ({ client, target }) => {
      const listed = await client.send(new ListObjectVersionsCommand({ ...target }));
      return (listed.Versions ?? []).length + (listed.DeleteMarkers ?? []).length;
    });

  test('remove deletes every version, the older ones too', async () => {
    const version = await versioned(1, 2, 3);
    expect(await world.sources.stored(world.ref('c-1.wav'), never)).toHaveLength(3);
    expect(await world.sources.remove(world.ref('c-1.wav'), version, never)).toEqual([]);
    expect(await versionsLeft()).toBe(0);
  });

  test('remove of what an edge has deleted in its own way takes versions and delete marker away', async () => {
    const version = await versioned(1, 2);
    await withBucket(store, world.bucket, async ({ client, target }) => {
      await client.send(new DeleteObjectCommand({ ...target, Key: 't-42/c-1.wav' }));
    });
    await expect(world.sources.stat(world.ref('c-1.wav'), never)).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
    });
    expect(await world.sources.stored(world.ref('c-1.wav'), never)).toHaveLength(3);
    expect(await world.sources.remove(world.ref('c-1.wav'), version, never)).toEqual([]);
    expect(await versionsLeft()).toBe(0);
  });

  test('remove deletes no version while a newer one than the named is there', async () => {
    const version = await versioned(1);
    await world.put('c-1.wav', patterned(10, 2));
    const refused = world.sources.remove(world.ref('c-1.wav'), version, never);
    await expect(refused).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(await versionsLeft()).toBe(2);
  });

  test('who may read only can remove nothing: the worker of the edge', async () => {
    await world.put('c-1.wav', patterned(10));
    const { version } = await world.sources.stat(world.ref('c-1.wav'), never);
    const { credentialsFile = '' } = bucketOptions(store, world.bucket, 'intruder');
    const refused = open({ credentialsFile }).remove(world.ref('c-1.wav'), version, never);
    await expect(refused).rejects.toMatchObject({ code: 'SOURCE_DENIED', ...OF_ALIAS });
    expect(await versionsLeft()).toBe(1);
  });

  test('who may not read pauses the alias, and the message does not hold the key', async () => {
    await world.put('c-1.wav', patterned(10));
    const { credentialsFile = '' } = bucketOptions(store, world.bucket, 'intruder');
    const denied = { code: 'SOURCE_DENIED', message: expect.not.stringContaining('c-1'), ...OF_ALIAS };
    await expect(open({ credentialsFile }).stat(world.ref('c-1.wav'), never)).rejects.toMatchObject(denied);
    await expect(open({ credentialsFile }).open(world.ref('c-1.wav'), never)).rejects.toMatchObject(denied);
  });

  test('a bucket that is not there pauses the alias: nothing is called missing', async () => {
    const gone = open({ bucket: `${world.bucket}-gone` });
    const isDown = { code: 'SOURCE_DOWN', ...OF_ALIAS };
    await expect(gone.stat(world.ref('c-1.wav'), never)).rejects.toMatchObject(isDown);
  });

  test('nobody at the port, and a store that only fails, pause the alias', async () => {
    const isDown = { code: 'SOURCE_DOWN', ...OF_ALIAS };
    const silent = open({ endpoint: 'https://localhost:1' });
    await expect(silent.stat(world.ref('c-1.wav'), never)).rejects.toMatchObject(isDown);
    const { sources, proxy } = await behind(() => ({ do: 'answer', status: 503, code: 'SlowDown' }));
    await expect(sources.stat(world.ref('c-1.wav'), never)).rejects.toMatchObject(isDown);
    expect(proxy.seen).toHaveLength(3);
  });

  test('a body that breaks off is read on where it broke, each request for the same version', async () => {
    const content = patterned(3000 * KiB);
    await world.put('c-1.wav', content);
    const { sources, proxy } = await behind(({ method }, before) =>
      method === 'GET' && before.length < 3 ? { do: 'cut-reply', bytes: 1000 * KiB } : undefined,
    );
    expect((await read(sources)).equals(content)).toBe(true);
    const gets = proxy.seen.filter(({ method }) => method === 'GET');
    expect(gets.length).toBeGreaterThanOrEqual(3);
    expect(new Set(gets.map(({ headers }) => headers['if-match'])).size).toBe(1);
    expect(gets.every(({ headers }) => headers['if-match'] !== undefined)).toBe(true);
  });

  test('a source replaced while its broken body is read on is SOURCE_CHANGED, never a mixture', async () => {
    const old = patterned(3000 * KiB, 1);
    await world.put('c-1.wav', old);
    const { sources } = await behind(({ method }) =>
      method === 'GET' ? { do: 'cut-reply', bytes: 1000 * KiB } : undefined,
    );
    const { body } = await sources.open(world.ref('c-1.wav'), never);
    const chunks: Buffer[] = [];
    const reading = async (): Promise<void> => {
      for await (const chunk of body) {
        if (chunks.push(chunk) === 1) await world.put('c-1.wav', patterned(3000 * KiB, 2));
      }
    };
    await expect(reading()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    const bytes = Buffer.concat(chunks);
    expect(bytes.equals(old.subarray(0, bytes.length))).toBe(true);
  });

  test('a body that never brings a byte ends in SOURCE_DOWN', async () => {
    await world.put('c-1.wav', patterned(100));
    const { sources } = await behind(({ method }) =>
      method === 'GET' ? { do: 'cut-reply', bytes: 0 } : undefined,
    );
    await expect(read(sources)).rejects.toMatchObject({ code: 'SOURCE_DOWN', ...OF_ALIAS });
  });

  test('a source that is gone between open and read is missing', async () => {
    const key = await world.put('c-1.wav', patterned(10));
    const { body } = await world.sources.open(world.ref('c-1.wav'), never);
    await withBucket(store, world.bucket, async ({ client, target }) => {
      await client.send(new DeleteObjectCommand({ ...target, Key: key }));
    });
    await expect(Array.fromAsync(body)).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
  });

  test("a tenant's alias reads below its prefix only", async () => {
    await world.put('c-1.wav', patterned(10));
    const theirs = { ...world.ref('c-1.wav'), tenant: 't-43', alias: 'theirs' };
    await expect(world.sources.stat(theirs, never)).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
  });
}
