import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failureCode } from './failure-code.ts';
import { patterned } from './objects-parts.ts';
import type { SourcesWorld } from './sources-worlds.ts';

const KiB = 1024;
const never = new AbortController().signal;

/** What every source adapter must do (src/ports/sources.ts). */
export function sourcesContract(name: string, make: () => Promise<SourcesWorld>): void {
  describe(`sources: ${name}`, () => {
    let world: SourcesWorld;

    beforeEach(async () => {
      world = await make();
    });
    afterEach(async () => {
      await world.sources.close();
      await world.dispose();
    });

    const readAll = async (key: string): Promise<Buffer> => {
      const { body } = await world.sources.open(world.ref(key), never);
      return Buffer.concat(await Array.fromAsync(body));
    };

    for (const bytes of [0, 1, 256 * KiB - 1, 256 * KiB, 256 * KiB + 1, 3000 * KiB + 7]) {
      test(`${bytes} bytes come as they are, with their length told before`, async () => {
        const content = patterned(bytes);
        await world.put('day/c-1.wav', content);
        const opened = await world.sources.open(world.ref('day/c-1.wav'), never);
        expect(opened.bytes).toBe(bytes);
        expect(Buffer.concat(await Array.fromAsync(opened.body)).equals(content)).toBe(true);
      });
    }

    test('each chunk is fresh: it has its memory to itself and may be detached', async () => {
      const content = patterned(1000 * KiB);
      await world.put('c-1.wav', content);
      let at = 0;
      for await (const chunk of (await world.sources.open(world.ref('c-1.wav'), never)).body) {
        expect([chunk.byteOffset, chunk.buffer.byteLength]).toEqual([0, chunk.length]);
        expect(chunk.equals(content.subarray(at, (at += chunk.length)))).toBe(true);
        (chunk.buffer as ArrayBuffer).transfer(0);
      }
      expect(at).toBe(content.length);
    });

    test('the version stays while the bytes do, for open and stat alike', async () => {
      await world.put('c-1.wav', patterned(10));
      const first = await world.sources.stat(world.ref('c-1.wav'), never);
      await readAll('c-1.wav');
      const { bytes, version } = await world.sources.open(world.ref('c-1.wav'), never);
      expect({ bytes, version }).toEqual(first);
      expect(first.bytes).toBe(10);
    });

    test('other bytes of the same length are another version', async () => {
      await world.put('c-1.wav', patterned(10, 1));
      const first = await world.sources.stat(world.ref('c-1.wav'), never);
      await world.put('c-1.wav', patterned(10, 2));
      const second = await world.sources.stat(world.ref('c-1.wav'), never);
      expect(second.bytes).toBe(10);
      expect(second.version).not.toBe(first.version);
    });

    test('what is not there says so, by open and stat alike', async () => {
      await world.put('day/c-1.wav', patterned(10));
      for (const key of ['day/c-2.wav', 'day/c-1.wa', 'day/c-1.wav2', 'night/c-1.wav']) {
        await expect(world.sources.stat(world.ref(key), never)).rejects.toMatchObject({
          code: world.missing,
        });
        await expect(world.sources.open(world.ref(key), never)).rejects.toMatchObject({
          code: world.missing,
        });
      }
    });

    for (const [tenant, alias] of [
      ['t-42', 'theirs'],
      ['t-42', 'nowhere'],
      ['t-43', 'edge'],
      ['t-44', 'edge'],
      ['constructor', 'name'],
      ['t-42', 'constructor'],
      ['__proto__', 'toString'],
    ] as const) {
      test(`${alias} is no alias of ${tenant}`, async () => {
        await world.put('c-1.wav', patterned(10));
        const ref = { ...world.ref('c-1.wav'), tenant, alias };
        const refused = { code: 'ALIAS_NOT_OF_TENANT' };
        await expect(world.sources.open(ref, never)).rejects.toMatchObject(refused);
        await expect(world.sources.stat(ref, never)).rejects.toMatchObject(refused);
        await expect(world.sources.stored(ref, never)).rejects.toMatchObject(refused);
        await expect(world.sources.remove(ref, 'v', never)).rejects.toMatchObject(refused);
      });
    }

    for (const key of [
      '',
      '.',
      '..',
      '../theirs/c-1.wav',
      'day/../../theirs/c-1.wav',
      'day/..',
      './c-1.wav',
      'day//c-1.wav',
      'day/',
      '/etc/passwd',
      '//host/share',
      'c-1.wav\0.txt',
      'c-1\n.wav',
      'c-1\u0085.wav',
      'file:///etc/passwd',
      'file:c-1.wav',
      'https://example.com/c-1.wav',
      's3://bucket/c-1.wav',
      'data:text/plain,x',
      'day\\..\\c-1.wav',
      'x'.repeat(1025),
    ]) {
      test(`the key ${JSON.stringify(key.slice(0, 40))} is forbidden, and does not stand in the message`, async () => {
        const forbidden = { code: 'SOURCE_KEY_FORBIDDEN', message: expect.not.stringContaining('c-1') };
        await expect(world.sources.open(world.ref(key), never)).rejects.toMatchObject(forbidden);
        await expect(world.sources.stat(world.ref(key), never)).rejects.toMatchObject(forbidden);
        await expect(world.sources.stored(world.ref(key), never)).rejects.toMatchObject(forbidden);
        await expect(world.sources.remove(world.ref(key), 'v', never)).rejects.toMatchObject(forbidden);
      });
    }

    for (const key of [
      '..c-1.wav',
      'c-1..wav',
      'a b/ü/音声.wav',
      '%2e%2e/c',
      '-rf',
      '~',
      '$HOME',
      `${'x'.repeat(200)}/y`,
    ]) {
      test(`the key ${JSON.stringify(key.slice(0, 40))} is a plain name, taken as it is`, async () => {
        await world.put(key, patterned(10));
        expect((await readAll(key)).equals(patterned(10))).toBe(true);
      });
    }

    for (const when of ['before its first chunk', 'after its first chunk']) {
      test(`a source replaced ${when} gives the old bytes or SOURCE_CHANGED, never a mixture`, async () => {
        const old = patterned(1500 * KiB, 1);
        await world.put('c-1.wav', old);
        const { body } = await world.sources.open(world.ref('c-1.wav'), never);
        const read: Buffer[] = [];
        const reading = async (): Promise<void> => {
          if (when.startsWith('before')) await world.put('c-1.wav', patterned(1500 * KiB, 2));
          for await (const chunk of body) {
            read.push(chunk);
            if (read.length === 1 && when.startsWith('after')) {
              await world.put('c-1.wav', patterned(1500 * KiB, 2));
            }
          }
        };
        const end = await failureCode(reading());
        const bytes = Buffer.concat(read);
        expect(bytes.equals(old.subarray(0, bytes.length))).toBe(true);
        expect(end).toBe(bytes.length === old.length ? 'none' : 'SOURCE_CHANGED');
      });
    }

    test('an abort ends a body between chunks', async () => {
      await world.put('c-1.wav', patterned(1500 * KiB));
      const stop = new AbortController();
      const { body } = await world.sources.open(world.ref('c-1.wav'), stop.signal);
      const reading = async (): Promise<void> => {
        for await (const chunk of body) if (chunk.length > 0) stop.abort();
      };
      await expect(reading()).rejects.toMatchObject({ name: 'AbortError' });
    });

    test('an aborted signal is refused by every method', async () => {
      await world.put('c-1.wav', patterned(10));
      const isAbort = { name: 'AbortError' };
      await expect(world.sources.open(world.ref('c-1.wav'), AbortSignal.abort())).rejects.toMatchObject(
        isAbort,
      );
      await expect(world.sources.stat(world.ref('c-1.wav'), AbortSignal.abort())).rejects.toMatchObject(
        isAbort,
      );
      const aborted = AbortSignal.abort();
      await expect(world.sources.stored(world.ref('c-1.wav'), aborted)).rejects.toMatchObject(isAbort);
      await expect(world.sources.remove(world.ref('c-1.wav'), 'v', aborted)).rejects.toMatchObject(isAbort);
      expect(await readAll('c-1.wav')).toHaveLength(10);
    });

    test('remove deletes the version that is named; then nothing is stored, and nothing else is touched', async () => {
      await world.put('day/c-1.wav', patterned(10));
      await world.put('day/c-1.wav2', patterned(10));
      const { version } = await world.sources.stat(world.ref('day/c-1.wav'), never);
      expect(await world.sources.stored(world.ref('day/c-1.wav'), never)).toHaveLength(1);
      expect(await world.sources.remove(world.ref('day/c-1.wav'), version, never)).toEqual([]);
      expect(await world.sources.stored(world.ref('day/c-1.wav'), never)).toEqual([]);
      await expect(world.sources.stat(world.ref('day/c-1.wav'), never)).rejects.toMatchObject({
        code: 'SOURCE_MISSING',
      });
      expect(await readAll('day/c-1.wav2')).toHaveLength(10);
    });

    test('remove of another version deletes nothing', async () => {
      await world.put('c-1.wav', patterned(10, 1));
      const { version } = await world.sources.stat(world.ref('c-1.wav'), never);
      await world.put('c-1.wav', patterned(10, 2));
      const refused = world.sources.remove(world.ref('c-1.wav'), version, never);
      await expect(refused).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
      expect((await readAll('c-1.wav')).equals(patterned(10, 2))).toBe(true);
    });

    test('of what is not there nothing is stored, and there is nothing to remove', async () => {
      await world.put('c-1.wav', patterned(10));
      const { version } = await world.sources.stat(world.ref('c-1.wav'), never);
      await world.sources.remove(world.ref('c-1.wav'), version, never);
      expect(await world.sources.stored(world.ref('c-1.wav'), never)).toEqual([]);
      const again = world.sources.remove(world.ref('c-1.wav'), version, never);
      await expect(again).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
    });

    test('a body may be left early, or never be read', async () => {
      await world.put('c-1.wav', patterned(1500 * KiB));
      for await (const chunk of (await world.sources.open(world.ref('c-1.wav'), never)).body) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      await world.sources.open(world.ref('c-1.wav'), never);
      expect(await readAll('c-1.wav')).toHaveLength(1500 * KiB);
    });
  });
}
