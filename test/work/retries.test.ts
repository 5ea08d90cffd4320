import { expect, test } from 'vitest';
import type { CallEvent } from '../../src/domain/call-event.ts';
import { LIMITS } from '../../src/domain/call-event.ts';
import type { Verdict } from '../../src/ports/inbox.ts';
import { waitingRetries } from '../../src/work/retries.ts';
import { callEvent, recordOf } from './given.ts';
import { SIGNAL } from './seen.ts';
import { openWorld, type World } from './world.ts';

const NAME = 'Ada Example';
const FIRST = '2026-11-24T10:00:00.000Z';

const handOver = (hour: number, more: Partial<Extract<Verdict, { do: 'hand-over' }>>): Verdict => ({
  do: 'hand-over',
  dueAt: new Date(Date.UTC(2100, 0, 1, hour)),
  counted: 1,
  firstFailedAt: FIRST,
  ...more,
});

/** A retry topic with these events in it. */
async function worldOf(...handed: readonly (readonly [CallEvent | Buffer, Verdict])[]): Promise<World> {
  const world = await openWorld();
  for (const [event] of handed) await world.inbox.publish({ ...recordOf(event), key: NAME }, SIGNAL);
  const verdicts = handed.map(([, verdict]) => verdict);
  let next = 0;
  await world.inbox.run(
    async () => await Promise.resolve(verdicts[next++] ?? { do: 'leave' }),
    { untilIdle: true },
    SIGNAL,
  );
  return world;
}

const list = async (
  world: World,
  filter: { tenant?: string; code?: 'SOURCE_MISSING'; limit?: number } = {},
) =>
  await waitingRetries(
    { inbox: world.inbox, tenants: world.parts.tenants, limits: LIMITS },
    { limit: 10, ...filter },
    SIGNAL,
  );

test('what waits is listed with its origin, call, code, tries and when it is due, the next one first', async () => {
  const world = await worldOf(
    [callEvent({ call: 'c-2' }), handOver(2, { code: 'SOURCE_MISSING' })],
    [
      callEvent({ call: 'c-1' }),
      handOver(1, { held: 'INTAKE_PAUSED', counted: 0, firstFailedAt: undefined }),
    ],
  );
  const { retries, waiting } = await list(world);
  expect(waiting).toBe(2);
  expect(retries).toEqual([
    {
      origin: 'callseal.calls.completed/0/1',
      replay: 0,
      tenant: 't-1',
      call: 'c-1',
      code: undefined,
      held: 'INTAKE_PAUSED',
      firstFailedAt: undefined,
      attempts: 0,
      dueAt: '2100-01-01T01:00:00.000Z',
    },
    {
      origin: 'callseal.calls.completed/0/0',
      replay: 0,
      tenant: 't-1',
      call: 'c-2',
      code: 'SOURCE_MISSING',
      held: undefined,
      firstFailedAt: FIRST,
      attempts: 1,
      dueAt: '2100-01-01T02:00:00.000Z',
    },
  ]);
  expect((await list(world, { code: 'SOURCE_MISSING' })).waiting).toBe(1);
  expect((await list(world, { tenant: 't-2' })).waiting).toBe(0);
  expect((await list(world, { limit: 1 })).retries).toHaveLength(1);
});

test('whoever may not speak for a tenant is not named, and a key never is', async () => {
  const world = await worldOf(
    [callEvent({ tenant: 't-9', call: 'Ada' }), handOver(1, {})],
    [Buffer.from(`{"name":"${NAME}"`), handOver(2, {})],
  );
  const { retries } = await list(world);
  expect(retries.map(({ tenant, call }) => [tenant, call])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
  expect(JSON.stringify(retries)).not.toContain('Ada');
});
