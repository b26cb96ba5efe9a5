/**
 * Builds the scope of a request from its parts, in the one order that has a hash, and cuts a narrower one out of it.
 * Persons become subject tokens here and go no further as text. Nothing is widened, and nothing is left open: what
 * is not frozen in the scope cannot be granted.
 */
import { GauzeError } from '../platform/errors.ts';
import { tokensOfPerson } from '../keys/person-aliases.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import type { SubjectTokens } from '../keys/subject-tokens.ts';
import type { AccessWindow, Scope, ScopeField, ScopePartition } from '../schemas/access-codecs.ts';
import { isUsableScope, isWithin } from './narrowing.ts';

/** What a scope is built from. */
export interface ScopeParts {
  readonly clusterId: string;
  readonly topic: string;
  readonly topicId: string;
  readonly baseAudience: string;
  /** Of the base audience's policy, applied when the request was made. */
  readonly policyVersion: number;
  readonly policySha256: Buffer;
  readonly schemas: readonly { readonly schemaId: number; readonly fingerprint: Buffer }[];
  /** Leaves to be revealed, with their tags in force. */
  readonly fields: readonly ScopeField[];
  /** Milliseconds since the epoch; null: from the first record, up to the present end. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Identifiers as the records hold them; null: records about anybody. */
  readonly persons: readonly string[] | null;
  readonly beneficiary: string;
  readonly purpose: string;
  readonly maxRecords: number;
  readonly maxPersons: number | null;
  readonly durationMs: number;
  readonly window: AccessWindow | null;
}

/** Finds the offsets that lie between two times, of every partition of a topic. */
export type OffsetsBetween = (
  topic: string,
  fromMs: number | null,
  toMs: number | null,
) => Promise<readonly ScopePartition[]>;

/**
 * The scope, in canonical order.
 * @throws GauzeError ERR_ACCESS_RANGE_EMPTY where no record lies between the times, ERR_ACCESS_SCOPE_INVALID where
 *   the parts make no scope
 */
export async function buildScope(
  parts: ScopeParts,
  offsetsBetween: OffsetsBetween,
  tokens: SubjectTokens,
  aliases: PersonAliases,
): Promise<Scope> {
  const partitions = inOrder(await offsetsBetween(parts.topic, parts.fromMs, parts.toMs));
  if (partitions.length === 0) throw new GauzeError('ERR_ACCESS_RANGE_EMPTY', { topic: parts.topic });
  const scope: Scope = {
    cluster_id: parts.clusterId,
    topic: parts.topic,
    topic_id: parts.topicId,
    base_audience: parts.baseAudience,
    policy_version: parts.policyVersion,
    policy_sha256: parts.policySha256,
    schemas: parts.schemas
      .map(({ schemaId, fingerprint }) => ({ schema_id: schemaId, fingerprint }))
      .toSorted((a, b) => a.schema_id - b.schema_id),
    fields: fieldsInOrder(parts.fields),
    partitions,
    persons: parts.persons === null ? null : personTokens(parts.persons, tokens, aliases),
    token_epoch: tokens.epoch,
    beneficiary: parts.beneficiary,
    purpose: parts.purpose,
    max_records: parts.maxRecords,
    max_persons: parts.maxPersons,
    duration_ms: parts.durationMs,
    window: parts.window,
  };
  if (!isUsableScope(scope)) throw new GauzeError('ERR_ACCESS_SCOPE_INVALID', {});
  return scope;
}

/** Tokens of all ids of these persons, also of those that were merged with the ids given; each once, bytewise in order. */
export function personTokens(
  persons: readonly string[],
  tokens: SubjectTokens,
  aliases: PersonAliases,
): readonly Buffer[] {
  return tokensInOrder(persons.flatMap((person) => tokensOfPerson(tokens, aliases, person)));
}

/** What an approver lets stand; what is left out stays as it is. */
export interface ScopeNarrowing {
  /** Paths, or tags: all leaves of the scope that have one. */
  readonly fields?: readonly string[];
  readonly maxRecords?: number;
  readonly maxPersons?: number;
  readonly durationMs?: number;
  /** Tokens. */
  readonly persons?: readonly Buffer[];
  /** Ranges that may reach beyond those of the scope: what lies in both is kept. */
  readonly partitions?: readonly ScopePartition[];
}

