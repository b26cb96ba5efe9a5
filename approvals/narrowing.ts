/**
 * Whether a scope is one that a grant can be made of, and whether it lies within another: approvers can take away,
 * never add or exchange. Whatever is not named here has to be equal.
 */
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import type { Scope, ScopeField, ScopePartition } from '../schemas/access-codecs.ts';
import { isWindow } from './access-window.ts';

/**
 * Whether the scope reveals something, under caps and a time above zero, in ranges and a window that there can be; or
 * reveals nothing to nobody, and names the one event that is to be replayed.
 */
export function isUsableScope(scope: Scope): boolean {
  const { partitions, persons, window } = scope;
  return (
    (scope.replay ? isReplayScope(scope) : isRevealing(scope)) &&
    partitions.every((range) => isRange(range)) &&
    (persons === null ||
      (persons.length > 0 && persons.every(({ length }) => length === SUBJECT_TOKEN_BYTES))) &&
    scope.topic !== '' &&
    scope.topic_id !== '' &&
    isCap(scope.max_records) &&
    (scope.max_persons === null || isCap(scope.max_persons)) &&
    isCap(scope.duration_ms) &&
    (window === null || isWindow(window))
  );
}

function isRevealing({ fields, beneficiary }: Scope): boolean {
  return fields.length > 0 && fields.every(({ path }) => path !== '') && beneficiary !== '';
}

/** The range of one event, nobody who reads, no field in clear. */
function isReplayScope({ fields, partitions, persons, beneficiary, max_persons, replay }: Scope): boolean {
  const [range, ...others] = partitions;
  return (
    fields.length === 0 &&
    beneficiary === '' &&
    persons === null &&
    max_persons === null &&
    others.length === 0 &&
    range !== undefined &&
    range.first_offset < range.next_offset &&
    (replay?.event_partition ?? -1) >= 0 &&
    (replay?.event_offset ?? -1) >= 0
  );
}

/** Whether every field that the scope reveals was reviewed and is no PHI; a replay is about whole records. */
export function isWithoutPhi({ fields, replay }: Scope): boolean {
  if (replay) return false;
  return fields.every(({ tags }) => tags.length === 1 && tags[0] === 'PHI_NONE');
}

/** Whether `narrow` reveals nothing that `wide` does not, to nobody else, for nothing else, and for no longer. */
export function isWithin(narrow: Scope, wide: Scope): boolean {
  return (
    isSameFrame(narrow, wide) &&
    fieldsWithin(narrow.fields, wide.fields) &&
    rangesWithin(narrow.partitions, wide.partitions) &&
    personsWithin(narrow.persons, wide.persons) &&
    isSameReplay(narrow, wide) &&
    narrow.max_records <= wide.max_records &&
    capWithin(narrow.max_persons, wide.max_persons) &&
    narrow.duration_ms <= wide.duration_ms
  );
}

/** What narrowing leaves as it is. */
function isSameFrame(narrow: Scope, wide: Scope): boolean {
  return (
    narrow.cluster_id === wide.cluster_id &&
    narrow.topic === wide.topic &&
    narrow.topic_id === wide.topic_id &&
    narrow.base_audience === wide.base_audience &&
    narrow.policy_version === wide.policy_version &&
    narrow.policy_sha256.equals(wide.policy_sha256) &&
    narrow.token_epoch === wide.token_epoch &&
    narrow.beneficiary === wide.beneficiary &&
    narrow.purpose === wide.purpose &&
    narrow.schemas.length === wide.schemas.length &&
    narrow.schemas.every(
      ({ schema_id, fingerprint }, i) =>
        schema_id === wide.schemas[i]!.schema_id && fingerprint.equals(wide.schemas[i]!.fingerprint),
    ) &&
    isSameWindow(narrow.window, wide.window)
  );
}

/** A replay is of all records of its event or of none: only its time can be less. */
function isSameReplay(narrow: Scope, wide: Scope): boolean {
  const [one, other] = [narrow.replay ?? null, wide.replay ?? null];
  if (one === null || other === null) return one === other;
  return (
    one.event_partition === other.event_partition &&
    one.event_offset === other.event_offset &&
    one.event_sha256.equals(other.event_sha256) &&
    one.recipient === other.recipient &&
    one.grant_id === other.grant_id &&
    one.plan_hash.equals(other.plan_hash) &&
    one.key_epoch === other.key_epoch &&
    one.output_topic === other.output_topic &&
    narrow.max_records === wide.max_records &&
    isSameRange(narrow, wide)
  );
}

function isSameRange({ partitions: [one] }: Scope, { partitions: [other] }: Scope): boolean {
  return one?.first_offset === other?.first_offset && one?.next_offset === other?.next_offset;
}

function isSameWindow(narrow: Scope['window'], wide: Scope['window']): boolean {
  if (narrow === null || wide === null) return narrow === wide;
  return (
    narrow.zone === wide.zone &&
    narrow.from_minute === wide.from_minute &&
    narrow.to_minute === wide.to_minute &&
    isSameList(narrow.days, wide.days)
  );
}

function fieldsWithin(narrow: readonly ScopeField[], wide: readonly ScopeField[]): boolean {
  const asked = new Map(wide.map(({ path, tags }) => [path, tags]));
  return narrow.every(({ path, tags }) => isSameList(tags, asked.get(path)));
}

function rangesWithin(narrow: readonly ScopePartition[], wide: readonly ScopePartition[]): boolean {
  const asked = new Map(wide.map((range) => [range.partition, range]));
  return narrow.every(({ partition, first_offset: first, next_offset: next }) => {
    const range = asked.get(partition);
    return range !== undefined && range.first_offset <= first && next <= range.next_offset;
  });
}

function personsWithin(narrow: Scope['persons'], wide: Scope['persons']): boolean {
  if (wide === null) return true;
  if (narrow === null) return false;
  const asked = new Set(wide.map((token) => token.toString('hex')));
  return narrow.every((token) => asked.has(token.toString('hex')));
}

function capWithin(narrow: number | null, wide: number | null): boolean {
  return wide === null || (narrow !== null && narrow <= wide);
}

function isSameList<T>(one: readonly T[], other: readonly T[] | undefined): boolean {
  return other !== undefined && one.length === other.length && one.every((item, i) => item === other[i]);
}

function isRange({ partition, first_offset: first, next_offset: next }: ScopePartition): boolean {
  return partition >= 0 && first >= 0 && first <= next;
}

function isCap(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
