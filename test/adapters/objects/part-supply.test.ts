import { expect, test } from 'vitest';
import { partSupply } from '../../../src/adapters/objects/part-supply.ts';
import type { Part } from '../../../src/ports/objects.ts';

const never = new AbortController().signal;

function part(released: string[] = [], name = 'part'): Part {
  return { bytes: Buffer.from(name), last: false, release: () => void released.push(name) };
}

test('parts come in order, then undefined, and a producer that ended is not closed again', async () => {
  const closed: string[] = [];
  const parts = { [Symbol.asyncIterator]: () => iterator };
  const given = [part(), part()];
  const iterator: AsyncIterator<Part> = {
    next: async () => {
      const value = given.shift();
      return value ? { done: false, value } : { done: true, value: undefined };
    },
    return: async () => {
      closed.push('return');
      return { done: true, value: undefined };
    },
  };
  const supply = partSupply(parts, never);
  expect([await supply.next(), await supply.next(), await supply.next()]).toEqual([
    expect.anything(),
    expect.anything(),
    undefined,
  ]);
  await supply.close();
  expect(closed).toEqual([]);
});

test('closing early closes the producer, and its failure to close is not thrown', async () => {
  let closed = false;
  async function* parts(): AsyncGenerator<Part> {
    try {
      yield part();
      yield part();
    } finally {
      closed = true;
      await Promise.reject(new Error('cannot close'));
    }
  }
  const supply = partSupply(parts(), never);
  await supply.next();
  await supply.close();
  expect(closed).toBe(true);
});

test('a producer that never began is closed too', async () => {
  let began = false;
  async function* parts(): AsyncGenerator<Part> {
    began = true;
    yield part();
  }
  const producer = parts();
  await partSupply(producer, never).close();
  expect(began).toBe(false);
  expect(await producer.next()).toEqual({ done: true, value: undefined });
});

test('it knows the errors that came out of it from others', async () => {
  const mine = new Error('mine');
  async function* parts(): AsyncGenerator<Part> {
    await Promise.reject(mine);
    yield part();
  }
  const supply = partSupply(parts(), never);
  expect(supply.threw(mine)).toBe(false);
  await expect(supply.next()).rejects.toBe(mine);
  expect([supply.threw(mine), supply.threw(new Error('other')), supply.threw(undefined)]).toEqual([
    true,
    false,
    false,
  ]);
});

test('an abort is thrown while the producer is silent; a part that comes later is released', async () => {
  const stop = new AbortController();
  const late = Promise.withResolvers<void>();
  const released: string[] = [];
  async function* parts(): AsyncGenerator<Part> {
    await late.promise;
    yield part(released, 'late');
    yield part(released, 'never made');
  }
  const supply = partSupply(parts(), stop.signal);
  const next = supply.next();
  stop.abort();
  await expect(next).rejects.toMatchObject({ name: 'AbortError' });
  await supply.close();
  expect(released).toEqual([]);
  late.resolve();
  await new Promise(setImmediate);
  expect(released).toEqual(['late']);
});

test('a producer that fails after the abort leaves no unhandled rejection', async () => {
  const stop = new AbortController();
  const late = Promise.withResolvers<void>();
  async function* parts(): AsyncGenerator<Part> {
    await late.promise;
    yield part();
  }
  const supply = partSupply(parts(), stop.signal);
  const next = supply.next();
  stop.abort();
  await expect(next).rejects.toMatchObject({ name: 'AbortError' });
  await supply.close();
  late.reject(new Error('too late'));
  await new Promise(setImmediate);
});
