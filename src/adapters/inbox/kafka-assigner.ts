import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { type Ownership, shareOut } from './kafka-sharing.ts';

const { MemberMetadata, MemberAssignment } = AssignerProtocol;
const NAME = 'callseal-sticky';
const VERSION = 1;

/** The client hands its cluster to an assigner; its type says less than that. */
interface KnowsPartitions {
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
}

/**
 * Keeps partitions where they are, so that running work stays with whoever runs it: each member says in its user
 * data what it owns, and the leader moves as few as it can.
 *
 * @param owned - asked once before every join of the group
 */
export function stickyAssigner(owned: () => readonly string[]): PartitionAssigner {
  return ({ cluster }) => {
    const known: KnowsPartitions = cluster;
    return {
      name: NAME,
      version: VERSION,
      protocol: ({ topics }) => ({
        name: NAME,
        metadata: MemberMetadata.encode({
          version: VERSION,
          topics,
          userData: Buffer.from(JSON.stringify(owned())),
        }),
      }),
      assign: async ({ members, topics }) => {
        const partitions = topics.flatMap((topic) =>
          known.findTopicPartitionMetadata(topic).map(({ partitionId }) => `${topic}/${partitionId}`),
        );
        const claims = members.map(({ memberId, memberMetadata }) => ({
          member: memberId,
          owned: ownedBy(MemberMetadata.decode(memberMetadata)?.userData),
        }));
        return [...shareOut(partitions, claims)].map(([memberId, mine]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({
            version: VERSION,
            assignment: byTopic(mine),
            userData: Buffer.alloc(0),
          }),
        }));
      },
    };
  };
}

/** What a member of another version says is passed over: it then owns nothing in our eyes. */
function ownedBy(userData: Buffer | undefined): Ownership['owned'] {
  try {
    const said: unknown = JSON.parse(userData?.toString() ?? '');
    return Array.isArray(said) ? said.filter((each) => typeof each === 'string') : [];
  } catch {
    return [];
  }
}

function byTopic(partitions: readonly string[]): Record<string, number[]> {
  const topics: Record<string, number[]> = {};
  for (const name of partitions) {
    const at = name.lastIndexOf('/');
    (topics[name.slice(0, at)] ??= []).push(Number(name.slice(at + 1)));
  }
  return topics;
}
