import type { OutRecord } from '../kafka/packing.ts';
import { createSettler, type SettlerIo } from './kafka-settler.ts';
import { createTracker, type Snapshot, type Tracker } from './kafka-tracker.ts';

/** How far a partition runs ahead of its oldest open delivery. */
export interface WindowLimits {
  readonly offsets: number;
  readonly bytes: number;
}

/** A fetched record; what it is made of is the caller's. */
export interface Fetched<Body> {
  readonly offset: number;
  readonly bytes: number;
  /** Not to be delivered before; milliseconds. */
  readonly dueAt?: number;
  /** Nobody can read it: the partition stops here. */
  readonly unreadable?: boolean;
  readonly body: Body;
}

export interface FetchedRun<Body> {
  /** The offset that was asked for. */
  readonly from: number;
  readonly records: readonly Fetched<Body>[];
  /** The next offset: markers and aborted records are behind it too. */
  readonly next: number;
}

/** What the partition needs of the consumer. */
export interface Fetching {
  pause(): void;
  /** Fetching goes on at `offset`. */
  resumeAt(offset: number): void;
}

/** Why nothing is fetched. */
type Pause = 'beginning' | 'window' | 'due' | 'unreadable';

/** One partition for one epoch: what is fetched, admitted and settled of it. */
export interface PartitionEpoch<Body> {
  /** Aborts when the epoch ends. */
  readonly signal: AbortSignal;
  /** Takes in what was fetched. */
  fetched(run: FetchedRun<Body>): void;
  /** What may be delivered now, in order; it is in hand from now on. */
  admit(): readonly Fetched<Body>[];
  settle(offset: number, records: readonly OutRecord[]): Promise<boolean>;
  /** More of the window is used than this part of it. */
  fuller(part: number): boolean;
  /** Nothing below `high` is left to be fetched now: what is not due counts as not there. */
  caughtUp(high: number): boolean;
  /** Called again and again: a pause may be over. */
  look(now: number): void;
  end(): void;
}

export interface PartitionParts {
  readonly io: SettlerIo;
  readonly fetching: Fetching;
  readonly window: WindowLimits;
  readonly now: () => number;
  /** Something can be admitted, or the epoch has ended. */
  readonly onNews: () => void;
  /** The partition has stopped at this offset. */
  readonly onUnreadable: (offset: number) => void;
  /** What is committed, without fencing anybody: whether an operator has stepped over where it stopped. */
  readonly committed?: () => Promise<Snapshot>;
}

const LOOK_AGAIN_MS = 2000;

export function beginPartition<Body>(parts: PartitionParts): PartitionEpoch<Body> {
  const { io, fetching, window, now, onNews } = parts;
  const ending = new AbortController();
  let tracker: Tracker | undefined;
  /** Fetched before it was known what is done. */
  const early: FetchedRun<Body>[] = [];
  let admitted: Fetched<Body>[] = [];
  let pause: Pause | undefined;
  let dueAt = 0;
  let lookedAt = 0;
  let stoppedAt = 0;

  const stopAt = (why: Pause): void => {
    pause = why;
    fetching.pause();
  };
  const goOn = (known: Tracker): void => {
    pause = undefined;
    fetching.resumeAt(known.reach);
  };
  const isFull = (known: Tracker): boolean => known.span >= window.offsets || known.bytes >= window.bytes;

  const takeRun = (known: Tracker, { from, records, next }: FetchedRun<Body>): void => {
    if (pause !== undefined) return;
    // What lies between would be stepped over, and one day be committed as done.
    if (from > known.reach) return goOn(known);
    for (const record of records) {
      if (record.offset < known.reach) continue;
      if (record.unreadable && !known.isDone(record.offset)) {
        stoppedAt = record.offset;
        lookedAt = now();
        parts.onUnreadable(record.offset);
        return stopAt('unreadable');
      }
      if (isFull(known)) return stopAt('window');
      if (record.dueAt !== undefined && record.dueAt > now()) {
        dueAt = record.dueAt;
        return stopAt('due');
      }
      if (known.add(record.offset, record.bytes)) admitted.push(record);
    }
    known.advance(next);
    if (isFull(known)) stopAt('window');
  };

  /** The mark was made under another life: what is settled here next finds that out and begins a new one. */
  const lookForSkip = async (known: Tracker): Promise<void> => {
    const committed = await parts.committed?.().catch(() => undefined);
    if (committed === undefined || ending.signal.aborted || pause !== 'unreadable') return;
    known.adopt(committed);
    if (known.isDone(stoppedAt) || known.reach > stoppedAt) goOn(known);
    onNews();
  };

  const settler = createSettler(io, createTracker, () => {
    ending.abort();
    onNews();
  });
  const start = async (): Promise<void> => {
    const begun = await settler.start();
    if (begun === undefined) return;
    tracker = begun;
    if (pause === 'beginning') goOn(begun);
    for (const run of early.splice(0)) takeRun(begun, run);
    onNews();
  };
  // The client keeps a pause over a rejoin: a partition that was paused when it was lost, and comes back, would stay
  // deaf. So every epoch begins paused, and resumes once it is known where.
  stopAt('beginning');
  void start();

  return {
    signal: ending.signal,
    fetched: (run) => {
      if (ending.signal.aborted) return;
      if (tracker === undefined) {
        early.push(run);
        return;
      }
      takeRun(tracker, run);
      onNews();
    },
    admit: () => {
      const some = admitted;
      admitted = [];
      return some;
    },
    settle: async (offset, records) => await settler.settle(offset, records),
    fuller: (part) =>
      tracker !== undefined && (tracker.span > window.offsets * part || tracker.bytes > window.bytes * part),
    caughtUp: (high) =>
      tracker !== undefined &&
      (tracker.reach >= high || pause === 'unreadable' || (pause === 'due' && dueAt > now())),
    look: (at) => {
      if (tracker === undefined || ending.signal.aborted) return;
      const half = tracker.span <= window.offsets / 2 && tracker.bytes <= window.bytes / 2;
      if ((pause === 'window' && half) || (pause === 'due' && dueAt <= at)) goOn(tracker);
      if (pause === 'unreadable' && at - lookedAt >= LOOK_AGAIN_MS) {
        lookedAt = at;
        void lookForSkip(tracker);
      }
    },
    end: () => settler.end(),
  };
}
