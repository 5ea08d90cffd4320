import type { Delivery } from '../../domain/deliveries.ts';
import type { Code } from '../../domain/errors.ts';
import type { Output, OutputTopic } from '../../domain/outputs.ts';
import type { Handler, Verdict } from '../../ports/inbox.ts';
import { outputRecord } from '../kafka/output-records.ts';
import type { OutRecord } from '../kafka/packing.ts';
import { partitionOf } from '../kafka/partitions.ts';
import { handOverHeaders } from './delivery-headers.ts';
import { createMembership } from './kafka-membership.ts';
import type { Fetched, FetchedRun, PartitionEpoch } from './kafka-partition.ts';
import type { LaneItem, Lanes } from './lanes.ts';
import type { Bell } from './news.ts';
import type { Done, PumpSource } from './pump.ts';
import type { TopicNames } from './topics.ts';

/** A record in the lanes, with the epoch that it was fetched in. */
export interface KafkaItem extends LaneItem {
  readonly epoch: Epoch;
  readonly delivery: Delivery;
}

type Epoch = PartitionEpoch<Delivery>;

export interface DispatcherParts {
  readonly topics: TopicNames;
  /** Partitions of every topic that is written, counted at the start. */
  readonly counts: ReadonlyMap<string, number>;
  /** How long a record that is handed over only to free the window stays away. */
  readonly heldDelayMs: number;
  readonly bell: Bell;
  readonly now: () => number;
  /** Begins an epoch of `topic/partition`. */
  readonly begin: (name: string) => Epoch;
  /** The run cannot go on: nobody waits for the group any more. */
  readonly onFail: () => void;
  /** Where partitions end now. */
  readonly endsOf: (topic: string) => Promise<ReadonlyMap<number, { readonly high: number }>>;
}

export interface Dispatcher extends PumpSource<KafkaItem> {
  /** Gives a delivery to the worker's handler, within its epoch. */
  guard(handle: Handler): Handler;
  rebalancing(): void;
  joined(member: string, assigned: readonly string[]): void;
  fetched(name: string, run: FetchedRun<Delivery>): void;
  /** What this member would like to keep. */
  owned(): readonly string[];
  /** Whether everything that is due now has been fetched. */
  caughtUp(): Promise<boolean>;
  /** `run` cannot go on. */
  fail(error: unknown): void;
  endAll(): void;
}

/** Above this part of the window a paused tenant's records are handed over: its floor must move for the others. */
const CROWDED = 0.5;
/** Above this part a delivery that has been in hand for so long is stopped and handed over. */
const NEARLY_FULL = 0.75;
const STRAGGLER_MS = 30 * 60_000;

/** What the handler of a lost epoch said counts no more. */
const NOTHING: Verdict = { do: 'settle', outputs: [] };

interface InHand {
  readonly item: KafkaItem;
  readonly since: number;
  readonly straggling: AbortController;
}

