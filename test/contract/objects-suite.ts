import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ListedObject, Objects } from '../../src/ports/objects.ts';
import { CountedParts, patterned } from './objects-parts.ts';
import { OBJECTS_WORLDS, type ObjectsWorld, openObjects } from './objects-worlds.ts';
import { runProgram } from './run-program.ts';

const MiB = 2 ** 20;
const never = new AbortController().signal;
const NAME = 't-42/call-uid/attempt-uid/audio';
const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };

/** What every object store must do (src/ports/objects.ts). */
export function objectsContract(kind: string): void {
  describe(`objects of kind ${kind}`, () => {
    let world: ObjectsWorld;
    let objects: Objects;

    beforeEach(async () => {
      world = (await OBJECTS_WORLDS[kind]?.make()) as ObjectsWorld;
      objects = openObjects(world);
    });
    afterEach(async () => {
      await objects.close();
      await world.dispose();
    });

    const create = async (name: string, bytes: Buffer, partBytes?: number) =>
      await objects.create(name, new CountedParts(bytes, partBytes).stream(), never);
    const child = async (name: string, bytes: number, seed: number, dieAt = '', env = {}) =>
      await runProgram(
        'objects-child.ts',
        [world.kind, world.location, name, String(bytes), String(seed), dieAt],
        { env },
      );
    const expectNothingReadable = async (name = NAME): Promise<void> => {
      expect(await objects.stat(name, never)).toBeUndefined();
      await expect(readAll(objects, name)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
      expect((await listAll(objects, '')).filter((found) => !found.unfinished)).toEqual([]);
    };

    describe('create', () => {
      for (const [bytes, partBytes] of [
        [0, 1],
        [1, 1],
        [64 * 1024, 64 * 1024],
        [256 * 1024 + 1, 256 * 1024 + 1],
        [20 * MiB + 3, 8 * MiB],
      ] as const) {
        test(`${bytes} bytes in parts of ${partBytes} are whole when it resolves, and told by length and CRC-32`, async () => {
          const content = patterned(bytes);
          const parts = new CountedParts(content, partBytes);
          const stored = await objects.create(NAME, parts.stream(), never);
          expect(stored).toMatchObject({ name: NAME, bytes });
          expect([undefined, crc32(content)]).toContain(stored.crc32);
          expect((await readAll(objects, NAME)).equals(content)).toBe(true);
          expect(await objects.stat(NAME, never)).toMatchObject({ name: NAME, bytes });
          expect(parts.allReleasedOnce && parts.closed).toBe(true);
        });
      }

      test('what was created is there for whoever opens the store next', async () => {
        await create(NAME, patterned(100));
        const again = openObjects(world);
        expect((await readAll(again, NAME)).equals(patterned(100))).toBe(true);
        await again.close();
      });

      test('a taken name is refused, its bytes untouched and every part released', async () => {
        await create(NAME, patterned(1000, 1));
        const parts = new CountedParts(patterned(2000, 2), 1000);
        await expect(objects.create(NAME, parts.stream(), never)).rejects.toMatchObject({
          code: 'OBJECT_EXISTS',
        });
        expect((await readAll(objects, NAME)).equals(patterned(1000, 1))).toBe(true);
        expect(parts.allReleasedOnce && parts.closed).toBe(true);
        expect(await listAll(objects, '')).toEqual([{ name: NAME, bytes: 1000, unfinished: false }]);
      });

      test('of many creates of one name at once one wins, whole', async () => {
        const seeds = [1, 2, 3, 4, 5, 6];
        const ended = await Promise.allSettled(
          seeds.map(async (seed) => await create(NAME, patterned(300_000, seed), 50_000)),
        );
        const winners = seeds.filter((_, i) => ended[i]?.status === 'fulfilled');
        expect(winners).toHaveLength(1);
        expect((await readAll(objects, NAME)).equals(patterned(300_000, winners[0]))).toBe(true);
      });

      test('of two processes that create one name at once one wins, whole', async ({ skip }) => {
        if (OBJECTS_WORLDS[kind]?.oneWinnerInParts === false) skip('skipped: this store lets both win');
        const both = await Promise.all([child(NAME, 12 * MiB, 1), child(NAME, 12 * MiB, 2)]);
        expect(both.map(({ stdout }) => stdout).toSorted()).toEqual(['OBJECT_EXISTS', 'created']);
        const seed = both[0].stdout === 'created' ? 1 : 2;
        expect((await readAll(objects, NAME)).equals(patterned(12 * MiB, seed))).toBe(true);
      });

      for (const failing of [0, 1, 2]) {
        test(`an error of the producer before part ${failing} comes out as it is, and nothing is readable`, async () => {
          const parts = new CountedParts(patterned(3000), 1000);
          const wrong = Object.assign(new Error('mine'), { code: 'ENOSPC', syscall: 'read' });
          const stream = parts.stream((part) => {
            if (part === failing) throw wrong;
          });
          await expect(objects.create(NAME, stream, never)).rejects.toBe(wrong);
          expect(parts.allReleasedOnce && parts.closed).toBe(true);
          await expectNothingReadable();
        });
      }

      test('an error of the producer behind the last part still stores nothing', async () => {
        const parts = new CountedParts(patterned(2000), 1000);
        const wrong = new Error('the totals differ');
        const stream = parts.stream((part) => {
          if (part === 2) throw wrong;
        });
        await expect(objects.create(NAME, stream, never)).rejects.toBe(wrong);
        expect(parts.allReleasedOnce && parts.closed).toBe(true);
        await expectNothingReadable();
      });

      test('parts that end without a last one store nothing', async () => {
        const parts = new CountedParts(patterned(2000), 1000);
        const torn = async function* () {
          for await (const part of parts.stream()) yield { ...part, last: false };
        };
        await expect(objects.create(NAME, torn(), never)).rejects.toMatchObject({ code: 'BUG' });
        expect(parts.allReleasedOnce && parts.closed).toBe(true);
        await expectNothingReadable();
      });

      test('an abort before the start pulls nothing', async () => {
        const parts = new CountedParts(patterned(10));
        const creating = objects.create(NAME, parts.stream(), AbortSignal.abort());
        await expect(creating).rejects.toMatchObject({ name: 'AbortError' });
        expect(parts.releases).toEqual([]);
        await expectNothingReadable();
      });

      for (const at of [0, 1, 3]) {
        test(`an abort before part ${at} of 3 leaves nothing readable`, async () => {
          const stop = new AbortController();
          const parts = new CountedParts(patterned(3000), 1000);
          const stream = parts.stream((part) => part === at && stop.abort());
          await expect(objects.create(NAME, stream, stop.signal)).rejects.toMatchObject({
            name: 'AbortError',
          });
          await turnOfTheLoop();
          expect(parts.allReleasedOnce && parts.closed).toBe(true);
          await expectNothingReadable();
        });
      }

      test('an abort does not wait for a producer that is stuck, and its late part is released', async () => {
        const stop = new AbortController();
        const stuck = Promise.withResolvers<void>();
        const reached = Promise.withResolvers<void>();
        const parts = new CountedParts(patterned(2000), 1000);
        const stream = parts.stream((part) => {
          if (part !== 1) return;
          reached.resolve();
          return stuck.promise;
        });
        const creating = objects.create(NAME, stream, stop.signal);
        await reached.promise;
        stop.abort();
        await expect(creating).rejects.toMatchObject({ name: 'AbortError' });
        stuck.resolve();
        await turnOfTheLoop();
        expect(parts.releases).toEqual([1, 1]);
        expect(parts.closed).toBe(true);
        await expectNothingReadable();
      });

      test('an abort after it resolved changes nothing', async () => {
        const stop = new AbortController();
        await objects.create(NAME, new CountedParts(patterned(10)).stream(), stop.signal);
        stop.abort();
        expect((await readAll(objects, NAME)).equals(patterned(10))).toBe(true);
      });

      test('an object killed in the middle is not readable, is listed as unfinished, and goes with remove', async () => {
        const { signal } = await child(NAME, 20 * MiB, 1, '2');
        expect(signal).toBe('SIGKILL');
        await expectNothingReadable();
        const left = await listAll(objects, NAME);
        expect(left.length).toBeGreaterThan(0);
        expect(left.every(({ name, unfinished }) => name === NAME && unfinished)).toBe(true);
        expect(await objects.remove(NAME, never)).toEqual([]);
        expect(await listAll(objects, '')).toEqual([]);
      });

      test('what a killed process left does not stand in the way of a new object of that name', async () => {
        await child(NAME, 20 * MiB, 1, '2');
        await create(NAME, patterned(500));
        expect((await readAll(objects, NAME)).equals(patterned(500))).toBe(true);
      });

      test('killed right before the object is visible: nothing is readable', async () => {
        const end = await child(NAME, 1000, 1, '', { CALLSEAL_CRASH_AT: 'before-object-visible' });
        expect(end.signal).toBe('SIGKILL');
        await expectNothingReadable();
      });

      test('killed right after the object is visible: it is whole, and remove leaves nothing', async () => {
        const end = await child(NAME, 1000, 1, '', { CALLSEAL_CRASH_AT: 'after-object-visible' });
        expect(end.signal).toBe('SIGKILL');
        expect((await readAll(objects, NAME)).equals(patterned(1000))).toBe(true);
        expect(await objects.remove(NAME, never)).toEqual([]);
        expect(await listAll(objects, '')).toEqual([]);
      });
    });

    describe('names', () => {
      test('the longest ids, and the kinds that the worker makes, can be stored', async () => {
        const id = 'x'.repeat(128);
        const name = `${id}/${id}/${id}/${id}~index`;
        await create(name, patterned(10));
        expect((await listAll(objects, '')).map((found) => found.name)).toEqual([name]);
      });

      for (const wrong of [
        '',
        '/',
        '/etc/passwd',
        't//a',
        't/',
        't/./a',
        '../t',
        't/../../a',
        't/a\0b',
        't/a b',
        't/ä',
        't/a#1',
        't\\a',
        `t/${'x'.repeat(300)}`,
      ]) {
        test(`${JSON.stringify(wrong.slice(0, 20))} is no name, for any method`, async () => {
          const isBug = { code: 'BUG' };
          const parts = new CountedParts(patterned(10));
          await expect(objects.create(wrong, parts.stream(), never)).rejects.toMatchObject(isBug);
          expect(parts.releases).toEqual([]);
          await expect(objects.stat(wrong, never)).rejects.toMatchObject(isBug);
          await expect(readAll(objects, wrong)).rejects.toMatchObject(isBug);
          await expect(objects.remove(wrong, never)).rejects.toMatchObject(isBug);
        });
      }
    });

    describe('stat and read', () => {
      test('a name that only begins like an object is not one', async () => {
        await create(NAME, patterned(10));
        for (const name of [
          't-42/call-uid/attempt-uid',
          `${NAME}~index`,
          NAME.slice(0, -1),
          `${NAME}/more`,
        ]) {
          expect(await objects.stat(name, never)).toBeUndefined();
          await expect(readAll(objects, name)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
        }
      });

      const SIZE = 600_000;
      for (const [from, to] of [
        [0, 0],
        [0, 1],
        [SIZE - 1, SIZE],
        [1, 262_145],
        [262_143, 262_145],
        [0, SIZE],
        [100, SIZE + 1000],
        [SIZE, SIZE + 1],
        [SIZE + 5, SIZE + 9],
      ] as const) {
        test(`bytes ${from} to ${to} of ${SIZE} are that range, as far as there are any`, async () => {
          await create(NAME, patterned(SIZE));
          const read = await readAll(objects, NAME, { from, to });
          expect(read.equals(patterned(SIZE).subarray(from, to))).toBe(true);
        });
      }

      for (const [from, to] of [
        [-1, 4],
        [5, 4],
        [Number.NaN, 4],
      ] as const) {
        test(`bytes ${from} to ${to} are no range`, async () => {
          await create(NAME, patterned(10));
          await expect(readAll(objects, NAME, { from, to })).rejects.toMatchObject({ code: 'BUG' });
        });
      }

      test('each chunk is fresh: it has its memory to itself and may be detached', async () => {
        await create(NAME, patterned(SIZE));
        let at = 0;
        for await (const chunk of objects.read(NAME, ALL, never)) {
          expect([chunk.byteOffset, chunk.buffer.byteLength]).toEqual([0, chunk.length]);
          expect(chunk.equals(patterned(SIZE).subarray(at, (at += chunk.length)))).toBe(true);
          (chunk.buffer as ArrayBuffer).transfer(0);
        }
        expect(at).toBe(SIZE);
      });

      test('an abort ends a read between chunks', async () => {
        await create(NAME, patterned(SIZE));
        const stop = new AbortController();
        const reading = async (): Promise<void> => {
          for await (const chunk of objects.read(NAME, ALL, stop.signal)) if (chunk.length > 0) stop.abort();
        };
        await expect(reading()).rejects.toMatchObject({ name: 'AbortError' });
      });

      test('a reader may leave early', async () => {
        await create(NAME, patterned(SIZE));
        for await (const chunk of objects.read(NAME, ALL, never)) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        expect(await objects.remove(NAME, never)).toEqual([]);
      });
    });

    describe('remove', () => {
      test('an object that was removed is gone from every method, and its name can be had again', async () => {
        await create(NAME, patterned(10));
        expect(await objects.remove(NAME, never)).toEqual([]);
        await expectNothingReadable();
        await create(NAME, patterned(20));
        expect(await objects.stat(NAME, never)).toMatchObject({ bytes: 20 });
      });

      test('removing what is not there leaves nothing, again and again', async () => {
        expect(await objects.remove(NAME, never)).toEqual([]);
        await create(NAME, patterned(10));
        expect(await objects.remove(NAME, never)).toEqual([]);
        expect(await objects.remove(NAME, never)).toEqual([]);
      });

      test('neighbours whose names begin alike stay', async () => {
        const neighbours = [`${NAME}~index`, `${NAME}-2`, NAME.slice(0, -1)];
        for (const name of [NAME, ...neighbours]) await create(name, patterned(10));
        await objects.remove(NAME, never);
        expect((await listAll(objects, '')).map(({ name }) => name).toSorted()).toEqual(
          neighbours.toSorted(),
        );
      });
    });

    describe('list', () => {
      const NAMES = [
        't-4/c/a/audio',
        't-42/c/a/audio',
        't-42/c/a/audio~index',
        't-42/c/b/audio',
        't-42/d/a/x',
      ];

      for (const [prefix, count] of [
        ['', 5],
        ['t', 5],
        ['t-4', 5],
        ['t-4/', 1],
        ['t-42/', 4],
        ['t-42/c', 3],
        ['t-42/c/a/', 2],
        ['t-42/c/a/audio', 2],
        ['t-42/c/a/audio~', 1],
        ['t-42/c/a/audio/', 0],
        ['.', 0],
        ['u', 0],
      ] as const) {
        test(`the prefix ${JSON.stringify(prefix)} finds ${count} of 5`, async () => {
          for (const name of NAMES) await create(name, patterned(3));
          const found = await listAll(objects, prefix);
          const wanted = NAMES.filter((name) => name.startsWith(prefix));
          expect(wanted).toHaveLength(count);
          expect(found.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
            wanted.map((name) => ({ name, bytes: 3, unfinished: false })),
          );
        });
      }

      for (const wrong of ['/', '../', 't/../', 't//', 't/a b', 't\0', 't-42/c/a/audio#']) {
        test(`${JSON.stringify(wrong)} begins no name: an empty listing of it would mislead`, async () => {
          await expect(listAll(objects, wrong)).rejects.toMatchObject({ code: 'BUG' });
        });
      }

      test('a listing bears that its objects are removed under it', async () => {
        for (let i = 0; i < 40; i++) await create(`t/c/a${i}/audio`, patterned(1));
        let seen = 0;
        for await (const { name } of objects.list('t/', never)) {
          seen++;
          expect(await objects.remove(name, never)).toEqual([]);
        }
        expect(seen).toBe(40);
        expect(await listAll(objects, '')).toEqual([]);
      });
    });

    test('an aborted signal is refused by every method', async () => {
      await create(NAME, patterned(10));
      const isAbort = { name: 'AbortError' };
      const aborted = AbortSignal.abort();
      await expect(objects.stat(NAME, aborted)).rejects.toMatchObject(isAbort);
      await expect(objects.remove(NAME, aborted)).rejects.toMatchObject(isAbort);
      await expect(readAll(objects, NAME, ALL, aborted)).rejects.toMatchObject(isAbort);
      await expect(listAll(objects, '', aborted)).rejects.toMatchObject(isAbort);
      expect(await objects.stat(NAME, never)).toMatchObject({ bytes: 10 });
    });
  });
}

async function readAll(objects: Objects, name: string, range = ALL, signal = never): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(objects.read(name, range, signal)));
}

async function listAll(objects: Objects, prefix: string, signal = never): Promise<ListedObject[]> {
  return await Array.fromAsync(objects.list(prefix, signal));
}

/** Lets everything that was settled already run. */
async function turnOfTheLoop(): Promise<void> {
  await new Promise(setImmediate);
}
