import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { describe } from '../kafka/describe.ts';
import { decodeDoneMap } from './kafka-done-map.ts';

/** What a group has committed of one partition. */
export interface Committed {
  readonly partition: number;
  /** Negative: nothing yet. */
  readonly offset: number;
  readonly metadata: string;
}

/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: soon there is one that answers. */
const COORDINATOR_CODES: ReadonlySet<number> = new Set([14, 15, 16]);
const TRIES = 20;
const REST_MS = 250;

/**
 * Asked again while the group's coordinator moves or reads its log: the client repeats none of that.
 *
 * @returns those partitions of the topic that the cluster knows of
 * @throws KafkaJSError
 */
export async function committedOffsets(
  { admin, group }: { readonly admin: Admin; readonly group: string },
  topic: string,
): Promise<readonly Committed[]> {
  for (let tries = 1; ; tries++) {
    try {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      return (found?.partitions ?? []).map(({ partition, offset, metadata }) => ({
        partition,
        offset: Number(offset),
        metadata: metadata ?? '',
      }));
    } catch (error) {
      if (tries === TRIES || !COORDINATOR_CODES.has(describe(error).code ?? 0)) throw error;
      await sleep(REST_MS);
    }
  }
}

/** @throws CallsealError INBOX_DOWN - the done-map is damaged */
export function doneAbove(topic: string, { partition, offset, metadata }: Committed): readonly number[] {
  return offset < 0 ? [] : decodeDoneMap({ topic, partition, offset }, metadata);
}
