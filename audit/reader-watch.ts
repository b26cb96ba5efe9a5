/**
 * Watches from outside who reads what gauze publishes: consumer groups on sanitized and grant topics, their members and
 * committed offsets, as events of phase OBSERVED. This is the weaker evidence: a reader without a group is not seen,
 * offsets are what a client chose to commit, and a client's name for itself proves nothing. It keeps no record.
 */
import { letsReadGroup } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import type { GroupView } from '../kafka/group-views.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import type { AccessEventFacts } from './access-events.ts';

export interface ReaderWatchOptions {
  /** All groups that may be of interest, and the rules of the cluster. */
  readonly groups: () => Promise<readonly GroupView[]>;
  readonly acls: () => Promise<readonly Acl[]>;
  /** Sanitized and grant topics. */
  readonly isWatched: (topic: string) => boolean;
  /** Writes an event; rejects where it is not known to be written. */
  readonly record: (event: AccessEventFacts) => Promise<void>;
  /** In whose name it watches. */
  readonly actor: AccessActor;
}

/** What was last told of a group on a topic. */
interface Seen {
  readonly members: string;
  /** Committed offset by partition. */
  readonly offsets: ReadonlyMap<number, number>;
}

/** Names that clients choose are repeated only if they look like names. */
const NAME = /^[\w.-]{1,80}$/;
const MEMBERS_TOLD = 20;

export class ReaderWatch {
  private readonly options: ReaderWatchOptions;
  private readonly seen = new Map<string, Seen>();

  constructor(options: ReaderWatchOptions) {
    this.options = options;
  }

  /**
   * Looks once, and tells what is other than last time; the first time, everything. What could not be written is told
   * again at the next look.
   */
  async look(): Promise<void> {
    const { groups, acls, isWatched, record } = this.options;
    const rules = await acls();
    for (const view of await groups()) {
      const topics = new Set([
        ...view.offsets.map(({ topic }) => topic),
        ...view.members.flatMap(({ topics: assigned }) => assigned),
      ]);
      for (const topic of [...topics].filter(isWatched)) {
        const key = `${view.group} ${topic}`;
        const now = seenOf(view, topic);
        const before = this.seen.get(key);
        if (before && isSame(before, now)) continue;
        await record(this.event(view.group, topic, { before, now, rules }));
        this.seen.set(key, now);
      }
    }
  }

  private event(
    group: string,
    topic: string,
    { before, now, rules }: { before: Seen | undefined; now: Seen; rules: readonly Acl[] },
  ): AccessEventFacts {
    const moves = [...now.offsets].filter(([partition, offset]) => before?.offsets.get(partition) !== offset);
    const told = moves.map(
      ([partition, offset]) => `${partition}:${before?.offsets.get(partition) ?? '?'}-${offset}`,
    );
    return {
      type: 'session.observed',
      actor: this.options.actor,
      action: 'R',
      phase: 'OBSERVED',
      ext: {
        group: NAME.test(group) ? group : '?',
        topic,
        may_use_group: principalsOf(group, rules).join(' ') || '?',
        members: now.members || '-',
        offsets: told.join(' ') || '-',
      },
    };
  }
}

function seenOf({ members, offsets }: GroupView, topic: string): Seen {
  const present = members
    .filter(({ topics }) => topics.includes(topic))
    .map(({ clientId, host }) => `${NAME.test(clientId) ? clientId : '?'}@${host.replace(/^\//, '')}`)
    .toSorted();
  const more = present.length - MEMBERS_TOLD;
  return {
    members: [...present.slice(0, MEMBERS_TOLD), ...(more > 0 ? [`+${more}`] : [])].join(' '),
    offsets: new Map(
      offsets
        .filter((each) => each.topic === topic)
        .map(({ partition, offset }) => [partition, offset] as const)
        .toSorted(([one], [other]) => one - other),
    ),
  };
}

function isSame(one: Seen, other: Seen): boolean {
  return (
    one.members === other.members &&
    one.offsets.size === other.offsets.size &&
    [...one.offsets].every(([partition, offset]) => other.offsets.get(partition) === offset)
  );
}

/** Who has the right to be in the group: who reads is one of these, unless rights have changed since. */
function principalsOf(group: string, rules: readonly Acl[]): readonly string[] {
  const allowed = rules.filter((acl) => letsReadGroup(acl, group)).map(({ principal }) => principal);
  return [...new Set(allowed)].toSorted();
}
