/** What a member of the group says it has. */
export interface Ownership {
  readonly member: string;
  /** Names `topic/partition`; may be out of date, or claimed by another member too. */
  readonly owned: readonly string[];
}

/**
 * Shares partitions out among members, topic by topic: of every topic numbers differ by one at most, everybody keeps
 * of its own what fits into its share, and the result depends on nothing but the arguments. Over all topics at once
 * the shares would look even too, with all the calls on one member and the empty retry topic on the other.
 */
export function shareOut(
  partitions: readonly string[],
  members: readonly Ownership[],
): ReadonlyMap<string, string[]> {
  const sorted = members.toSorted((a, b) => (a.member < b.member ? -1 : 1));
  const shares = new Map<string, string[]>(sorted.map(({ member }) => [member, []]));
  for (const ofTopic of Map.groupBy(partitions, topicOf).values()) {
    for (const [member, mine] of shareTopic(ofTopic, sorted, shares)) shares.get(member)?.push(...mine);
  }
  return shares;
}

/** @param before - what members have of other topics: who has fewer is served first */
function shareTopic(
  partitions: readonly string[],
  members: readonly Ownership[],
  before: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, string[]> {
  const free = new Set(partitions);
  const least = Math.floor(partitions.length / Math.max(1, members.length));
  // So many members have one more than the least; those who own more than it get them first.
  let larger = partitions.length - least * members.length;
  const all = members.map(({ member, owned }) => ({
    member,
    owned: owned.filter((name) => free.has(name)),
    others: before.get(member)?.length ?? 0,
    mine: [] as string[],
  }));
  for (const each of all.toSorted((a, b) => b.owned.length - a.owned.length || a.others - b.others)) {
    const claimed = each.owned.filter((name) => free.has(name));
    const share = claimed.length > least && larger > 0 ? least + 1 : least;
    if (share > least) larger--;
    for (const name of claimed.slice(0, share)) {
      free.delete(name);
      each.mine.push(name);
    }
  }
  for (const name of free) {
    const [fewest] = all.toSorted((a, b) => a.mine.length - b.mine.length || a.others - b.others);
    fewest?.mine.push(name);
  }
  return new Map(all.map(({ member, mine }) => [member, mine]));
}

function topicOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}
