/**
 * What one instance is made of, and what it tells. Plain references and callbacks.
 */
import type { GauzeError } from '../platform/errors.ts';
import type { Cluster } from '../kafka/cluster.ts';
import type { TopicPartition } from '../kafka/group-requests.ts';
import type { AliasLists } from '../keys/alias-lists.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import type { SiteTags } from '../schemas/tags.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import type { GrantContext, GrantEvents } from './grant-context.ts';
import type { LaneEvents, LaneLimits, LaneName, TargetSettings } from './lane-context.ts';

export interface InstanceOptions {
  readonly cluster: Cluster;
  readonly registry: RegistryClient;
  readonly keyring: Keyring;
  readonly aliases: GrantContext['aliases'];
  /** Files of merged persons, by the hash that a policy pins. */
  readonly aliasLists: AliasLists;
  readonly siteTags: SiteTags;
  readonly names: TopicNames;
  readonly member: MemberSettings;
  readonly limits: LaneLimits;
  /** `audit.membershipRoots` */
  readonly membershipRoots: boolean;
  readonly principal: string;
  readonly events: InstanceEvents;
  /** Settings of a sanitized topic, asked for once for each session. */
  readonly targetSettings: (topic: string) => Promise<TargetSettings>;
  /** Removes the topic of a grant that has ended. */
  readonly deleteTopic: (topic: string) => Promise<void>;
}

/** How this instance is a member of the group that spreads the work. */
export interface MemberSettings {
  /** Its name there through restarts; null for one that comes and goes. */
  readonly instanceId: string | null;
  readonly sessionTimeoutMs: number;
}

export interface InstanceEvents extends LaneEvents, GrantEvents {
  /** The partitions that this instance works on from now on. */
  assigned(partitions: readonly TopicPartition[]): void;
  laneStarted(lane: LaneName): void;
  laneEnded(lane: LaneName): void;
  /** It ended because its partition is another instance's now. */
  laneTakenOver(lane: LaneName): void;
  instanceTrouble(error: GauzeError): void;
}

/** A lane as its instance sees it. */
export interface LaneStanding {
  readonly lane: LaneName;
  readonly isHeld: boolean;
  /** Offsets to the end of the raw partition as of its last fetch; null while it is not known. */
  readonly lag: number | null;
}
