import type { Socket } from 'node:net';
import {
  type Admin,
  type Consumer,
  type ConsumerConfig,
  type ISocketFactory,
  Kafka,
  logLevel,
  Partitioners,
  type Producer,
} from 'kafkajs';
import { type Cluster, clusterOf } from './cluster.ts';
import { installCodecs } from './codecs.ts';
import { patchConnects, patchTimers } from './patch.ts';
import { plaintextMaterial, type TlsFiles, tlsMaterial } from './tls-material.ts';

export interface KafkaOptions {
  readonly brokers: readonly string[];
  /** Absent: plaintext, which the settings allow on loopback only. */
  readonly tls?: TlsFiles;
  readonly clientId: string;
}

/** Connections to one cluster under one certificate; every one that is made here is closed by whoever made it. */
export interface KafkaClients {
  consumer(config: ConsumerConfig): Consumer;
  /** With an id: transactional. Without: idempotent, its records stand once each. */
  producer(transactionalId?: string): Producer;
  admin(): Admin;
  /** For reading partitions without a group. */
  cluster(): Cluster;
  /** Opens a TLS connection to a broker as the clients do. */
  openSocket(at: { host: string; port: number; onConnect: () => void }): Socket;
  /** Once everything that was made here is closed: ends what is left of connections. */
  stop(): void;
}

/** The default of 1 s is too short for a TLS handshake on a busy machine. */
const CONNECT_MS = 10_000;
const REQUEST_MS = { consumer: 30_000, producer: 10_000 };
/** 10 ms and not the default 300 ms: back-to-back transactions meet the end of the one before them. */
const PRODUCER_RETRY = { retries: 12, initialRetryTime: 10, maxRetryTime: 500 };
/**
 * A send in a transaction is tried once. When the client repeats one, it leaves out the brokers that have answered,
 * and knows them by their connections: where one was lost meanwhile, records are written again under new sequence
 * numbers, and where a partition has moved to a broker that has answered, its records are never written. Both without
 * an error. It refuses 0 for such a producer, and compares; nothing is below, at or above NaN.
 */
export const SENT_ONCE = { ...PRODUCER_RETRY, retries: Number.NaN };
const CONSUMER_RETRY = { retries: 10, initialRetryTime: 100, maxRetryTime: 1000 };
const TRANSACTION_MS = 40_000;

/**
 * The clients of one deployment. Consumers, producers and the rest have a `Kafka` each: within one they would share
 * a cache of committed offsets.
 *
 * @throws CallsealError BAD_CONFIG - the TLS files cannot be used
 */
export async function kafkaClients({ brokers, tls, clientId }: KafkaOptions): Promise<KafkaClients> {
  patchTimers();
  patchConnects();
  installCodecs();
  const sockets = new Set<Socket>();
  const material = tls ? await tlsMaterial(tls) : plaintextMaterial;
  // The client takes whatever a Node socket is; its types ask for less than it hands over.
  const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = material.open({ host, port, onConnect });
    sockets.add(socket);
    return socket.once('close', () => sockets.delete(socket));
  };
  const base = {
    brokers: [...brokers],
    clientId,
    ssl: tls !== undefined,
    socketFactory,
    connectionTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS.consumer,
    enforceRequestTimeout: true,
    logLevel: logLevel.NOTHING,
    retry: CONSUMER_RETRY,
  };
  const consumers = new Kafka(base);
  const producers = new Kafka({ ...base, requestTimeout: REQUEST_MS.producer, retry: PRODUCER_RETRY });
  const others = new Kafka(base);
  return {
    consumer: (config) => consumers.consumer({ ...config, retry: CONSUMER_RETRY }),
    producer: (transactionalId) =>
      producers.producer({
        ...(transactionalId !== undefined && { transactionalId, transactionTimeout: TRANSACTION_MS }),
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        // Never asked: every record names its partition. Named so that the client does not warn about its default.
        createPartitioner: Partitioners.DefaultPartitioner,
        retry: transactionalId === undefined ? PRODUCER_RETRY : SENT_ONCE,
      }),
    admin: () => others.admin(),
    cluster: () => clusterOf(others),
    openSocket: (at) => material.open(at),
    stop: () => {
      material.stop();
      // Whatever the client has forgotten to close would keep the process alive.
      for (const socket of sockets) socket.destroy();
    },
  };
}
