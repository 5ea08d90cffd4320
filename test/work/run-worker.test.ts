import { describe, expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Output } from '../../src/domain/outputs.ts';
import { relayAudit, relayPending } from '../../src/work/relay-audit.ts';
import { runWorker, type WorkerParts } from '../../src/work/run-worker.ts';
import { callEvent, recordOf, TOPIC, TRANSCRIPT } from './given.ts';
import { brief, collectOutputs, SIGNAL } from './seen.ts';
import { openWorld, type World, worldWithTranscript } from './world.ts';

const RELAY = { holder: 'w-1', leaseMs: 30_000, batch: 100 };

function workerOf(world: World, more: Partial<WorkerParts> = {}): WorkerParts {
  const ports = { audit: world.registry, events: world.events };
  return {
    inbox: world.inbox,
    registry: world.registry,
    handler: world.handler,
    auditor: world.auditor,
    openAttempts: world.parts.openAttempts,
    drainMs: 60_000,
    relay: {
      run: async (signal) =>
        await relayAudit(ports, { ...RELAY, restMs: 10, onFailure: () => undefined }, signal),
      finish: async (signal) => void (await relayPending(ports, RELAY, signal)),
    },
    ...more,
  };
}

/** A world whose store waits, from the moment `entered` resolves, until `gate` is opened or it is told to stop. */
async function slowWorld() {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const world = await worldWithTranscript({
    objects: (real) => ({
      ...real,
      create: async (name, parts, signal) => {
        entered.resolve();
        const stop = Promise.withResolvers<never>();
        signal.addEventListener('abort', () => stop.reject(signal.reason as Error), { once: true });
        await Promise.race([gate.promise, stop.promise]);
        return await real.create(name, parts, signal);
      },
    }),
  });
  await world.inbox.publish(recordOf(callEvent()), SIGNAL);
  return { world, entered: entered.promise, open: gate.resolve };
}

const topicsOf = async (world: World): Promise<Output['topic'][]> =>
  (await collectOutputs(world, ['transcripts', 'outcome', 'dlq'])).map(({ topic }) => topic);

test('until idle it works off what is due, notes its start and stop, and publishes its last words too', async () => {
  const world = await worldWithTranscript();
  for (const call of ['c-1', 'c-2', 'c-3']) await world.inbox.publish(recordOf(callEvent({ call })), SIGNAL);
  await runWorker(workerOf(world), { untilIdle: true }, SIGNAL);
  expect(await world.inbox.backlog(SIGNAL)).toMatchObject({ waiting: 0 });
  const facts = brief(await world.facts());
  expect([facts.at(0), facts.at(-1)]).toEqual(['worker.start ok', 'worker.stop ok']);
  expect(facts.filter((line) => line === 'call.seal ok')).toHaveLength(3);
  expect(await world.registry.pending(SIGNAL)).toEqual({ unsequenced: 0, unpublished: 0 });
  const published = await collectOutputs(world, ['audit']);
  expect(published.map(({ id }) => id).toSorted()).toEqual(
    (await world.facts()).map(({ eventUid }) => eventUid).toSorted(),
  );
});

test('the first signal starts nothing new and lets what is in hand finish', async () => {
  const { world, entered, open } = await slowWorld();
  const stop = new AbortController();
  const running = runWorker(workerOf(world), { untilIdle: false }, stop.signal);
  await entered;
  await world.inbox.publish(recordOf(callEvent({ call: 'c-2' })), SIGNAL);
  stop.abort();
  open();
  await running;
  expect(await topicsOf(world)).toEqual(['transcripts', 'outcome']);
  expect(await world.inbox.backlog(SIGNAL)).toMatchObject({ waiting: 1 });
  expect(brief(await world.facts()).at(-1)).toBe('worker.stop ok');
});

test('what is not done in the time to drain is aborted and left, and comes again to the next worker', async () => {
  const { world, entered, open } = await slowWorld();
  const stop = new AbortController();
  const running = runWorker(workerOf(world, { drainMs: 5 }), { untilIdle: false }, stop.signal);
  await entered;
  stop.abort();
  await running;
  expect(await topicsOf(world)).toEqual([]);
  expect(await world.rows('select state from attempts')).toEqual([{ state: 'lost' }]);
  expect(await world.inbox.backlog(SIGNAL)).toMatchObject({ waiting: 1, due: 1 });
  expect(world.parts.openAttempts.size).toBe(0);

  open();
  await runWorker(workerOf(world), { untilIdle: true }, SIGNAL);
  expect(await topicsOf(world)).toEqual(['transcripts', 'outcome']);
});

