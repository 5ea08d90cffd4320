import type { Batch, Consumer } from 'kafkajs';
import type { Delivery } from '../../domain/deliveries.ts';
import type { KafkaClients } from '../kafka/client.ts';
import { isUnreadable } from '../kafka/codecs.ts';
import { headersOf } from '../kafka/partition-reader.ts';
import { deliveryOf, dueAtOf } from './delivery-headers.ts';
import { stickyAssigner } from './kafka-assigner.ts';
import type { Dispatcher } from './kafka-dispatcher.ts';
import type { Fetched, FetchedRun, Fetching } from './kafka-partition.ts';
import { inputKind, type TopicNames } from './topics.ts';

/** How the group is held together; milliseconds. */
export interface GroupTimes {
  /** After a crash the whole group fetches nothing until the dead member's session has ended. */
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  readonly rebalanceMs: number;
  /** The longest wait of a fetch, and the beat of a consumer that is paused everywhere. */
  readonly fetchWaitMs: number;
}

export const GROUP_TIMES: GroupTimes = {
  sessionMs: 12_000,
  heartbeatMs: 3_000,
  rebalanceMs: 60_000,
  fetchWaitMs: 500,
};

const PARTITION_BYTES = 256 * 1024;
const METADATA_MAX_AGE_MS = 60_000;

/** What happens in the group, for watchdogs. */
export type Sign = 'fetch' | 'heartbeat' | 'join';

export interface GroupParts {
  readonly clients: KafkaClients;
  readonly topics: TopicNames;
  readonly group: string;
  readonly times: GroupTimes;
  readonly dispatcher: () => Dispatcher;
  readonly onSign: (sign: Sign) => void;
}

/** This process's membership of the consumer group: a fetch and heartbeat engine, nothing more. */
export interface Group {
  start(): Promise<void>;
  fetching(name: string): Fetching;
  /** Resolves with the next heartbeat that is acknowledged after the call. */
  heartbeat(): Promise<void>;
  /** Leaves the group and closes the connections; bounded in time. */
  leave(): Promise<void>;
}

const LEAVE_WITHIN_MS = 10_000;

export function createGroup(parts: GroupParts): Group {
  const { clients, topics, group, times, dispatcher, onSign } = parts;
  const beats = new Set<() => void>();
  const consumer = clients.consumer({
    groupId: group,
    partitionAssigners: [stickyAssigner(() => dispatcher().owned())],
    sessionTimeout: times.sessionMs,
    heartbeatInterval: times.heartbeatMs,
    rebalanceTimeout: times.rebalanceMs,
    maxWaitTimeInMs: times.fetchWaitMs,
    maxBytesPerPartition: PARTITION_BYTES,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MAX_AGE_MS,
  });
  listen(consumer, dispatcher, (sign) => {
    onSign(sign);
    if (sign !== 'heartbeat') return;
    for (const beat of beats) beat();
    beats.clear();
  });

  return {
    start: async () => {
      await consumer.connect();
      // `false` would turn an offset that is out of range into records that nobody ever sees.
      await consumer.subscribe({
        topics: [...topics.inbox, topics.retry, topics.replay],
        fromBeginning: true,
      });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: true,
        eachBatch: async (fetched) => {
          if (fetched.isStale()) return;
          const { batch } = fetched;
          dispatcher().fetched(`${batch.topic}/${batch.partition}`, runOf(topics, batch));
        },
      });
    },
    fetching: (name) => fetchingOf(consumer, name),
    heartbeat: async () => await new Promise((resolve) => beats.add(resolve)),
    leave: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, LEAVE_WITHIN_MS);
      await Promise.race([consumer.disconnect().catch(() => undefined), promise]);
      clearTimeout(timer);
    },
  };
}

function listen(consumer: Consumer, dispatcher: () => Dispatcher, onSign: (sign: Sign) => void): void {
  const { GROUP_JOIN, REBALANCING, HEARTBEAT, FETCH, START_BATCH_PROCESS, CRASH } = consumer.events;
  consumer.on(GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
    const names = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => `${topic}/${partition}`),
    );
    onSign('join');
    dispatcher().joined(memberId, names);
  });
  consumer.on(REBALANCING, () => dispatcher().rebalancing());
  consumer.on(HEARTBEAT, () => onSign('heartbeat'));
  consumer.on(FETCH, () => onSign('fetch'));
  consumer.on(
    START_BATCH_PROCESS,
    ({ payload: { topic, partition, batchSize, firstOffset, lastOffset } }) => {
      // Markers and aborted records only: they are stepped over, and no batch is handed out for them.
      if (batchSize > 0) return;
      const from = Number(firstOffset ?? lastOffset);
      dispatcher().fetched(`${topic}/${partition}`, { from, records: [], next: Number(lastOffset) + 1 });
    },
  );
  consumer.on(CRASH, ({ payload: { error, restart } }) => {
    if (!restart) dispatcher().fail(error);
  });
}

/** Calls that come while the client restarts after a crash are for partitions that are about to end. */
function fetchingOf(consumer: Consumer, name: string): Fetching {
  const at = name.lastIndexOf('/');
  const [topic, partition] = [name.slice(0, at), Number(name.slice(at + 1))];
  const quietly = (act: () => void): void => {
    try {
      act();
    } catch {}
  };
  return {
    pause: () => quietly(() => consumer.pause([{ topic, partitions: [partition] }])),
    resumeAt: (offset) =>
      quietly(() => {
        consumer.seek({ topic, partition, offset: String(offset) });
        consumer.resume([{ topic, partitions: [partition] }]);
      }),
  };
}

/** The client knows what it asked for, and does not say so in its types. */
interface Asked {
  readonly fetchedOffset?: string;
}

function runOf(topics: TopicNames, batch: Batch & Asked): FetchedRun<Delivery> {
  return {
    from: Number(batch.fetchedOffset ?? batch.firstOffset() ?? batch.lastOffset()),
    records: batch.messages.map((message) => fetchedOf(topics, batch, message)),
    next: Number(batch.lastOffset()) + 1,
  };
}

function fetchedOf(
  topics: TopicNames,
  { topic, partition }: Batch,
  message: Batch['messages'][number],
): Fetched<Delivery> {
  const kind = inputKind(topics, topic) ?? 'inbox';
  const headers = headersOf(message);
  const value = message.value ?? Buffer.alloc(0);
  const place = { topic, partition, offset: Number(message.offset) };
  const dueAt = kind === 'retry' ? dueAtOf(headers) : undefined;
  return {
    offset: place.offset,
    bytes: value.length,
    ...(dueAt !== undefined && { dueAt }),
    unreadable: isUnreadable(message.value),
    // The client's buffers are views of the whole reply: kept as they are, one small body would hold megabytes.
    body: deliveryOf(
      {
        place,
        key: message.key?.toString(),
        headers,
        value: Buffer.from(value),
        at: Number(message.timestamp),
      },
      kind,
    ),
  };
}
