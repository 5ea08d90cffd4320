import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery } from '../../domain/deliveries.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { Handler, Inbox } from '../../ports/inbox.ts';
import type { KafkaClients } from '../kafka/client.ts';
import { type Connections, connect, disconnect } from '../kafka/connect.ts';
import { describe, inboxError } from '../kafka/describe.ts';
import { partitionReader } from '../kafka/partition-reader.ts';
import { replayHeaders } from './delivery-headers.ts';
import { kafkaBacklog } from './kafka-backlog.ts';
import { createDispatcher, type Dispatcher, type KafkaItem } from './kafka-dispatcher.ts';
import { createGroup, GROUP_TIMES, type Group, type GroupTimes } from './kafka-group.ts';
import { openLife, readCommitted } from './kafka-life.ts';
import { beginPartition, type PartitionEpoch, type WindowLimits } from './kafka-partition.ts';
import { preflight } from './kafka-preflight.ts';
import { createPublisher } from './kafka-publisher.ts';
import { kafkaRecords } from './kafka-records.ts';
import type { SettlerIo } from './kafka-settler.ts';
import { createWatchdog } from './kafka-watchdog.ts';
import { createLanes, type LaneLimits, type Lanes } from './lanes.ts';
import { createBell, POLL_MS } from './news.ts';
import { pump } from './pump.ts';
import { inputKind, type TopicNames } from './topics.ts';

export interface KafkaInboxOptions {
  /** Stay open when the inbox is closed. */
  readonly clients: KafkaClients;
  readonly brokers: readonly string[];
  readonly topics: TopicNames;
  readonly group: string;
  /** Prefix of transactional ids. */
  readonly prefix: string;
  readonly limits: LaneLimits;
  readonly window: WindowLimits;
  /** How long a record stays away that is handed over only to free the window. */
  readonly heldDelayMs: number;
  readonly times?: GroupTimes;
  /** Told in a sentence of a partition that stands still. */
  readonly onTrouble?: (sentence: string) => void;
}

/**
 * The inbox of a cluster (docs/kafka.md): the consumer group fetches, one dispatcher owns what is in hand, and each
 * partition settles outputs and done-mark in one transaction.
 */
export function openKafkaInbox(options: KafkaInboxOptions): Inbox {
  const { clients, topics, group } = options;
  // Opened at first use, so that a command which never asks the cluster needs none.
  let connections: Promise<Connections> | undefined;
  let counts: ReadonlyMap<string, number> | undefined;

  const connected = async (): Promise<Connections> => {
    connections ??= connect(clients, options.brokers);
    try {
      return await connections;
    } catch (error) {
      connections = undefined;
      throw error;
    }
  };
  const publisher = createPublisher(
    clients,
    async (topic) => counts?.get(topic) ?? (await (await connected()).reader.partitionsOf(topic)).length,
  );

  return {
    run: async (handle, { untilIdle }, signal) => {
      if (signal.aborted) return;
      const opened = await connected();
      const now = await preflight({ ...options, ...opened });
      requireSameCounts(counts, now);
      counts = now;
      await runGroup({ ...options, ...opened, counts: now }, handle, untilIdle, signal);
    },
    publish: async (record, signal) => {
      signal.throwIfAborted();
      const kind = inputKind(topics, record.topic);
      if (kind === undefined || kind === 'retry') {
        throw new CallsealError('USAGE', `${record.topic} is no topic that events are published into`);
      }
      return await publisher.publish(record);
    },
    replay: async ({ origin, replay, key, headers, value }, signal) => {
      signal.throwIfAborted();
      return await publisher.publish({
        topic: topics.replay,
        key,
        headers: replayHeaders(headers, origin, replay),
        value,
      });
    },
    backlog: async (signal) => {
      signal.throwIfAborted();
      const { admin, reader } = await connected();
      return await kafkaBacklog({ admin, reader, topics, group }).catch((error: unknown) => {
        throw inboxError('looking at the backlog', error);
      });
    },
    records: async function* (since, signal, only) {
      const { admin } = await connected();
      // A reader of its own: whoever shares the connection would wait for its fetches.
      const reader = await partitionReader(clients.cluster()).catch(rethrow);
      try {
        for await (const entry of kafkaRecords({ admin, reader, topics, group }, since, signal, only))
          yield entry;
      } catch (error) {
        throw signal.aborted ? error : inboxError('reading the input topics', error);
      } finally {
        await reader.close();
      }
    },
    removeExpired: async (signal) => {
      signal.throwIfAborted();
      return 0;
    },
    close: async () => {
      await publisher.close();
      const opened = await connections?.catch(() => undefined);
      if (opened) await disconnect(opened);
    },
  };
}

function rethrow(error: unknown): never {
  throw inboxError('reading the input topics', error);
}

/** Another count puts the records of a call into another partition than those before them. */
function requireSameCounts(
  before: ReadonlyMap<string, number> | undefined,
  now: ReadonlyMap<string, number>,
): void {
  for (const [topic, count] of before ?? []) {
    if (now.get(topic) === count) continue;
    const says = `${topic} had ${count} partitions at the start and has ${now.get(topic)} now`;
    throw new CallsealError('BAD_CONFIG', `${says}: records of a call would change their partition`);
  }
}

