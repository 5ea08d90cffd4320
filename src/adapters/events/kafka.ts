import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Output, OutputTopic } from '../../domain/outputs.ts';
import type { Events, PublishedRecord } from '../../ports/events.ts';
import type { TopicNames } from '../inbox/topics.ts';
import type { KafkaClients } from '../kafka/client.ts';
import { describe, inboxError } from '../kafka/describe.ts';
import { outputRecord } from '../kafka/output-records.ts';
import { bytesOf, type OutRecord } from '../kafka/packing.ts';
import { type PartitionReader, partitionReader } from '../kafka/partition-reader.ts';
import { openTransactor, type Transactor } from '../kafka/transactor.ts';
import { lastOf } from './kafka-last.ts';
import { readTopic } from './kafka-reading.ts';

export interface KafkaEventsOptions {
  /** Stay open when the events are closed. */
  readonly clients: KafkaClients;
  readonly topics: TopicNames;
  /** Prefix of transactional ids; each process gets an id of its own below it. */
  readonly prefix: string;
}

/** Bytes of one transaction: it stays open for milliseconds. */
const TRANSACTION_BYTES = 4 * 1024 * 1024;

/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER: the answer of a broker. */
const LEADER_CODES: ReadonlySet<number> = new Set([3, 5, 6]);
const LEADER_TRIES = 8;
const LEADER_REST_MS = 50;

/** The output topics of a cluster: transactions for what is published without a delivery, and readers of every output. */
export function openKafkaEvents({ clients, topics, prefix }: KafkaEventsOptions): Events {
  const id = `${prefix}.events.${randomUUID()}`;
  let transactor: Transactor | undefined;
  const counts = new Map<string, number>();
  const reader = lazily(async () => await partitionReader(clients.cluster()));

  const countOf = async (topic: string): Promise<number> => {
    const known = counts.get(topic) ?? (await (await reader.get()).partitionsOf(topic)).length;
    counts.set(topic, known);
    return known;
  };
  const recordOf = async (output: Output): Promise<OutRecord> => {
    const topic = topics.outputs[output.topic];
    return outputRecord(output, topic, await countOf(topic));
  };
  const throwAway = async (): Promise<void> => {
    const broken = transactor;
    transactor = undefined;
    await broken?.close();
  };
  /** Leaders move, and a new topic has its name before it has them: refused like that, nothing was written. */
  const commit = async (records: readonly OutRecord[]): Promise<void> => {
    for (let tries = 1; ; tries++) {
      try {
        transactor ??= await openTransactor(clients, id);
        return await transactor.commit({ records });
      } catch (error) {
        await throwAway();
        if (tries === LEADER_TRIES || !LEADER_CODES.has(describe(error).code ?? 0)) throw error;
        await sleep(LEADER_REST_MS * tries);
      }
    }
  };

  return {
    publish: oneAtATime(async (outputs: readonly Output[], signal: AbortSignal) => {
      signal.throwIfAborted();
      try {
        const records = await Promise.all(outputs.map(recordOf));
        for (const part of parts(records)) await commit(part);
      } catch (error) {
        await throwAway();
        throw inboxError('publishing', error);
      }
    }),
    read: async function* (topic, options, signal) {
      // A reader of its own: a fetch that waits for news would hold up whoever shares the connection.
      const own = await partitionReader(clients.cluster()).catch(rethrow(topic));
      try {
        for await (const record of readTopic(
          own,
          { ...options, topic, name: topics.outputs[topic] },
          signal,
        )) {
          yield record;
        }
      } catch (error) {
        throw signal.aborted ? error : inboxError(`reading ${topics.outputs[topic]}`, error);
      } finally {
        await own.close();
      }
    },
    last: async (topic, signal): Promise<PublishedRecord | undefined> => {
      signal.throwIfAborted();
      const opened = await reader.get().catch(rethrow(topic));
      return await lastOf(opened, { topic, name: topics.outputs[topic] }).catch(rethrow(topic));
    },
    close: async () => {
      await transactor?.close();
      await reader.close();
    },
  };

  function rethrow(topic: OutputTopic): (error: unknown) => never {
    return (error) => {
      throw inboxError(`reading ${topics.outputs[topic]}`, error);
    };
  }
}

function parts(records: readonly OutRecord[]): OutRecord[][] {
  const cut: OutRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    bytes += bytesOf(record);
    if (bytes > TRANSACTION_BYTES) {
      cut.push([]);
      bytes = bytesOf(record);
    }
    cut.at(-1)?.push(record);
  }
  return cut;
}

function lazily(open: () => Promise<PartitionReader>) {
  let opening: Promise<PartitionReader> | undefined;
  return {
    get: async (): Promise<PartitionReader> => {
      opening ??= open();
      try {
        return await opening;
      } catch (error) {
        opening = undefined;
        throw error;
      }
    },
    close: async (): Promise<void> => await (await opening?.catch(() => undefined))?.close(),
  };
}

/** A transactional producer has one transaction at a time; the order of calls is the order of records. */
function oneAtATime<Args extends unknown[]>(act: (...args: Args) => Promise<void>): typeof act {
  let before: Promise<unknown> = Promise.resolve();
  return async (...args) => {
    const mine = before.then(async () => await act(...args));
    before = mine.catch(() => undefined);
    await mine;
  };
}
