import { createSecretKey } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/domain/deliveries.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Output } from '../../src/domain/outputs.ts';
import { meteredHandler, meteredKeys, meteredPorts, meteredSchedules } from '../../src/ops/metrics-ports.ts';
import type { Verdict } from '../../src/ports/inbox.ts';
import type { Keys } from '../../src/ports/keys.ts';
import type { Metrics } from '../../src/ports/metrics.ts';
import type { Part } from '../../src/ports/objects.ts';
import type { Ports } from '../../src/ports/ports.ts';
import { deliveryHandler } from '../../src/work/handle-delivery.ts';
import { artifact, callEvent } from '../work/given.ts';
import { openWorld } from '../work/world.ts';

const SIGNAL = new AbortController().signal;

/** Everything it is told, as lines without numbers. */
function recording(): { metrics: Metrics; told: string[] } {
  const told: string[] = [];
  return {
    told,
    metrics: {
      working: () => void told.push('working'),
      delivery: (topic) => {
        told.push(`delivery of ${topic}`);
        return (outcome) => void told.push(`delivery ${outcome}`);
      },
      answered: ({ answer }) => void told.push(`answered ${answer}`),
      stage: (stage, outcome, seconds) => {
        expect(seconds).toBeGreaterThanOrEqual(0);
        told.push(`${stage} ${outcome}`);
      },
      kmsRequest: (op, outcome) => void told.push(`kms ${op} ${outcome}`),
      auditPublished: (events) => void told.push(`audit ${events}`),
      scheduleRan: (schedule) => void told.push(`${schedule} ran`),
      scheduleFailed: (schedule, code) => void told.push(`${schedule} ${code}`),
      reconciled: () => void told.push('reconciled'),
      auditLag: () => void told.push('audit lag'),
      moved: () => void told.push('moved'),
    },
  };
}

const THROTTLED = new CallsealError('KMS_THROTTLED', 'slower');
const GENERATED = {
  callKey: createSecretKey(Buffer.alloc(32)),
  wrapped: Buffer.from('w'),
  kek: 'k',
  materialId: 'm',
  requestId: undefined,
};
const ROW = { wrapped: Buffer.alloc(0), kek: 'k', context: {} };

test('every method of the key service is counted once, with how it ended, and passes on what it gave', async () => {
  const inner = { generate: async () => GENERATED, unwrap: () => Promise.reject(THROTTLED) };
  const refuse = () => Promise.reject(new TypeError('Word of Wilhelmina'));
  const { metrics, told } = recording();
  const keys = meteredKeys(
    { ...inner, rewrap: refuse, describe: refuse, ensure: refuse } as unknown as Keys,
    metrics,
  );
  expect(await keys.generate('k', {}, SIGNAL)).toBe(GENERATED);
  await expect(keys.unwrap(ROW, SIGNAL)).rejects.toBe(THROTTLED);
  await expect(keys.rewrap(ROW, SIGNAL)).rejects.toThrow(TypeError);
  await expect(keys.describe('k', SIGNAL)).rejects.toThrow(TypeError);
  await expect(keys.ensure('k', SIGNAL)).rejects.toThrow(TypeError);
  expect(told).toEqual([
    'kms generate ok',
    'key ok',
    'kms unwrap KMS_THROTTLED',
    'kms rewrap BUG',
    'kms describe BUG',
    'kms ensure BUG',
  ]);
});

const VERDICTS: readonly (readonly [Verdict, string])[] = [
  [{ do: 'settle', outputs: [] }, 'ok'],
  [{ do: 'hand-over', dueAt: new Date(0), counted: 1, firstFailedAt: undefined }, 'retry'],
  [{ do: 'wait', resumed: Promise.resolve() }, 'pause'],
  [{ do: 'leave' }, 'stop'],
];
for (const [verdict, outcome] of VERDICTS) {
  test(`a delivery whose verdict is ${verdict.do} ends as ${outcome}`, async () => {
    const { metrics, told } = recording();
    const delivery = { origin: { topic: 't', partition: 0, offset: 0 } } as Delivery;
    expect(await meteredHandler(async () => verdict, metrics)(delivery, SIGNAL)).toBe(verdict);
    expect(told).toEqual(['delivery of t', `delivery ${outcome}`]);
  });
}