/**
 * The part of `scope` that `narrowing` lets stand, in canonical order.
 * @throws GauzeError ERR_ACCESS_NOT_NARROWER naming what lies outside, ERR_ACCESS_RANGE_EMPTY where no record is left
 */
export function narrowScope(scope: Scope, narrowing: ScopeNarrowing): Scope {
  const { fields, maxRecords, maxPersons, durationMs, persons, partitions } = narrowing;
  const narrow: Scope = {
    ...scope,
    fields: fields === undefined ? scope.fields : keptFields(scope.fields, fields),
    partitions: partitions === undefined ? scope.partitions : commonRanges(scope, partitions),
    persons: persons === undefined ? scope.persons : keptPersons(scope.persons, persons),
    max_records: lower('maxRecords', maxRecords, scope.max_records),
    max_persons:
      maxPersons === undefined
        ? scope.max_persons
        : lower('maxPersons', maxPersons, scope.max_persons ?? Number.MAX_SAFE_INTEGER),
    duration_ms: lower('durationMinutes', durationMs, scope.duration_ms),
  };
  if (!isWithin(narrow, scope) || !isUsableScope(narrow)) throw outside('narrow');
  return narrow;
}

function keptFields(asked: readonly ScopeField[], words: readonly string[]): readonly ScopeField[] {
  const isMeant = ({ path, tags }: ScopeField, word: string): boolean => path === word || tags.includes(word);
  if (words.length === 0 || words.some((word) => !asked.some((field) => isMeant(field, word))))
    throw outside('fields');
  return asked.filter((field) => words.some((word) => isMeant(field, word)));
}

function keptPersons(asked: Scope['persons'], kept: readonly Buffer[]): readonly Buffer[] {
  const isAsked = (token: Buffer): boolean => asked === null || asked.some((each) => each.equals(token));
  if (kept.length === 0 || !kept.every(isAsked)) throw outside('persons');
  return tokensInOrder(kept);
}

function commonRanges(
  { topic, partitions }: Scope,
  ranges: readonly ScopePartition[],
): readonly ScopePartition[] {
  const common = ranges.flatMap((range) => {
    const asked = partitions.find(({ partition }) => partition === range.partition);
    if (asked === undefined) return [];
    const first = Math.max(asked.first_offset, range.first_offset);
    return [{ ...range, first_offset: first, next_offset: Math.min(asked.next_offset, range.next_offset) }];
  });
  const left = inOrder(common);
  if (left.length === 0) throw new GauzeError('ERR_ACCESS_RANGE_EMPTY', { topic });
  return left;
}

function lower(setting: string, wanted: number | undefined, asked: number): number {
  if (wanted === undefined) return asked;
  if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > asked) throw outside(setting);
  return wanted;
}

function outside(setting: string): GauzeError {
  return new GauzeError('ERR_ACCESS_NOT_NARROWER', { setting });
}

/** Ranges that hold anything, by partition. */
function inOrder(ranges: readonly ScopePartition[]): readonly ScopePartition[] {
  return ranges
    .filter((range) => range.first_offset < range.next_offset)
    .toSorted((a, b) => a.partition - b.partition);
}

/** Each path once, with all tags that were said of it. */
function fieldsInOrder(fields: readonly ScopeField[]): readonly ScopeField[] {
  const byPath = new Map<string, Set<string>>();
  for (const { path, tags } of fields) byPath.set(path, new Set([...(byPath.get(path) ?? []), ...tags]));
  // By UTF-16 code units, as the hash of a scope asks for.
  return [...byPath.keys()].sort().map((path) => ({ path, tags: [...byPath.get(path)!].sort() }));
}

function tokensInOrder(tokens: readonly Buffer[]): readonly Buffer[] {
  const sorted = tokens.toSorted((a, b) => Buffer.compare(a, b));
  return sorted.filter((token, at) => at === 0 || !token.equals(sorted[at - 1]!));
}
