import { CallsealError } from '../../domain/errors.ts';
import { bad, down, type Finding, ok } from '../../domain/findings.ts';
import { probeTls } from '../tls/probe.ts';
import { kafkaClients } from './client.ts';
import { describe, inboxError, isDenied } from './describe.ts';
import type { TlsFiles } from './tls-material.ts';

export interface KafkaProbeOptions {
  readonly brokers: readonly { readonly host: string; readonly port: number }[];
  readonly tls?: TlsFiles;
  /** Every topic that a worker reads or writes. */
  readonly topics: readonly string[];
  readonly group: string;
}

type Admin = ReturnType<Awaited<ReturnType<typeof kafkaClients>>['admin']>;

/**
 * Each broker's handshake, then as the worker's principal every topic and the group. Joins no group, makes no topic
 * and takes no transactional id. Settings and rights of everybody: `callseal topics check`.
 *
 * @throws the signal's reason
 */
export async function probeKafka(options: KafkaProbeOptions, signal: AbortSignal): Promise<Finding[]> {
  const { tls, brokers } = options;
  const looks = tls
    ? await Promise.all(brokers.map(async (at) => await probeTls({ ...at, ...tls, client: tls }, signal)))
    : [];
  const handshakes = looks.flatMap(({ findings }) => findings);
  if (tls && !looks.some(({ usable }) => usable)) return handshakes;
  return [...handshakes, ...(await insideOf(options, signal))];
}

async function insideOf(
  { brokers, tls, topics, group }: KafkaProbeOptions,
  signal: AbortSignal,
): Promise<Finding[]> {
  const names = brokers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  const clients = await kafkaClients({ brokers: names, clientId: 'callseal-doctor', ...(tls && { tls }) });
  const admin = clients.admin();
  try {
    await admin.connect();
    const found: Finding[] = [];
    for (const topic of topics) {
      signal.throwIfAborted();
      found.push(await topicFinding(admin, topic));
    }
    signal.throwIfAborted();
    return [...found, await groupFinding(admin, group)];
  } catch (error) {
    signal.throwIfAborted();
    return [failure('login', 'connecting', error)];
  } finally {
    await admin.disconnect().catch(() => undefined);
    clients.stop();
  }
}

async function topicFinding(admin: Admin, topic: string): Promise<Finding> {
  const name = `topic ${topic}`;
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions ?? [];
    const led = partitions.filter(({ leader }) => leader >= 0).length;
    return led === partitions.length
      ? ok(name, `${partitions.length} ${partitions.length === 1 ? 'partition' : 'partitions'}`)
      : down(
          name,
          `${partitions.length - led} of ${partitions.length} partitions have no leader`,
          'start the brokers that are missing',
        );
  } catch (error) {
    if (describe(error).type !== 'UNKNOWN_TOPIC_OR_PARTITION') return failure(name, 'looking at it', error);
    return bad(
      name,
      'is not there, or may not be seen',
      'callseal topics ensure makes it; callseal topics check says which right is lacking',
    );
  }
}

async function groupFinding(admin: Admin, group: string): Promise<Finding> {
  const name = `group ${group}`;
  try {
    await admin.fetchOffsets({ groupId: group, topics: [] });
    return ok(name, 'may be looked at');
  } catch (error) {
    return failure(name, 'looking at it', error);
  }
}

function failure(name: string, doing: string, error: unknown): Finding {
  const known = error instanceof CallsealError ? error : inboxError(doing, error);
  const hint = known.hint ?? 'look at kafka.brokers and kafka.tls, and at the cluster';
  return isDenied(error) ? bad(name, known.message, hint) : down(name, known.message, hint);
}
