import type { TopicMessages } from 'kafkajs';

/** A record for the cluster. The partition is explicit: see `sendsOf`. */
export interface OutRecord {
  /** Full name. */
  readonly topic: string;
  readonly partition: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/** One send is one batch for each partition, and a batch above the topic's limit is refused whole. */
const SEND_BYTES = 512 * 1024;
/** Lengths, deltas and offsets around a record; generous. */
const OVERHEAD_BYTES = 64;

export function bytesOf({ key, headers, value }: Pick<OutRecord, 'key' | 'headers' | 'value'>): number {
  let bytes = OVERHEAD_BYTES + value.length + Buffer.byteLength(key ?? '');
  for (const [name, text] of Object.entries(headers)) bytes += 8 + name.length + Buffer.byteLength(text);
  return bytes;
}

/**
 * Cuts records into sends, in order, each with at most 512 KiB for a partition; a larger record goes alone.
 *
 * Every message carries its partition. One without is put into a partition by the client, and again, perhaps into
 * another one, when it repeats a request whose reply was lost: one record gone and one there twice.
 */
export function sendsOf(records: readonly OutRecord[], most = SEND_BYTES): TopicMessages[][] {
  const sends: TopicMessages[][] = [];
  let topics = new Map<string, TopicMessages>();
  let filled = new Map<string, number>();
  const close = (): void => {
    if (topics.size > 0) sends.push([...topics.values()]);
    topics = new Map();
    filled = new Map();
  };
  for (const record of records) {
    const bytes = bytesOf(record);
    const place = `${record.topic}/${record.partition}`;
    const before = filled.get(place) ?? 0;
    if (before > 0 && before + bytes > most) close();
    filled.set(place, (filled.get(place) ?? 0) + bytes);
    const { topic, partition, key, headers, value } = record;
    const there = topics.get(topic) ?? { topic, messages: [] };
    topics.set(topic, there);
    there.messages.push({ partition, key: key ?? null, headers: { ...headers }, value });
  }
  close();
  return sends;
}
