import { type CallsealError, codeOf, dispositionOf } from '../domain/errors.ts';
import type { Events } from '../ports/events.ts';
import type { Handler, Verdict } from '../ports/inbox.ts';
import type { Keys } from '../ports/keys.ts';
import type { KmsOp, Metrics, StageOutcome, TimedStage } from '../ports/metrics.ts';
import type { Objects } from '../ports/objects.ts';
import type { Ports } from '../ports/ports.ts';
import type { Registry } from '../ports/registry.ts';
import type { Sources } from '../ports/sources.ts';

/** The same ports, counted and timed. What they promise does not change: results and errors pass as they are. */
export function meteredPorts(ports: Ports, metrics: Metrics): Ports {
  return {
    ...ports,
    events: meteredEvents(ports.events, metrics),
    keys: meteredKeys(ports.keys, metrics),
    sources: meteredSources(ports.sources, metrics),
    objects: meteredObjects(ports.objects, metrics),
    registry: meteredRegistry(ports.registry, metrics),
  };
}

/** Every request to the key service is counted; only `generate` stands in the path of a call, and is timed too. */
export function meteredKeys(inner: Keys, metrics: Metrics): Keys {
  const counted = async <T>(op: KmsOp, request: () => Promise<T>): Promise<T> => {
    try {
      const result = await request();
      metrics.kmsRequest(op, 'ok');
      return result;
    } catch (error) {
      metrics.kmsRequest(op, codeOf(error));
      throw error;
    }
  };
  return {
    generate: (kek, context, signal) =>
      timed(metrics, 'key', () => counted('generate', () => inner.generate(kek, context, signal))),
    unwrap: (row, signal) => counted('unwrap', () => inner.unwrap(row, signal)),
    rewrap: (row, signal) => counted('rewrap', () => inner.rewrap(row, signal)),
    describe: (kek, signal) => counted('describe', () => inner.describe(kek, signal)),
    ensure: (kek, signal) => counted('ensure', () => inner.ensure(kek, signal)),
    close: () => inner.close(),
  };
}

function meteredEvents(inner: Events, metrics: Metrics): Events {
  return {
    ...inner,
    publish: async (outputs, signal) => {
      await inner.publish(outputs, signal);
      metrics.auditPublished(outputs.filter(({ topic }) => topic === 'audit').length);
    },
  };
}

function meteredSources(inner: Sources, metrics: Metrics): Sources {
  return {
    ...inner,
    open: async (ref, signal) => {
      const source = await timed(metrics, 'source', () => inner.open(ref, signal));
      return { ...source, body: moving(source.body, metrics) };
    },
  };
}

/** A `create` lasts as long as reading, sealing and storing its object: they are one stream. */
function meteredObjects(inner: Objects, metrics: Metrics): Objects {
  return {
    ...inner,
    create: (name, parts, signal) =>
      timed(metrics, 'store', () => inner.create(name, moving(parts, metrics), signal)),
  };
}

/** Each step is movement. No generator: one would add a turn of the loop to every chunk of the hot path. */
function moving<T>(inner: AsyncIterable<T>, metrics: Metrics): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const steps = inner[Symbol.asyncIterator]();
      return {
        next: () => {
          metrics.moved();
          return steps.next();
        },
        return: () => steps.return?.() ?? Promise.resolve({ done: true, value: undefined }),
      };
    },
  };
}

function meteredRegistry(inner: Registry, metrics: Metrics): Registry {
  return {
    ...inner,
    decide: (proposal, signal) => timed(metrics, 'decision', () => inner.decide(proposal, signal)),
  };
}

interface ScheduleObserver {
  scheduleRan?(name: string, counts: Readonly<Record<string, number>>, says?: string): void;
  scheduleFailed?(name: string, error: CallsealError): void;
}

/** An observer of schedules that counts too. */
export function meteredSchedules(inner: ScheduleObserver, metrics: Metrics): Required<ScheduleObserver> {
  return {
    scheduleRan: (name, counts, says) => {
      metrics.scheduleRan(name, counts);
      inner.scheduleRan?.(name, counts, says);
    },
    scheduleFailed: (name, error) => {
      metrics.scheduleFailed(name, error.code);
      inner.scheduleFailed?.(name, error);
    },
  };
}

const OUTCOME_OF = {
  settle: 'ok',
  'hand-over': 'retry',
  wait: 'pause',
  leave: 'stop',
} as const satisfies Record<Verdict['do'], StageOutcome>;

/** In flight is what the handler has; a delivery that waits for a dependency is not. */
export function meteredHandler(inner: Handler, metrics: Metrics): Handler {
  return async (delivery, signal) => {
    const ended = metrics.delivery(delivery.origin.topic);
    try {
      const verdict = await inner(delivery, signal);
      ended(OUTCOME_OF[verdict.do]);
      return verdict;
    } catch (error) {
      ended('bug');
      throw error;
    }
  };
}

async function timed<T>(metrics: Metrics, stage: TimedStage, act: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const end = (outcome: StageOutcome): void =>
    metrics.stage(stage, outcome, (performance.now() - from) / 1000);
  try {
    const result = await act();
    end('ok');
    return result;
  } catch (error) {
    end(dispositionOf(codeOf(error)));
    throw error;
  }
}
