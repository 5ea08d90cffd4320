import type { KafkaMessage } from 'kafkajs';
import { internal } from './patch.ts';

/**
 * What reading a partition without a consumer group needs of the client. It exports none of this: groups are for
 * those who share work, and a reader that joins one for a look needs a right, a name and a second to do so.
 */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, number[]>>;
  findBroker(at: { nodeId: string }): Promise<Broker>;
}

interface Broker {
  fetch(request: FetchRequest): Promise<{ readonly responses: readonly FetchedTopic[] }>;
  listOffsets(request: ListOffsetsRequest): Promise<{ readonly responses: readonly ListedTopic[] }>;
}

interface FetchRequest {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

export interface FetchedTopic {
  readonly topicName: string;
  readonly partitions: readonly FetchedPartition[];
}

export interface FetchedPartition {
  readonly partition: number;
  readonly highWatermark: string;
}

interface ListOffsetsRequest {
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
  }[];
}

interface ListedTopic {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

/** One partition's part of a fetch, without control records and what was aborted. */
export interface FetchedBatch {
  readonly messages: readonly KafkaMessage[];
  /** Offset of the last record of any kind that was fetched. */
  lastOffset(): string;
  isEmptyIncludingFiltered(): boolean;
}

interface BatchClass {
  new (topic: string, fetchedOffset: string, partition: FetchedPartition): FetchedBatch;
}

export function batchOf(topic: string, fetchedOffset: string, partition: FetchedPartition): FetchedBatch {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- held by the version
  const Batch = internal('consumer/batch') as BatchClass;
  return new Batch(topic, fetchedOffset, partition);
}

type CreateCluster = (options: {
  metadataMaxAge: number;
  allowAutoTopicCreation: boolean;
  isolationLevel: number;
}) => Cluster;

export const READ_COMMITTED = 1;
export const READ_UNCOMMITTED = 0;
const METADATA_MAX_AGE_MS = 60_000;

/** A cluster under the options of a `Kafka`, which keeps the way to make one behind a symbol. */
export function clusterOf(kafka: object): Cluster {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create: CreateCluster | undefined = key && Reflect.get(kafka, key);
  if (create === undefined) throw new TypeError('kafkajs: a Kafka has no way to make a cluster');
  return create({
    metadataMaxAge: METADATA_MAX_AGE_MS,
    allowAutoTopicCreation: false,
    isolationLevel: READ_COMMITTED,
  });
}