test('a handler that breaks its promise is in flight no longer', async () => {
  const { metrics, told } = recording();
  const delivery = { origin: { topic: 't', partition: 0, offset: 0 } } as Delivery;
  const handler = meteredHandler(() => Promise.reject(THROTTLED), metrics);
  await expect(handler(delivery, SIGNAL)).rejects.toBe(THROTTLED);
  expect(told).toEqual(['delivery of t', 'delivery bug']);
});

test('each chunk of a source and each part of an object is movement; an end before the last closes both', async () => {
  const closed: string[] = [];
  async function* from<T>(name: string, ...items: T[]): AsyncGenerator<T, void, void> {
    try {
      yield* items;
    } finally {
      closed.push(name);
    }
  }
  const part = { bytes: Buffer.from('p'), last: true, release: () => undefined };
  const stored = { name: 'o', bytes: 1 };
  const { metrics, told } = recording();
  const { sources, objects } = meteredPorts(
    {
      keys: {},
      registry: {},
      sources: {
        open: async () => ({
          bytes: 2,
          version: {},
          body: from('source', Buffer.from('a'), Buffer.from('b')),
        }),
      },
      objects: {
        create: async (_: string, parts: AsyncIterable<Part>) => {
          for await (const given of parts) {
            expect(given).toBe(part);
            break;
          }
          return stored;
        },
      },
    } as unknown as Ports,
    metrics,
  );
  const { body } = await sources.open({ tenant: 't', call: 'c', revision: 1, alias: 'a', key: 'k' }, SIGNAL);
  for await (const chunk of body) {
    expect(String(chunk)).toBe('a');
    break;
  }
  expect(await objects.create('o', from('parts', part, part), SIGNAL)).toBe(stored);
  expect(told).toEqual(['source ok', 'moved', 'moved', 'store ok']);
  expect(closed).toEqual(['source', 'parts']);
});

test('a call that is sealed passes every stage once for each artifact, and gives the same answer', async () => {
  const { metrics, told } = recording();
  const world = await openWorld();
  world.put('t.json', '{"turns":[]}');
  const parts = {
    ...world.parts,
    ...meteredPorts({ ...world, jobs: undefined } as unknown as Ports, metrics),
  };
  const handle = meteredHandler(deliveryHandler(parts), metrics);
  const event = callEvent({ call: 'c-1', artifacts: [artifact('t', 'transcript', 't.json')] });
  expect(await handle(world.delivery(event), SIGNAL)).toMatchObject({ do: 'settle' });
  expect(told.filter((line) => line !== 'moved')).toEqual([
    'delivery of callseal.calls.completed',
    'kms generate ok',
    'key ok',
    'source ok',
    'store ok',
    'decision ok',
    'delivery ok',
  ]);
});

test('audit events count once they are published, and other outputs not at all', async () => {
  const { metrics, told } = recording();
  let isAway = true;
  const publish = async () => {
    if (isAway) throw new CallsealError('INBOX_DOWN', 'away');
  };
  const { events } = meteredPorts({ events: { publish } } as unknown as Ports, metrics);
  const outputs = ['audit', 'outcome', 'audit'].map((topic) => ({ topic })) as unknown as Output[];
  await expect(events.publish(outputs, SIGNAL)).rejects.toThrow(CallsealError);
  expect(told).toEqual([]);
  isAway = false;
  await events.publish(outputs, SIGNAL);
  expect(told).toEqual(['audit 2']);
});

test('a run of a schedule is counted and told on', () => {
  const { metrics, told } = recording();
  const observer = meteredSchedules(
    {
      scheduleRan: (name, counts) => void told.push(`told ${name} ${counts['failed']}`),
      scheduleFailed: (name, { code }) => void told.push(`told ${name} ${code}`),
    },
    metrics,
  );
  observer.scheduleRan('sweep', { failed: 2 });
  observer.scheduleFailed('sweep', new CallsealError('JOBS_DOWN', 'away'));
  expect(told).toEqual(['sweep ran', 'told sweep 2', 'sweep JOBS_DOWN', 'told sweep JOBS_DOWN']);
});
