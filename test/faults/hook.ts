import { writeSync } from 'node:fs';
import type { CrashPoint } from '../../src/domain/crash-points.ts';

/**
 * Ends the process at crash points, as `kill -9` does. Loaded with `--import`; the environment says where:
 *
 *   CALLSEAL_CRASH_AT=in-settle        the first time the point is reached; `in-settle:3` the third
 *   CALLSEAL_CRASH_RANDOM=0.02:7       at any point with this probability, from this seed
 */
const at = process.env['CALLSEAL_CRASH_AT'];
const random = process.env['CALLSEAL_CRASH_RANDOM'];
// The product refuses variables that are no settings of its own.
delete process.env['CALLSEAL_CRASH_AT'];
delete process.env['CALLSEAL_CRASH_RANDOM'];

if (at !== undefined) globalThis.callsealCrashHook = crashAt(at);
else if (random !== undefined) globalThis.callsealCrashHook = crashRandomly(random);

function crashAt(text: string): (point: CrashPoint) => void {
  const [, wanted, nth = '1'] = /^([a-z-]+)(?::(\d+))?$/.exec(text) ?? [];
  if (wanted === undefined) throw new TypeError(`CALLSEAL_CRASH_AT must be point or point:n, not ${text}`);
  let left = Number(nth);
  return (point) => {
    if (point === wanted && --left === 0) die(point);
  };
}

function crashRandomly(text: string): (point: CrashPoint) => void {
  const [, chance, seed] = /^([01]?\.?\d+):(\d+)$/.exec(text) ?? [];
  if (seed === undefined) throw new TypeError(`CALLSEAL_CRASH_RANDOM must be probability:seed, not ${text}`);
  const next = mulberry32(Number(seed));
  return (point) => {
    if (next() < Number(chance)) die(point);
  };
}

function die(point: CrashPoint): never {
  writeSync(2, `crash at ${point}\n`);
  process.kill(process.pid, 'SIGKILL');
  // The signal may reach another thread first: nothing may run here until it is dead.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error('outlived SIGKILL');
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
