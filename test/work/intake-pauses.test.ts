import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import type { IntakePause } from '../../src/ports/parked.ts';
import type { OperatorPause } from '../../src/work/intake.ts';
import { withOperatorPauses } from '../../src/work/intake-pauses.ts';
import { SIGNAL } from './seen.ts';

const pause = (tenant: string): IntakePause => ({
  tenant,
  at: '2026-11-24T10:00:00.000Z',
  by: 'ada',
  ticket: 'OPS-1',
});

/** A registry that answers what `state.read` says, and what the gate was told. */
function make() {
  const state = { read: (): IntakePause[] => [], reads: 0, held: [] as string[] };
  const holdTenants = (pauses: readonly OperatorPause[]): void =>
    void state.held.push(pauses.map(({ tenant }) => tenant).join());
  const intakePauses = async () => {
    state.reads++;
    return await Promise.resolve(state.read());
  };
  return { state, parts: { registry: { intakePauses }, intake: { holdTenants }, everyMs: 1 } };
}

test('pauses are known before the work begins, and changes of them while it goes on', async () => {
  const { state, parts } = make();
  state.read = () => [pause('a')];
  const work = async () => {
    expect(state.held).toEqual(['a']);
    state.read = () => [pause('a'), pause('b')];
    await expect.poll(() => state.held.at(-1)).toBe('a,b');
    state.read = () => [];
    await expect.poll(() => state.held.at(-1)).toBe('');
    return 'worked';
  };
  expect(await withOperatorPauses(parts, work, SIGNAL)).toBe('worked');
});

test('nothing begins without having read who is paused', async () => {
  const { state, parts } = make();
  state.read = away;
  const never = withOperatorPauses(parts, async () => await Promise.reject(new Error('began')), SIGNAL);
  await expect(never).rejects.toMatchObject({ code: 'REGISTRY_DOWN' });
});

test('while the registry is away, what was read last holds', async () => {
  const { state, parts } = make();
  state.read = () => [pause('a')];
  const work = async () => {
    state.read = away;
    await expect.poll(() => state.reads).toBeGreaterThan(3);
    expect(new Set(state.held)).toEqual(new Set(['a']));
  };
  await withOperatorPauses(parts, work, SIGNAL);
});

function away(): never {
  throw new CallsealError('REGISTRY_DOWN', 'away');
}
