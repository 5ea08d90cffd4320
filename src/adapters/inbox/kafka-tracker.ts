/** What stands in the offset commit of a partition. */
export interface Snapshot {
  /** The next offset that is not done. */
  readonly floor: number;
  /** Done offsets above it, ascending. */
  readonly done: readonly number[];
}

/**
 * Which offsets of a partition are done: pure state of one epoch.
 *
 *   done … done | floor: open | done | open | … | reach: not fetched yet
 */
export interface Tracker {
  /** Everything below has been fetched in this epoch, or was done before it. */
  readonly reach: number;
  /** Offsets from the floor to the reach. */
  readonly span: number;
  /** Bytes of the bodies that are open. */
  readonly bytes: number;
  /** Takes in a fetched record. @returns whether it is to be delivered */
  add(offset: number, bytes: number): boolean;
  /** Known to be done, at the floor or above. */
  isDone(offset: number): boolean;
  /** Delivered, and not known to be done. */
  isOpen(offset: number): boolean;
  /** Everything below `offset` has been fetched: markers and what is done count too. */
  advance(offset: number): void;
  /** The commit that makes these offsets done as well. Changes nothing. */
  snapshotWith(offsets: readonly number[]): Snapshot;
  /** The commit was acknowledged. */
  settle(offsets: readonly number[]): void;
  /** Takes in what a fetched commit says. @returns whether this offset is done in it */
  adopt(committed: Snapshot): (offset: number) => boolean;
}

export function createTracker(start: Snapshot): Tracker {
  /** Delivered and not done, ascending, with the bytes of their bodies. */
  const open = new Map<number, number>();
  /** Done, not below the floor. */
  let done = new Set<number>(start.done);
  let reach = start.floor;
  let bytes = 0;

  const floorWithout = (without: ReadonlySet<number>): number => {
    for (const offset of open.keys()) if (!without.has(offset)) return offset;
    // Nothing is open below the reach, and what is done from there on in one piece is behind us as well.
    let floor = reach;
    while (done.has(floor)) floor++;
    return floor;
  };
  const close = (offset: number): void => {
    bytes -= open.get(offset) ?? 0;
    open.delete(offset);
  };
  const prune = (): void => {
    const floor = floorWithout(NONE);
    for (const offset of done) if (offset < floor) done.delete(offset);
    reach = Math.max(reach, floor);
  };

  return {
    get reach() {
      return reach;
    },
    get span() {
      return reach - floorWithout(NONE);
    },
    get bytes() {
      return bytes;
    },
    add: (offset, size) => {
      if (offset < reach) return false;
      reach = offset + 1;
      if (done.has(offset)) return false;
      open.set(offset, size);
      bytes += size;
      return true;
    },
    isDone: (offset) => done.has(offset),
    isOpen: (offset) => open.has(offset),
    advance: (offset) => {
      reach = Math.max(reach, offset);
    },
    snapshotWith: (offsets) => {
      const also = new Set(offsets);
      const floor = floorWithout(also);
      const above = [...done, ...offsets].filter((offset) => offset > floor);
      return { floor, done: above.toSorted((a, b) => a - b) };
    },
    settle: (offsets) => {
      for (const offset of offsets) {
        close(offset);
        done.add(offset);
      }
      prune();
    },
    adopt: (committed) => {
      const above = new Set(committed.done);
      // Asks the commit and not `done`, which forgets what falls below the floor.
      const isDone = (offset: number): boolean => offset < committed.floor || above.has(offset);
      done = done.union(above);
      reach = Math.max(reach, committed.floor);
      for (const offset of open.keys()) if (isDone(offset)) close(offset);
      prune();
      return isDone;
    },
  };
}

const NONE: ReadonlySet<number> = new Set();