interface Run extends KafkaInboxOptions, Connections {
  readonly counts: ReadonlyMap<string, number>;
}

async function runGroup(run: Run, handle: Handler, untilIdle: boolean, signal: AbortSignal): Promise<void> {
  const bell = createBell();
  const watchdog = createWatchdog(() => performance.now());
  const group: Group = createGroup({
    clients: run.clients,
    topics: run.topics,
    group: run.group,
    times: run.times ?? GROUP_TIMES,
    dispatcher: () => dispatcher,
    onSign: watchdog.saw,
  });
  const failing = new AbortController();
  const stopping = AbortSignal.any([signal, failing.signal]);
  const dispatcher: Dispatcher = createDispatcher({
    onFail: () => failing.abort(),
    topics: run.topics,
    counts: run.counts,
    heldDelayMs: run.heldDelayMs,
    bell,
    now: Date.now,
    begin: (name) =>
      begin(run, {
        group,
        name,
        signal: stopping,
        onNews: bell.ring,
        fail: (error) => dispatcher.fail(error),
      }),
    endsOf: async (topic) => await run.reader.endsOf(topic),
  });
  /** The pump takes idle lanes for the end. They are, once nothing more is to be fetched and what was is in them. */
  const untilSomethingOrNothing = async (lanes: Lanes<KafkaItem>): Promise<void> => {
    for (let caughtUp = false; !caughtUp && lanes.idle() && !signal.aborted; ) {
      caughtUp = await dispatcher.caughtUp();
      if (!caughtUp) await bell.wait(POLL_MS);
      await dispatcher.refill(lanes, true);
    }
  };
  const requireCounts = countsChecker(run);
  const refill = async (lanes: Lanes<KafkaItem>): Promise<void> => {
    const standstill = watchdog.verdict();
    if (standstill !== undefined) dispatcher.fail(new CallsealError('INBOX_DOWN', standstill));
    await requireCounts();
    await dispatcher.refill(lanes, true);
    if (untilIdle) await untilSomethingOrNothing(lanes);
  };
  group.start().catch((error: unknown) => dispatcher.fail(inboxError('joining the group', error)));
  try {
    await pump(
      {
        lanes: createLanes<KafkaItem>(run.limits),
        source: { ...dispatcher, refill },
        handle: dispatcher.guard(handle),
        news: { bell, heard: () => true, stop: () => undefined },
        untilIdle,
      },
      signal,
    );
  } catch (error) {
    throw describe(error).name.startsWith('KafkaJS') ? inboxError('consuming', error) : error;
  } finally {
    await group.leave();
    dispatcher.endAll();
  }
}

const COUNT_EVERY_MS = 60_000;

/** Looks once a minute whether somebody has added partitions. While the cluster is away nobody can know. */
function countsChecker({ counts, reader }: Run): () => Promise<void> {
  let countedAt = performance.now();
  return async () => {
    if (performance.now() - countedAt < COUNT_EVERY_MS) return;
    countedAt = performance.now();
    const now = new Map<string, number>();
    for (const topic of counts.keys()) {
      const partitions = await reader.partitionsOf(topic).catch(() => undefined);
      now.set(topic, partitions?.length ?? counts.get(topic) ?? 0);
    }
    requireSameCounts(counts, now);
  };
}

interface Beginning {
  readonly group: Group;
  readonly name: string;
  /** Aborts when this process leaves, or the run has failed. */
  readonly signal: AbortSignal;
  readonly onNews: () => void;
  readonly fail: (error: unknown) => void;
}

/** Answers that mean something else than "another owner": too large, and the transaction before it is still ending. */
const OURS: ReadonlySet<number> = new Set([10, 51]);

function begin(run: Run, { group, name, signal, onNews, fail }: Beginning): PartitionEpoch<Delivery> {
  const at = name.lastIndexOf('/');
  const [topic, partition] = [name.slice(0, at), Number(name.slice(at + 1))];
  const lost = Promise.withResolvers<boolean>();
  const io: SettlerIo = {
    open: async () => {
      try {
        return await openLife(run, topic, partition);
      } catch (error) {
        if (error instanceof CallsealError) fail(error);
        throw error;
      }
    },
    stillOurs: async () => await Promise.race([group.heartbeat().then(() => true), lost.promise]),
    rest: async (ms) => await sleep(ms),
    fenced: (error) => {
      const { code } = describe(error);
      return code !== undefined && !OURS.has(code);
    },
    leaving: () => signal.aborted,
  };
  const epoch = beginPartition<Delivery>({
    io,
    fetching: group.fetching(name),
    window: run.window,
    now: Date.now,
    onNews,
    onUnreadable: (offset) =>
      run.onTrouble?.(
        `${name} stands still: the record at ${offset} cannot be read; ` +
          `callseal inbox skip --topic ${topic} --partition ${partition} --offset ${offset} --ticket TICKET`,
      ),
    committed: async () => await readCommitted(run, topic, partition),
  });
  epoch.signal.addEventListener('abort', () => lost.resolve(false), { once: true });
  // Whoever leaves or has failed does not wait for a heartbeat: a broker may be away, and the consumer gone.
  signal.addEventListener('abort', () => lost.resolve(false), { once: true, signal: epoch.signal });
  return epoch;
}
