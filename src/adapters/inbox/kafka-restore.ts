import { type Delivery, placeText } from '../../domain/deliveries.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { DeliveryRef, HandOverProgress, InboxRestore } from '../../ports/inbox-restore.ts';
import type { KafkaClients } from '../kafka/client.ts';
import { type Connections, connect, disconnect } from '../kafka/connect.ts';
import { inboxError } from '../kafka/describe.ts';
import type { OutRecord } from '../kafka/packing.ts';
import type { PartitionRecord } from '../kafka/partition-reader.ts';
import { partitionOf } from '../kafka/partitions.ts';
import { deliveryOf, replayHeaders } from './delivery-headers.ts';
import { openLife } from './kafka-life.ts';
import { doneRecords, type Partition, untilStable, waitingRecords } from './kafka-restore-scan.ts';
import { inputKind, type TopicNames } from './topics.ts';

export interface KafkaRestoreOptions {
  /** Under the worker's certificate: it is the worker's transactions that are fenced. Stay open. */
  readonly clients: KafkaClients;
  readonly brokers: readonly string[];
  readonly topics: TopicNames;
  readonly group: string;
  readonly prefix: string;
}

type Connected = KafkaRestoreOptions & Connections;

/** @throws CallsealError INBOX_DOWN */
export async function openKafkaRestore(options: KafkaRestoreOptions): Promise<InboxRestore> {
  const connected = { ...options, ...(await connect(options.clients, options.brokers)) };
  let fenced: readonly Partition[] | undefined;
  return {
    members: async (signal) => {
      signal.throwIfAborted();
      return await membersOf(connected).catch(rethrow(`looking at group ${options.group}`));
    },
    fence: async (signal) => {
      fenced = await fenceAll(connected, signal).catch(rethrow('fencing the partitions'));
    },
    handOverUnanswered: async (answered, onProgress, signal) => {
      if (fenced === undefined) throw new CallsealError('BUG', 'handing over comes after fencing');
      const handing = { ...connected, fenced, answered, onProgress };
      return await handOver(handing, signal).catch(rethrow('handing over to the retry topic'));
    },
    close: async () => await disconnect(connected),
  };
}

async function membersOf({ admin, group }: Connected): Promise<string[]> {
  const { groups } = await admin.describeGroups([group]);
  return groups.flatMap(({ members }) =>
    members.map(({ memberId, clientHost }) => `${memberId} at ${clientHost.replace(/^\//, '')}`),
  );
}

/** Begins a life of every partition of every input (docs/kafka.md), which ends the one before, and reads its mark. */
async function fenceAll(connected: Connected, signal: AbortSignal): Promise<Partition[]> {
  const { reader, topics } = connected;
  const fenced: Partition[] = [];
  for (const topic of [...topics.inbox, topics.retry, topics.replay]) {
    for (const partition of await reader.partitionsOf(topic)) {
      signal.throwIfAborted();
      const life = await openLife(connected, topic, partition);
      await life.close();
      fenced.push({ topic, partition, mark: life.committed });
    }
  }
  // A relay that died left its transaction open: what others published behind it is part of the chain.
  await untilStable(reader, topics.outputs.audit, signal);
  return fenced;
}

interface HandingOver extends KafkaRestoreOptions, Connections {
  readonly fenced: readonly Partition[];
  readonly answered: (deliveries: readonly DeliveryRef[]) => Promise<readonly boolean[]>;
  readonly onProgress: (progress: HandOverProgress) => void;
}

async function handOver(handing: HandingOver, signal: AbortSignal): Promise<HandOverProgress> {
  const { reader, topics, fenced, onProgress } = handing;
  const retryPartitions = (await reader.partitionsOf(topics.retry)).length;
  const underWay = await carriedByWaiting(handing, signal);
  let progress: HandOverProgress = { looked: 0, handedOver: 0 };
  for (const part of fenced) {
    // A life of its own for each partition: it fences another command like this one as well.
    const life = await openLife(handing, part.topic, part.partition);
    try {
      for await (const page of doneRecords(reader, part, signal)) {
        const lost = await unanswered(handing, deliveriesOf(topics, part, page), underWay);
        const records = lost.map((delivery) => recordOf(topics.retry, retryPartitions, delivery));
        // The mark is committed again as it is: nothing is done or undone by this.
        if (records.length > 0) await life.commit(records, life.committed);
        for (const delivery of lost) underWay.add(keyOf(delivery));
        progress = { looked: progress.looked + page.length, handedOver: progress.handedOver + lost.length };
        onProgress(progress);
      }
    } finally {
      await life.close();
    }
  }
  return progress;
}

/** Deliveries that a record of the retry or replay topic carries which is not done: it will be answered by itself. */
async function carriedByWaiting(
  { reader, topics, fenced }: HandingOver,
  signal: AbortSignal,
): Promise<Set<string>> {
  const carried = new Set<string>();
  for (const part of fenced) {
    if (topics.inbox.includes(part.topic)) continue;
    for await (const page of waitingRecords(reader, part, signal)) {
      for (const delivery of deliveriesOf(topics, part, page)) carried.add(keyOf(delivery));
    }
  }
  return carried;
}

/** An unreadable record that is done was skipped by an operator: there are no bytes to answer. */
function deliveriesOf(
  topics: TopicNames,
  { topic, partition }: Partition,
  page: readonly PartitionRecord[],
): Delivery[] {
  const kind = inputKind(topics, topic) ?? 'inbox';
  return page
    .filter(({ unreadable }) => !unreadable)
    .map(({ offset, key, headers, value }) =>
      deliveryOf({ place: { topic, partition, offset }, key, headers, value }, kind),
    );
}

const ASKED_AT_ONCE = 500;

async function unanswered(
  { answered }: HandingOver,
  deliveries: readonly Delivery[],
  underWay: ReadonlySet<string>,
): Promise<Delivery[]> {
  // One delivery may have left several done records behind: each hand-over of it and the first one.
  const open = [...new Map(deliveries.map((delivery) => [keyOf(delivery), delivery])).values()].filter(
    (delivery) => !underWay.has(keyOf(delivery)),
  );
  const lost: Delivery[] = [];
  for (let at = 0; at < open.length; at += ASKED_AT_ONCE) {
    const some = open.slice(at, at + ASKED_AT_ONCE);
    const known = await answered(some.map(({ origin, replay }) => ({ origin, replay })));
    lost.push(...some.filter((_, i) => known[i] === false));
  }
  return lost;
}

/** No arrival and no tries: it begins anew, and its arrival is the place that it gets (docs/decisions/0014). */
function recordOf(topic: string, partitions: number, delivery: Delivery): OutRecord {
  const { origin, replay, key, value, place } = delivery;
  const partition = key === undefined ? place.offset % partitions : partitionOf(key, partitions);
  return { topic, partition, key, headers: replayHeaders(delivery.headers, origin, replay), value };
}

function keyOf({ origin, replay }: DeliveryRef): string {
  return `${placeText(origin)}#${replay}`;
}

function rethrow(doing: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof Error && error.name === 'AbortError' ? error : inboxError(doing, error);
  };
}
