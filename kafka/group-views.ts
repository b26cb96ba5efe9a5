/**
 * Which consumer groups there are, who is in them and how far they have committed: each broker is asked for the groups
 * that it coordinates. ListGroups v4, DescribeGroups v5, OffsetFetch v9. Members of groups of the newer kind (KIP-848)
 * are not listed by DescribeGroups; their offsets are.
 */
import { BrokerConnections } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { request } from './connection.ts';
import type { ApiSpec, Connection } from './connection.ts';
import { decodeAssignment } from './group-requests.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import type { ProtocolReader } from './protocol-reader.ts';
import { ProtocolWriter } from './protocol-writer.ts';

/** One consumer group as its coordinator knows it. */
export interface GroupView {
  readonly group: string;
  readonly members: readonly GroupMemberView[];
  /** Committed offsets of topics that the log-in may describe. */
  readonly offsets: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  }[];
}

/** What a member says of itself, and what it is assigned. */
export interface GroupMemberView {
  /** Chosen by the client: no evidence of who it is. */
  readonly clientId: string;
  /** Address that the broker sees, with a slash before it. */
  readonly host: string;
  readonly topics: readonly string[];
}

const LIST_GROUPS: ApiSpec = { key: 16, version: 4, name: 'ListGroups', flexible: true };
const DESCRIBE_GROUPS: ApiSpec = { key: 15, version: 5, name: 'DescribeGroups', flexible: true };
const OFFSET_FETCH: ApiSpec = { key: 9, version: 9, name: 'OffsetFetch', flexible: true };
const REQUEST_TIMEOUT_MS = 10_000;
/** Groups asked about in one request. */
const GROUPS_PER_REQUEST = 100;

export class GroupViews {
  readonly #cluster: Cluster;
  readonly #connections: BrokerConnections;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#connections = new BrokerConnections(cluster);
  }

  /**
   * All groups that the log-in may describe and `isWanted` names. One whose coordinator is moving is left out this time.
   * Throws rights and connection errors.
   */
  async read(isWanted: (group: string) => boolean): Promise<readonly GroupView[]> {
    const views: GroupView[] = [];
    for (const nodeId of await this.#cluster.brokerIds()) {
      const connection = await this.#connections.to(nodeId);
      const groups = (await listGroups(connection)).filter(isWanted);
      for (let at = 0; at < groups.length; at += GROUPS_PER_REQUEST) {
        const some = groups.slice(at, at + GROUPS_PER_REQUEST);
        const [members, offsets] = await Promise.all([
          membersOf(connection, some),
          offsetsOf(connection, some),
        ]);
        for (const group of some) {
          const committed = offsets.get(group);
          if (committed) views.push({ group, members: members.get(group) ?? [], offsets: committed });
        }
      }
    }
    return views;
  }

  close(): void {
    this.#connections.close();
  }
}

async function listGroups(connection: Connection): Promise<readonly string[]> {
  const body = new ProtocolWriter().compactArray([], () => undefined).noTags();
  return await request(connection, LIST_GROUPS, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
    r.int32();
    const error = r.int16();
    // A coordinator that is loading lists nothing; it is asked again at the next reading.
    if (error !== 0 && kafkaErrorClass(error) !== 'coordinator') throw kafkaError('ListGroups', error);
    return r.compactArray(() => {
      const group = r.compactString();
      r.compactString();
      r.compactString();
      r.tags();
      return group;
    });
  });
}

async function membersOf(
  connection: Connection,
  groups: readonly string[],
): Promise<ReadonlyMap<string, readonly GroupMemberView[]>> {
  const body = new ProtocolWriter();
  body.compactArray(groups, (group) => body.compactString(group));
  body.boolean(false).noTags();
  return await request(connection, DESCRIBE_GROUPS, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
    r.int32();
    const described = r.compactArray(() => {
      const error = r.int16();
      const group = r.compactString();
      for (let i = 0; i < 3; i++) r.compactString();
      const members = r.compactArray(() => readMember(r));
      r.int32();
      r.tags();
      return { error, group, members };
    });
    return new Map(described.flatMap(({ error, group, members }) => (error === 0 ? [[group, members]] : [])));
  });
}

function readMember(r: ProtocolReader): GroupMemberView {
  r.compactString();
  r.compactNullableString();
  const clientId = r.compactString();
  const host = r.compactString();
  r.compactBytes();
  const assignment = r.compactBytes();
  r.tags();
  return { clientId, host, topics: topicsIn(assignment) };
}

/** Clients write their assignment themselves; one that is no assignment names no topic. */
function topicsIn(assignment: Buffer): readonly string[] {
  try {
    return [...new Set(decodeAssignment(assignment).map(({ topic }) => topic))];
  } catch {
    return [];
  }
}

async function offsetsOf(
  connection: Connection,
  groups: readonly string[],
): Promise<ReadonlyMap<string, GroupView['offsets']>> {
  const body = new ProtocolWriter();
  body.compactArray(groups, (group) => {
    // No member, and all topics: a null array is written as length 0.
    body.compactString(group).compactString(null).int32(-1).unsignedVarint(0).noTags();
  });
  body.boolean(false).noTags();
  return await request(connection, OFFSET_FETCH, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
    r.int32();
    const fetched = r.compactArray(() => {
      const group = r.compactString();
      const offsets = r.compactArray(() => readOffsets(r)).flat();
      const error = r.int16();
      r.tags();
      return { error, group, offsets };
    });
    return new Map(fetched.flatMap(({ error, group, offsets }) => (error === 0 ? [[group, offsets]] : [])));
  });
}

function readOffsets(r: ProtocolReader): GroupView['offsets'] {
  const topic = r.compactString();
  const offsets = r.compactArray(() => {
    const partition = r.int32();
    const offset = r.offset();
    r.int32();
    r.compactNullableString();
    const error = r.int16();
    r.tags();
    return { topic, partition, offset, error };
  });
  r.tags();
  return offsets.flatMap(({ error, ...rest }) => (error === 0 && rest.offset >= 0 ? [rest] : []));
}
