/** What a join means for the partitions of this process. Each is named `topic/partition`. */
export interface Change {
  /** Ours before and since, without a break. */
  readonly kept: readonly string[];
  /** Ours from now on: a new epoch. */
  readonly begun: readonly string[];
  /** Not ours any more, or ours again after somebody else may have had it. */
  readonly ended: readonly string[];
}

/**
 * Epochs follow membership, not the difference of two assignments. A process that slept beyond its session finds its
 * old partitions assigned to it again and no sign that another one had them meanwhile. So a partition is kept only
 * where the member is the same *and* the group told it to rejoin; after any other join all are new.
 */
export function createMembership() {
  let member: string | undefined;
  let told = false;
  let mine = new Set<string>();
  return {
    /** The group is rebalancing and has told us so. */
    rebalancing: (): void => {
      told = true;
    },
    join: (memberId: string, assigned: readonly string[]): Change => {
      const same = told && member === memberId;
      const before = mine;
      member = memberId;
      told = false;
      mine = new Set(assigned);
      const isKept = (partition: string): boolean => same && before.has(partition);
      return {
        kept: assigned.filter(isKept),
        begun: assigned.filter((partition) => !isKept(partition)),
        ended: [...before].filter((partition) => !(same && mine.has(partition))),
      };
    },
  };
}
