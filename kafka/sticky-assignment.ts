/**
 * Which member works on which partition: as even as can be, and whoever holds a partition keeps it.
 * A partition may go to its new owner at once, while the old one is still at it: the transactional id fences.
 */
import type { GroupMemberInfo, TopicPartition } from './group-requests.ts';

/** Assigns every partition to exactly one member; the same input gives the same answer. */
export function assignSticky(
  members: readonly GroupMemberInfo[],
  partitions: readonly TopicPartition[],
): Map<string, TopicPartition[]> {
  const byId = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const assigned = new Map<string, TopicPartition[]>(byId.map(({ memberId }) => [memberId, []]));
  const wanted = new Map(partitions.map((partition) => [keyOf(partition), partition]));
  const least = Math.floor(partitions.length / byId.length);
  let extra = partitions.length % byId.length;
  for (const { memberId, owned } of byId) {
    const mine = assigned.get(memberId)!;
    for (const partition of owned) {
      if (!wanted.has(keyOf(partition))) continue;
      if (mine.length >= least) {
        if (mine.length > least || extra === 0) break;
        extra--;
      }
      mine.push(partition);
      wanted.delete(keyOf(partition));
    }
  }
  for (const partition of wanted.values()) {
    const fewest = byId.reduce((a, b) =>
      assigned.get(b.memberId)!.length < assigned.get(a.memberId)!.length ? b : a,
    );
    assigned.get(fewest.memberId)!.push(partition);
  }
  return assigned;
}

/**
 * The same for several kinds of work, each spread by itself: so a member with many light partitions gets no fewer
 * heavy ones for it.
 */
export function assignKinds(
  members: readonly GroupMemberInfo[],
  kinds: readonly (readonly TopicPartition[])[],
): Map<string, TopicPartition[]> {
  const assigned = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]));
  for (const partitions of kinds) {
    for (const [memberId, mine] of assignSticky(members, partitions)) assigned.get(memberId)!.push(...mine);
  }
  return assigned;
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
