import { bytesOf, type OutRecord } from '../kafka/packing.ts';
import type { Snapshot, Tracker } from './kafka-tracker.ts';

/** One life of a partition's transactional id, and what was committed when it began. */
export interface Life {
  readonly committed: Snapshot;
  /** All or nothing, durable when it resolves. When it rejects nobody knows: the life MUST be closed. */
  commit(records: readonly OutRecord[], mark: Snapshot): Promise<void>;
  close(): Promise<void>;
}

/** What the settler needs of the world. */
export interface SettlerIo {
  /** Fences whoever had the partition, then reads what is committed, in this order. */
  open(): Promise<Life>;
  /** Resolves once a heartbeat that came after this call says that the partition is ours; false: it is lost. */
  stillOurs(): Promise<boolean>;
  rest(ms: number): Promise<void>;
  /** The broker's answer was a refusal that is not about this one request. */
  fenced(error: unknown): boolean;
  /** This process is leaving: what cannot be settled now is left for whoever is next. */
  leaving(): boolean;
}

export interface Settler {
  /** Begins the first life. @returns undefined where the epoch ended before */
  start(): Promise<Tracker | undefined>;
  /**
   * Records and done-mark of one delivery, in one transaction with others that are ready.
   *
   * @returns whether it is durable; false: the epoch has ended, and nobody knows
   */
  settle(offset: number, records: readonly OutRecord[]): Promise<boolean>;
  /** The partition is lost. */
  end(): void;
}

interface Pending {
  readonly offset: number;
  readonly records: readonly OutRecord[];
  readonly bytes: number;
  readonly resolve: (durable: boolean) => void;
}

/** A settle takes answers in order until it has these many bytes, or these many answers. */
const SETTLE_BYTES = 4 * 1024 * 1024;
const SETTLE_ANSWERS = 256;
const REST_MS = { first: 100, most: 1000 };

/**
 * Settles one partition for one epoch, one transaction at a time. A transaction has two results only: committed, or
 * the life is thrown away and the next one reads from the cluster what came of it (docs/kafka.md, "Settle").
 *
 * @param onEnd - called once, when the partition turned out to be lost
 */
export function createSettler(
  io: SettlerIo,
  makeTracker: (start: Snapshot) => Tracker,
  onEnd: () => void,
): Settler {
  const queue: Pending[] = [];
  let tracker: Tracker | undefined;
  let life: Life | undefined;
  let working = false;
  const ended = new AbortController();

  const end = (): void => {
    if (ended.signal.aborted) return;
    ended.abort();
    void life?.close();
    for (const { resolve } of queue.splice(0)) resolve(false);
    onEnd();
  };
  const begin = async (): Promise<Life | undefined> => {
    for (let restMs = REST_MS.first; !ended.signal.aborted; restMs = Math.min(REST_MS.most, restMs * 2)) {
      const opened = await io.open().catch(() => {
        if (io.leaving()) end();
        return undefined;
      });
      if (opened !== undefined && !ended.signal.aborted) {
        takeIn(opened.committed);
        return opened;
      }
      void opened?.close();
      if (!ended.signal.aborted) await io.rest(restMs);
    }
    return undefined;
  };
  /** What the cluster says is committed is committed, whatever we were told. */
  const takeIn = (committed: Snapshot): void => {
    tracker ??= makeTracker(committed);
    const isDone = tracker.adopt(committed);
    for (const pending of queue.filter(({ offset }) => isDone(offset))) {
      queue.splice(queue.indexOf(pending), 1);
      pending.resolve(true);
    }
  };
  const commitSome = async (current: Life, known: Tracker): Promise<void> => {
    const some = firstOf(queue);
    const offsets = some.map(({ offset }) => offset);
    try {
      await current.commit(
        some.flatMap(({ records }) => records),
        known.snapshotWith(offsets),
      );
    } catch (error) {
      life = undefined;
      void current.close();
      // Two members that both believe in their right would fence each other for ever: first the group must say who.
      if (io.leaving() || (io.fenced(error) && !(await io.stillOurs()))) end();
      return;
    }
    known.settle(offsets);
    queue.splice(0, some.length);
    for (const { resolve } of some) resolve(true);
  };
  const work = async (): Promise<void> => {
    while (queue.length > 0 && !ended.signal.aborted) {
      life ??= await begin();
      if (life === undefined || tracker === undefined) break;
      if (queue.length > 0) await commitSome(life, tracker);
    }
    working = false;
  };

  return {
    start: async () => {
      working = true;
      life = await begin();
      void work();
      return ended.signal.aborted ? undefined : tracker;
    },
    settle: async (offset, records) => {
      if (ended.signal.aborted) return false;
      // Another owner of the partition, whom we took for gone, has answered it meanwhile.
      if (tracker?.isOpen(offset) === false) return true;
      const bytes = records.reduce((sum, record) => sum + bytesOf(record), 0);
      const { promise, resolve } = Promise.withResolvers<boolean>();
      queue.push({ offset, records, bytes, resolve });
      if (!working) {
        working = true;
        void work();
      }
      return await promise;
    },
    end,
  };
}

function firstOf(queue: readonly Pending[]): Pending[] {
  let bytes = 0;
  let count = 0;
  for (const pending of queue) {
    bytes += pending.bytes;
    if (count > 0 && (bytes > SETTLE_BYTES || count === SETTLE_ANSWERS)) break;
    count++;
  }
  return queue.slice(0, count);
}
