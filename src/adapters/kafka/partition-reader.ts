import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaMessage } from 'kafkajs';
import { batchOf, type Cluster, READ_COMMITTED, READ_UNCOMMITTED } from './cluster.ts';
import { isUnreadable } from './codecs.ts';
import { describe } from './describe.ts';

export interface PartitionRecord {
  readonly partition: number;
  readonly offset: number;
  /** When it was published: milliseconds by the writer's clock. */
  readonly at: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
  /** Nobody can read it; it has no value. */
  readonly unreadable: boolean;
}

/** First and next offset of a partition. */
export interface Ends {
  readonly low: number;
  readonly high: number;
}

export interface PartitionReader {
  /** @throws KafkaJSError where the topic is missing or may not be read */
  partitionsOf(topic: string): Promise<readonly number[]>;
  /** Records of open and aborted transactions count. */
  endsOf(topic: string): Promise<ReadonlyMap<number, Ends>>;
  /** The first offset of every partition that was published then or later, by the writers' clocks; its end else. */
  offsetsSince(topic: string, since: Date): Promise<ReadonlyMap<number, number>>;
  /** Committed records from `from` on, as many as one fetch gives, and the offset to go on from. */
  fetch(topic: string, from: ReadonlyMap<number, number>, waitMs: number): Promise<Fetched>;
  close(): Promise<void>;
}

export interface Fetched {
  readonly records: readonly PartitionRecord[];
  readonly next: ReadonlyMap<number, number>;
}

const FETCH_BYTES = 4 * 1024 * 1024;
const PARTITION_BYTES = 2 * 1024 * 1024;
/** LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER. */
const LEADER_CODES: ReadonlySet<number> = new Set([5, 6]);
const LEADER_TRIES = 25;
const LEADER_WAIT_MS = 200;
const EARLIEST = -2;
const LATEST = -1;

/** Reads partitions of a topic as committed readers see them, without a consumer group. */
export async function partitionReader(cluster: Cluster): Promise<PartitionReader> {
  await cluster.connect();
  const partitionsOf = async (topic: string): Promise<readonly number[]> => {
    await cluster.addTargetTopic(topic);
    await cluster.refreshMetadataIfNecessary();
    return cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => partitionId)
      .toSorted((a, b) => a - b);
  };
  /** Leaders move, and a new topic has its name before it has them: asked again for a while, with fresh metadata. */
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let tried = 1; ; tried++) {
      try {
        return await work();
      } catch (error) {
        if (tried === LEADER_TRIES || !LEADER_CODES.has(describe(error).code ?? 0)) throw error;
        await sleep(LEADER_WAIT_MS);
        await cluster.refreshMetadata().catch(() => undefined);
      }
    }
  };
  const offsetsOf = async (topic: string, timestamp: number): Promise<Map<number, number>> => {
    const found = new Map<number, number>();
    const leaders = cluster.findLeaderForPartitions(topic, await partitionsOf(topic));
    for (const [nodeId, partitions] of Object.entries(leaders)) {
      const broker = await cluster.findBroker({ nodeId });
      const { responses } = await broker.listOffsets({
        isolationLevel: READ_UNCOMMITTED,
        topics: [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp })) }],
      });
      for (const each of responses) {
        for (const { partition, offset } of each.partitions) found.set(partition, Number(offset));
      }
    }
    return found;
  };

  return {
    partitionsOf,
    endsOf: async (topic) => {
      const low = await patiently(() => offsetsOf(topic, EARLIEST));
      const high = await patiently(() => offsetsOf(topic, LATEST));
      return new Map(
        [...high].map(([partition, end]) => [partition, { low: low.get(partition) ?? 0, high: end }]),
      );
    },
    offsetsSince: async (topic, since) => {
      const found = await patiently(() => offsetsOf(topic, since.getTime()));
      const high = await patiently(() => offsetsOf(topic, LATEST));
      return new Map(
        [...high].map(([partition, end]) => {
          const offset = found.get(partition) ?? -1;
          return [partition, offset < 0 ? end : offset];
        }),
      );
    },
    fetch: async (topic, from, waitMs) => {
      const records: PartitionRecord[] = [];
      const next = new Map(from);
      await cluster.refreshMetadataIfNecessary();
      const leaders = Object.entries(cluster.findLeaderForPartitions(topic, [...from.keys()]));
      const fetchFrom = async ([nodeId, partitions]: [string, number[]]): Promise<void> => {
        const broker = await cluster.findBroker({ nodeId });
        const { responses } = await broker.fetch({
          maxWaitTime: waitMs,
          minBytes: 1,
          maxBytes: FETCH_BYTES,
          isolationLevel: READ_COMMITTED,
          topics: [{ topic, partitions: partitions.map((partition) => requestOf(partition, from)) }],
        });
        for (const each of responses.flatMap((response) => response.partitions)) {
          const batch = batchOf(topic, String(from.get(each.partition)), each);
          records.push(...batch.messages.map((message) => recordOf(each.partition, message)));
          if (!batch.isEmptyIncludingFiltered()) next.set(each.partition, Number(batch.lastOffset()) + 1);
        }
      };
      try {
        await Promise.all(leaders.map(fetchFrom));
      } catch (error) {
        // Leaders move; whoever reads on finds the new ones.
        if (describe(error).code !== undefined) await cluster.refreshMetadata();
        throw error;
      }
      return { records, next };
    },
    close: async () => await cluster.disconnect(),
  };
}

function requestOf(
  partition: number,
  from: ReadonlyMap<number, number>,
): { partition: number; fetchOffset: string; maxBytes: number } {
  return { partition, fetchOffset: String(from.get(partition)), maxBytes: PARTITION_BYTES };
}

function recordOf(partition: number, message: KafkaMessage): PartitionRecord {
  const unreadable = isUnreadable(message.value);
  return {
    partition,
    offset: Number(message.offset),
    at: Number(message.timestamp),
    key: message.key?.toString(),
    headers: headersOf(message),
    value: unreadable ? Buffer.alloc(0) : (message.value ?? Buffer.alloc(0)),
    unreadable,
  };
}

/** Header values arrive as bytes; of a header that stands twice the first counts. */
export function headersOf({ headers }: Pick<KafkaMessage, 'headers'>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) texts[name] = first.toString();
  }
  return texts;
}
