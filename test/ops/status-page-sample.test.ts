import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { sampled } from '../../src/ops/status-page-sample.ts';

const LONG = { keepMs: 600_000, withinMs: 600_000 };

test('however many ask, it is read once, and once again when it is too old', async () => {
  let reads = 0;
  const read = async () => ++reads;
  const kept = sampled(read, LONG);
  expect(await Promise.all([kept(), kept(), kept()])).toEqual([
    { ok: true, value: 1 },
    { ok: true, value: 1 },
    { ok: true, value: 1 },
  ]);
  expect(await kept()).toEqual({ ok: true, value: 1 });
  const fresh = sampled(read, { ...LONG, keepMs: 0 });
  expect([await fresh(), await fresh()]).toEqual([
    { ok: true, value: 2 },
    { ok: true, value: 3 },
  ]);
});

test('a failure is a code and no words, and is kept as long', async () => {
  let reads = 0;
  const failing = sampled(async () => {
    reads++;
    throw new CallsealError('REGISTRY_DOWN', 'Word of Wilhelmina');
  }, LONG);
  expect(await failing()).toEqual({ ok: false, code: 'REGISTRY_DOWN' });
  expect(await failing()).toEqual({ ok: false, code: 'REGISTRY_DOWN' });
  expect(reads).toBe(1);
});

test('who asks a read that hangs waits a while, and never starts a second one', async () => {
  let reads = 0;
  const hanging = Promise.withResolvers<string>();
  const slow = sampled(
    async () => {
      reads++;
      return await hanging.promise;
    },
    { keepMs: 600_000, withinMs: 5 },
  );
  expect(await slow()).toEqual({ ok: false, code: 'TIMEOUT' });
  expect(await slow()).toEqual({ ok: false, code: 'TIMEOUT' });
  expect(reads).toBe(1);
  hanging.resolve('there');
  await expect.poll(slow).toEqual({ ok: true, value: 'there' });
});

test('a read that gives up by its signal is late too', async () => {
  const listening = sampled(
    async (signal) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(signal.reason));
      return await promise;
    },
    { keepMs: 600_000, withinMs: 5 },
  );
  expect(await listening()).toEqual({ ok: false, code: 'TIMEOUT' });
});