describe('a delivery whose source is missing', () => {
  /** Has failed once, and waits in the retry topic. */
  async function handedOver(): Promise<World> {
    const world = await openWorld();
    await world.inbox.publish(recordOf(callEvent()), SIGNAL);
    await runWorker(workerOf(world), { untilIdle: true }, SIGNAL);
    expect(await world.inbox.backlog(SIGNAL)).toMatchObject({ waiting: 1, due: 0 });
    return world;
  }

  test('comes again when it is due, under its own origin, and is sealed where the source is there then', async () => {
    const world = await handedOver();
    world.put('c-1.json', TRANSCRIPT);
    world.clock.ms += world.parts.retryDelayMs;
    await runWorker(workerOf(world), { untilIdle: true }, SIGNAL);
    const [outcome] = await collectOutputs(world, ['outcome']);
    expect(outcome?.headers).toMatchObject({ 'callseal-origin': `${TOPIC}/0/0`, 'callseal-replay': '0' });
    expect(await world.inbox.backlog(SIGNAL)).toMatchObject({ waiting: 0 });
  });

  test('is given up a day after its first failure, and its dead letter counts every try', async () => {
    const world = await handedOver();
    for (let hours = 0; hours < 24; hours += 12) {
      world.clock.ms += 12 * 3_600_000;
      await runWorker(workerOf(world), { untilIdle: true }, SIGNAL);
    }
    const [letter] = await collectOutputs(world, ['dlq']);
    expect(letter?.headers).toMatchObject({
      'callseal-code': 'SOURCE_MISSING',
      'callseal-attempts': '3',
      'callseal-first-failed-at': '2026-11-24T10:00:00.000Z',
      'callseal-failed-at': '2026-11-25T10:00:00.000Z',
    });
    expect(await world.inbox.backlog(SIGNAL)).toMatchObject({ waiting: 0 });
  });
});

test('a signal that came before the start ends at once', async () => {
  const world = await worldWithTranscript();
  await world.inbox.publish(recordOf(callEvent()), SIGNAL);
  await runWorker(workerOf(world), { untilIdle: false }, AbortSignal.abort());
  expect(await world.inbox.backlog(SIGNAL)).toMatchObject({ waiting: 1 });
  expect(brief(await world.facts())).toEqual(['worker.start ok', 'worker.stop ok']);
});

test('a worker that cannot note its start does not start', async () => {
  const world = await worldWithTranscript();
  const failure = new CallsealError('REGISTRY_DOWN', 'made by the test');
  const registry = { ...world.registry, append: async () => await Promise.reject(failure) };
  let ran = false;
  const inbox = { ...world.inbox, run: async () => void (ran = true) };
  await expect(runWorker(workerOf(world, { registry, inbox }), { untilIdle: true }, SIGNAL)).rejects.toBe(
    failure,
  );
  expect(ran).toBe(false);
});

test('an inbox that fails ends the worker with its error, and the relay with it', async () => {
  const world = await worldWithTranscript();
  const failure = new CallsealError('INBOX_DOWN', 'made by the test');
  const inbox = { ...world.inbox, run: async () => await Promise.reject(failure) };
  let relayed: AbortSignal | undefined;
  const relay = {
    run: async (signal: AbortSignal) => void (relayed = signal),
    finish: async () => undefined,
  };
  await expect(runWorker(workerOf(world, { inbox, relay }), { untilIdle: true }, SIGNAL)).rejects.toBe(
    failure,
  );
  expect(relayed?.aborted).toBe(true);
});

test('a relay that nothing can mend is not kept quiet', async () => {
  const world = await worldWithTranscript();
  const failure = new CallsealError('BUG', 'made by the test');
  const relay = { run: async () => await Promise.reject(failure), finish: async () => undefined };
  await expect(runWorker(workerOf(world, { relay }), { untilIdle: true }, SIGNAL)).rejects.toBe(failure);
});

test('a relay that cannot go on ends the worker, which says why: nobody would hear of what it decides', async () => {
  const world = await worldWithTranscript();
  const { relay } = workerOf(world);
  const wentBack = new CallsealError('REGISTRY_WENT_BACK', 'it went back');
  const failing = { ...relay, run: async () => await Promise.reject(wentBack) };
  const running = runWorker(workerOf(world, { relay: failing }), { untilIdle: false }, SIGNAL);
  await expect(running).rejects.toBe(wentBack);
});
