/**
 * The requests of classic consumer groups: JoinGroup v9, SyncGroup v5, Heartbeat v4, LeaveGroup v5, and the
 * subscription and assignment that travel inside them in the consumer protocol's own form, so that
 * `kafka-consumer-groups --describe` can show them.
 */
import type { ApiSpec, Connection } from './connection.ts';
import { request } from './connection.ts';
import { ProtocolReader } from './protocol-reader.ts';
import { ProtocolWriter } from './protocol-writer.ts';

const JOIN_GROUP: ApiSpec = { key: 11, version: 9, name: 'JoinGroup', flexible: true };
const SYNC_GROUP: ApiSpec = { key: 14, version: 5, name: 'SyncGroup', flexible: true };
const HEARTBEAT: ApiSpec = { key: 12, version: 4, name: 'Heartbeat', flexible: true };
const LEAVE_GROUP: ApiSpec = { key: 13, version: 5, name: 'LeaveGroup', flexible: true };
const PROTOCOL_TYPE = 'consumer';
const PROTOCOL_NAME = 'gauze-sticky';
const REQUEST_TIMEOUT_MS = 10_000;

/** Who asks. */
export interface Membership {
  readonly group: string;
  /** Given out by the coordinator; empty before the first join. */
  readonly memberId: string;
  /** `group.instance.id` (KIP-345): a name that stays through restarts; null for a member that comes and goes. */
  readonly instanceId: string | null;
}

/** A partition of a topic, by name. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface GroupMemberInfo {
  readonly memberId: string;
  /** What the member holds at the moment. */
  readonly owned: readonly TopicPartition[];
}

export interface JoinAnswer {
  readonly error: number;
  readonly generation: number;
  readonly memberId: string;
  readonly isLeader: boolean;
  /** The leader is back under its instance id and all assignments stand: it must not hand in others. */
  readonly keepsAssignments: boolean;
  /** Filled for the leader only. */
  readonly members: readonly GroupMemberInfo[];
}

/** Joins or joins again; waits until all members have, at most `rebalanceTimeoutMs`. */
export async function joinGroup(
  connection: Connection,
  wanted: Membership & {
    topics: readonly string[];
    owned: readonly TopicPartition[];
    sessionTimeoutMs: number;
    rebalanceTimeoutMs: number;
  },
): Promise<JoinAnswer> {
  const body = new ProtocolWriter(512)
    .compactString(wanted.group)
    .int32(wanted.sessionTimeoutMs)
    .int32(wanted.rebalanceTimeoutMs)
    .compactString(wanted.memberId)
    .compactString(wanted.instanceId)
    .compactString(PROTOCOL_TYPE);
  body.compactArray([PROTOCOL_NAME], (name) => {
    body.compactString(name).compactBytes(encodeSubscription(wanted.topics, wanted.owned)).noTags();
  });
  body.compactString(null).noTags();
  const timeoutMs = wanted.rebalanceTimeoutMs + REQUEST_TIMEOUT_MS;
  return await request(connection, JOIN_GROUP, [body.done()], timeoutMs, (r) => {
    r.int32();
    const error = r.int16();
    const generation = r.int32();
    r.compactNullableString();
    r.compactNullableString();
    const leader = r.compactString();
    const keepsAssignments = r.boolean();
    const memberId = r.compactString();
    const members = r.compactArray(() => {
      const id = r.compactString();
      r.compactNullableString();
      const owned = decodeOwned(r.compactBytes());
      r.tags();
      return { memberId: id, owned };
    });
    return { error, generation, memberId, isLeader: leader === memberId, keepsAssignments, members };
  });
}

/** What a member is to work on. */
export interface Assignment {
  readonly partitions: readonly TopicPartition[];
  /** What the leader has noted with it; empty where it noted nothing. */
  readonly note: Buffer;
}

/** Hands in (leader) and takes out one's assignment. */
export async function syncGroup(
  connection: Connection,
  { group, memberId, instanceId }: Membership,
  generation: number,
  assignments: ReadonlyMap<string, Assignment>,
): Promise<{ readonly error: number; readonly assigned: Assignment }> {
  const body = new ProtocolWriter(512)
    .compactString(group)
    .int32(generation)
    .compactString(memberId)
    .compactString(instanceId)
    .compactString(PROTOCOL_TYPE)
    .compactString(PROTOCOL_NAME);
  body.compactArray([...assignments], ([member, assignment]) => {
    body.compactString(member).compactBytes(encodeAssignment(assignment)).noTags();
  });
  const timeoutMs = REQUEST_TIMEOUT_MS * 3;
  return await request(connection, SYNC_GROUP, [body.noTags().done()], timeoutMs, (r) => {
    r.int32();
    const error = r.int16();
    r.compactNullableString();
    r.compactNullableString();
    return { error, assigned: readAssignment(r.compactBytes()) };
  });
}

/** Kafka's error number: 0, or 27 when members must join again. */
export async function heartbeat(
  connection: Connection,
  { group, memberId, instanceId }: Membership,
  generation: number,
): Promise<number> {
  const body = new ProtocolWriter().compactString(group).int32(generation).compactString(memberId);
  return await request(
    connection,
    HEARTBEAT,
    [body.compactString(instanceId).noTags().done()],
    REQUEST_TIMEOUT_MS,
    (r) => {
      r.int32();
      return r.int16();
    },
  );
}

/** Leaves at once, so that others need not wait for the session to time out. */
export async function leaveGroup(
  connection: Connection,
  { group, memberId, instanceId }: Membership,
): Promise<void> {
  const body = new ProtocolWriter().compactString(group);
  body.compactArray([memberId], (id) =>
    body.compactString(id).compactString(instanceId).compactString(null).noTags(),
  );
  await request(connection, LEAVE_GROUP, [body.noTags().done()], REQUEST_TIMEOUT_MS, () => undefined);
}

function encodeSubscription(topics: readonly string[], owned: readonly TopicPartition[]): Buffer {
  const body = new ProtocolWriter().int16(1);
  body.array(topics, (topic) => body.string(topic)).int32(-1);
  writePartitions(body, owned);
  return body.done();
}

function encodeAssignment({ partitions, note }: Assignment): Buffer {
  const body = new ProtocolWriter().int16(1);
  writePartitions(body, partitions);
  return body.bytes(note).done();
}

function writePartitions(body: ProtocolWriter, partitions: readonly TopicPartition[]): void {
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
  body.array([...byTopic], ([topic, entries]) => {
    body.string(topic).array(entries, ({ partition }) => body.int32(partition));
  });
}

function decodeOwned(subscription: Buffer): readonly TopicPartition[] {
  const r = new ProtocolReader(subscription);
  if (r.int16() < 1) return [];
  r.array(() => r.string());
  r.bytes();
  return readPartitions(r);
}

/** What a member is assigned, as consumers of the classic protocol write it. Throws RangeError. */
export function decodeAssignment(assignment: Buffer): readonly TopicPartition[] {
  if (assignment.length === 0) return [];
  const r = new ProtocolReader(assignment);
  r.int16();
  return readPartitions(r);
}

/** The same with the leader's note; an older gauze wrote none. */
function readAssignment(assignment: Buffer): Assignment {
  if (assignment.length === 0) return { partitions: [], note: Buffer.alloc(0) };
  const r = new ProtocolReader(assignment);
  r.int16();
  const partitions = readPartitions(r);
  return { partitions, note: Buffer.from(r.bytes()) };
}

function readPartitions(r: ProtocolReader): readonly TopicPartition[] {
  return r
    .array(() => {
      const topic = r.string();
      return r.array(() => ({ topic, partition: r.int32() }));
    })
    .flat();
}