/**
 * The one owner of what is fetched and not done, for one run. The pump delivers what it puts into the lanes; each
 * record belongs to the epoch of its partition, and when that ends its delivery is stopped and comes to nothing.
 */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { topics, counts, bell, now } = parts;
  const epochs = new Map<string, Epoch>();
  const membership = createMembership();
  const inHand = new Map<Delivery, InHand>();
  /** Deliveries that wait for a paused dependency; called when their epoch ends or its window is crowded. */
  const waiting = new Map<() => void, Epoch>();
  let ids = 0;
  let joined = false;
  let failure: { readonly error: unknown } | undefined;

  const wake = (which: (epoch: Epoch) => boolean): void => {
    for (const [resolve, epoch] of waiting) if (which(epoch)) resolve();
  };
  const untilWorthIt = async (epoch: Epoch, resumed: Promise<unknown>): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = (): void => resolve();
    waiting.set(over, epoch);
    resumed.then(over, over);
    await promise;
    waiting.delete(over);
  };
  const freeWindow = ({ counted, firstFailedAt }: Delivery, held?: Code): Verdict => ({
    do: 'hand-over',
    dueAt: new Date(now() + parts.heldDelayMs),
    counted,
    firstFailedAt,
    ...(held !== undefined && { held }),
  });
  const verdictIn = ({ item, straggling }: InHand, verdict: Verdict): Verdict => {
    const { epoch, delivery } = item;
    if (epoch.signal.aborted) return NOTHING;
    if (verdict.do === 'leave' && straggling.signal.aborted) return freeWindow(delivery);
    if (verdict.do !== 'wait') return verdict;
    if (epoch.fuller(CROWDED) && delivery.place.topic !== topics.retry)
      return freeWindow(delivery, verdict.code);
    return { do: 'wait', resumed: untilWorthIt(epoch, verdict.resumed) };
  };
  const lookAround = (): void => {
    const time = now();
    for (const epoch of epochs.values()) epoch.look(time);
    wake((epoch) => epoch.signal.aborted || epoch.fuller(CROWDED));
    for (const { item, since, straggling } of inHand.values()) {
      const old = time - since > STRAGGLER_MS && item.delivery.place.topic !== topics.retry;
      if (old && item.epoch.fuller(NEARLY_FULL)) straggling.abort();
    }
  };
  const fill = (lanes: Lanes<KafkaItem>): void => {
    lookAround();
    for (const epoch of epochs.values()) {
      for (const record of epoch.admit()) lanes.add(itemOf(++ids, epoch, record));
    }
  };
  const end = (name: string): void => {
    epochs.get(name)?.end();
    epochs.delete(name);
  };
  const countOf = (topic: string): number => counts.get(topic) ?? 1;

  return {
    refill: async (lanes) => {
      if (failure) throw failure.error;
      fill(lanes);
    },
    load: async (item) => {
      inHand.set(item.delivery, { item, since: now(), straggling: new AbortController() });
      return item.delivery;
    },
    commit: async (delivery, verdict) => {
      const held = inHand.get(delivery);
      inHand.delete(delivery);
      if (held === undefined || held.item.epoch.signal.aborted) return;
      const records =
        verdict.do === 'settle'
          ? verdict.outputs.map((output) => outputOf(topics, countOf, output))
          : [handOverOf(topics.retry, countOf, delivery, verdict)];
      await held.item.epoch.settle(delivery.place.offset, records);
      bell.ring();
    },
    guard: (handle) => async (delivery, stop) => {
      const held = inHand.get(delivery);
      if (held === undefined || held.item.epoch.signal.aborted) return NOTHING;
      const signal = AbortSignal.any([stop, held.item.epoch.signal, held.straggling.signal]);
      const verdict = verdictIn(held, await handle(delivery, signal));
      if (verdict.do === 'wait' || verdict.do === 'leave') inHand.delete(delivery);
      return verdict;
    },
    rebalancing: () => membership.rebalancing(),
    joined: (member, assigned) => {
      const { begun, ended } = membership.join(member, assigned);
      for (const name of ended) end(name);
      for (const name of begun) epochs.set(name, parts.begin(name));
      joined = true;
      wake((epoch) => epoch.signal.aborted);
      bell.ring();
    },
    fetched: (name, run) => epochs.get(name)?.fetched(run),
    owned: () => [...epochs.keys()],
    caughtUp: async () => {
      if (!joined) return false;
      const ends = new Map<string, ReadonlyMap<number, { readonly high: number }>>();
      for (const [name, epoch] of epochs) {
        const at = name.lastIndexOf('/');
        const topic = name.slice(0, at);
        const found = ends.get(topic) ?? (await parts.endsOf(topic));
        ends.set(topic, found);
        if (!epoch.caughtUp(found.get(Number(name.slice(at + 1)))?.high ?? 0)) return false;
      }
      return true;
    },
    fail: (error) => {
      failure ??= { error };
      parts.onFail();
      bell.ring();
    },
    endAll: () => {
      for (const name of epochs.keys()) end(name);
      wake(() => true);
    },
  };
}

function itemOf(id: number, epoch: Epoch, { body, bytes }: Fetched<Delivery>): KafkaItem {
  return { id, key: body.key, bytes, epoch, delivery: body };
}

type CountOf = (topic: string) => number;

function outputOf(
  { outputs }: { outputs: Readonly<Record<OutputTopic, string>> },
  countOf: CountOf,
  output: Output,
) {
  const topic = outputs[output.topic];
  return outputRecord(output, topic, countOf(topic));
}

/** A record without a key has no order to keep: any partition will do, but the same one at every repeat. */
function handOverOf(
  topic: string,
  countOf: CountOf,
  delivery: Delivery,
  handOver: Extract<Done, { do: 'hand-over' }>,
): OutRecord {
  const { key, value, place } = delivery;
  const count = countOf(topic);
  const partition = key === undefined ? place.offset % count : partitionOf(key, count);
  return { topic, partition, key, headers: handOverHeaders(delivery, handOver), value };
}
