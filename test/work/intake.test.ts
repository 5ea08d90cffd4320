import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type IntakeOptions, intake } from '../../src/work/intake.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function make(onChange?: IntakeOptions['onChange']) {
  return intake({
    now: () => new Date(0),
    firstProbeMs: 1000,
    maxProbeMs: 8000,
    ...(onChange && { onChange }),
  });
}

async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await vi.advanceTimersByTimeAsync(0);
  return done;
}

test('a paused tenant waits and another does not', () => {
  const gate = make();
  void gate.pause({ tenant: 'a' }, 'KEY_DISABLED');
  expect(gate.blocked('a', [])?.resumed).toBeInstanceOf(Promise);
  expect(gate.blocked('b', [])).toBeUndefined();
  expect(gate.blocked(undefined, [])).toBeUndefined();
});

test('a paused alias concerns the calls that use it, of that tenant', () => {
  const gate = make();
  void gate.pause({ tenant: 'a', alias: 'eu' }, 'SOURCE_DOWN');
  expect(gate.blocked('a', ['us'])).toBeUndefined();
  expect(gate.blocked('b', ['eu'])).toBeUndefined();
  expect(gate.blocked('a', ['us', 'eu'])?.resumed).toBeInstanceOf(Promise);
});

test('a pause without scope concerns everybody', () => {
  const gate = make();
  void gate.pause({}, 'STORE_DOWN');
  expect(gate.blocked('a', [])?.resumed).toBeInstanceOf(Promise);
  expect(gate.blocked(undefined, [])?.resumed).toBeInstanceOf(Promise);
});

test('after the first wait one delivery goes through as a probe, and only one', async () => {
  const gate = make();
  const waiting = gate.pause({}, 'KMS_DOWN');
  await vi.advanceTimersByTimeAsync(999);
  expect(await isDone(waiting)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await isDone(waiting)).toBe(true);
  expect(gate.blocked('a', [])).toBeUndefined();
  expect(gate.blocked('b', [])?.resumed).toBeInstanceOf(Promise);
});

test('when the probe passes all go on', async () => {
  const gate = make();
  void gate.pause({}, 'KMS_DOWN');
  await vi.advanceTimersByTimeAsync(1000);
  void gate.blocked('a', []);
  const other = gate.blocked('b', [])?.resumed ?? Promise.reject(new Error('b should wait'));
  gate.passed('a', []);
  expect(await isDone(other)).toBe(true);
  expect(gate.paused()).toEqual([]);
});

test('when the probe fails the wait doubles, up to the most', async () => {
  const gate = make();
  void gate.pause({}, 'KMS_DOWN');
  for (const wait of [1000, 2000, 4000, 8000, 8000]) {
    await vi.advanceTimersByTimeAsync(wait - 1);
    expect(gate.blocked('a', [])?.resumed).toBeInstanceOf(Promise);
    await vi.advanceTimersByTimeAsync(1);
    expect(gate.blocked('a', [])).toBeUndefined();
    void gate.pause({}, 'KMS_DOWN');
  }
});

test('many failures at once are one pause: told once, and the wait does not grow', async () => {
  const told: string[] = [];
  const gate = make((change, { code }) => void told.push(`${change} ${code}`));
  for (let i = 0; i < 50; i++) void gate.pause({ tenant: 'a' }, 'KEY_DISABLED');
  await vi.advanceTimersByTimeAsync(1000);
  expect(gate.blocked('a', [])).toBeUndefined();
  gate.passed('a', []);
  expect(told).toEqual(['paused KEY_DISABLED', 'resumed KEY_DISABLED']);
});

test('a delivery that one gate holds is not the probe of another', async () => {
  const gate = make();
  void gate.pause({}, 'STORE_DOWN');
  void gate.pause({ tenant: 'a' }, 'KEY_DISABLED', 5000);
  await vi.advanceTimersByTimeAsync(1000);
  expect(gate.blocked('a', [])?.resumed).toBeInstanceOf(Promise);
  expect(gate.blocked('b', [])).toBeUndefined();
});

test('a probe that ends without a word leaves its place to the next, and those who wait are told', async () => {
  const gate = make();
  void gate.pause({}, 'KMS_DOWN');
  await vi.advanceTimersByTimeAsync(1000);
  void gate.blocked('a', []);
  const other = gate.blocked('b', [])?.resumed ?? Promise.reject(new Error('b should wait'));
  gate.undecided('a', []);
  expect(await isDone(other)).toBe(true);
  expect(gate.blocked('b', [])).toBeUndefined();
  expect(gate.blocked('c', [])?.resumed).toBeInstanceOf(Promise);
});

test('a delivery that fails while a probe is due waits for a probe that comes, also when nobody else is there', async () => {
  const gate = make();
  void gate.pause({}, 'KMS_DOWN');
  await vi.advanceTimersByTimeAsync(1000);
  const late = gate.pause({}, 'KMS_DOWN');
  await vi.advanceTimersByTimeAsync(2000);
  expect(await isDone(late)).toBe(true);
});

test('closing lets everybody go and leaves no timer', () => {
  const gate = make();
  void gate.pause({}, 'KMS_DOWN');
  gate.close();
  expect(vi.getTimerCount()).toBe(0);
});

test('what an operator holds waits without probes, until the list says otherwise', async () => {
  const told: string[] = [];
  const gate = make((change, { tenant, code }) => void told.push(`${change} ${tenant} ${code}`));
  const since = new Date(7);
  gate.holdTenants([{ tenant: 'a', since }]);
  gate.holdTenants([
    { tenant: 'a', since },
    { tenant: 'b', since },
  ]);
  await vi.advanceTimersByTimeAsync(3_600_000);
  const held = gate.blocked('a', []);
  expect(held?.code).toBe('INTAKE_PAUSED');
  expect(gate.blocked('c', [])).toBeUndefined();
  gate.passed('a', []);
  expect(gate.paused()).toMatchObject([{ tenant: 'a', since }, { tenant: 'b' }]);
  gate.holdTenants([{ tenant: 'b', since }]);
  expect(await isDone(held?.resumed ?? Promise.reject(new Error('a should wait')))).toBe(true);
  expect(gate.blocked('a', [])).toBeUndefined();
  expect(told).toEqual(['paused a INTAKE_PAUSED', 'paused b INTAKE_PAUSED', 'resumed a INTAKE_PAUSED']);
});

test('what an operator holds is no probe of a dependency', async () => {
  const gate = make();
  void gate.pause({}, 'KMS_DOWN');
  gate.holdTenants([{ tenant: 'a', since: new Date(0) }]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(gate.blocked('a', [])?.code).toBe('INTAKE_PAUSED');
  expect(gate.blocked('b', [])).toBeUndefined();
  gate.close();
  expect(gate.paused()).toEqual([]);
});
