/** What a member of the group says it has. */
export interface Ownership {
  readonly member: string;
  /** Names `topic/partition`; may be out of date, or claimed by another member too. */
  readonly owned: readonly string[];
}

/**
 * Shares partitions out among members: numbers differ by one at most, everybody keeps of its own what fits into its
 * share, and the result depends on nothing but the arguments.
 */
export function shareOut(
  partitions: readonly string[],
  members: readonly Ownership[],
): ReadonlyMap<string, string[]> {
  const sorted = members.toSorted((a, b) => (a.member < b.member ? -1 : 1));
  const shares = new Map<string, string[]>(sorted.map(({ member }) => [member, []]));
  const free = new Set(partitions);
  const least = Math.floor(partitions.length / Math.max(1, sorted.length));
  // So many members have one more than the least; those who own more than it get them first.
  let larger = partitions.length - least * sorted.length;
  for (const { member, owned } of sorted.toSorted((a, b) => b.owned.length - a.owned.length)) {
    const mine = shares.get(member) ?? [];
    const claimed = owned.filter((name) => free.has(name));
    const share = claimed.length > least && larger > 0 ? least + 1 : least;
    if (share > least) larger--;
    for (const name of claimed.slice(0, share)) {
      free.delete(name);
      mine.push(name);
    }
  }
  for (const name of free) {
    const [fewest] = [...shares.values()].toSorted((a, b) => a.length - b.length);
    fewest?.push(name);
  }
  return shares;
}
