/**
 * What the index of persons must hold, found out from outside: the Java consumer reads raw records and index, avsc
 * decodes them, node:crypto makes the tokens. Shares the schemas of index and events with gauze, and nothing else.
 */
import { createHash } from 'node:crypto';
import avsc from 'avsc';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import type { PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import type { AuditedEvent } from './audit-oracle.ts';
import { testStack } from './stack.ts';
import { subjectRoot, tokenByHand } from './token-oracle.ts';
import type { DumpedRecord } from './topic-dump.ts';

export interface IndexInput {
  readonly keyringFile: string;
  readonly raw: readonly DumpedRecord[];
  /** gauze.audit.subjects */
  readonly subjects: readonly DumpedRecord[];
  readonly events: readonly AuditedEvent[];
}

/** A raw record and the token that it must have; zeros, in hex, where it names nobody. */
export interface ExpectedToken {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly person: string | null;
  readonly token: string;
}

interface Index {
  readonly index: PhiSubjectIndex;
  readonly value: Buffer;
}

export const NOBODY = '0'.repeat(16);

/** The token of each raw record, in the order of the dump. */
export async function expectedTokens({ keyringFile, raw }: IndexInput): Promise<readonly ExpectedToken[]> {
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const { root, epoch } = await subjectRoot(keyringFile);
  const readers = new Map<number, (body: Buffer) => string | null>();
  const expected: ExpectedToken[] = [];
  for (const { topic, partition, offset, value } of raw) {
    const id = value && value.length >= 5 && value[0] === 0 ? value.readInt32BE(1) : null;
    if (id !== null && !readers.has(id)) readers.set(id, personReader((await registry.schemaText(id)).text));
    const person = id === null ? null : readers.get(id)!(value!.subarray(5));
    const token = person ? tokenByHand(root, epoch, person).toString('hex') : NOBODY;
    expected.push({ topic, partition, offset, person, token });
  }
  return expected;
}

/** Every fault of the index: a missing, doubled, moved or wrong token, a gap, an event that says something else. */
export async function indexFaults(input: IndexInput): Promise<readonly string[]> {
  const expected = Map.groupBy(await expectedTokens(input), placeOf);
  const indexes = input.subjects.map(({ value }) => ({
    index: subjectIndexCodec.decode(value!),
    value: value!,
  }));
  const found = Map.groupBy(indexes, ({ index }) => placeOf(index));
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((place) => [
    ...tokenFaults(place, expected.get(place) ?? [], found.get(place) ?? []),
    ...rangeFaults(place, found.get(place) ?? []),
    ...eventFaults(place, found.get(place) ?? [], input.events),
  ]);
}

function tokenFaults(place: string, wanted: readonly ExpectedToken[], indexes: readonly Index[]): string[] {
  const have = indexes.flatMap(({ index }) => pairsOf(index));
  const want = wanted.map(({ offset, token }) => `${offset} ${token}`);
  if (have.length !== want.length) return [`${place}: ${have.length} tokens for ${want.length} records`];
  const at = want.findIndex((pair, i) => pair !== have[i]);
  return at < 0 ? [] : [`${place}: the token of record ${at} is another one, or stands elsewhere`];
}

function rangeFaults(place: string, indexes: readonly Index[]): string[] {
  let position = indexes[0]?.index.first_offset ?? 0;
  return indexes.flatMap(({ index }) => {
    const isNext = index.first_offset === position;
    position = index.next_offset;
    return isNext
      ? []
      : [`${place}: an index begins at ${index.first_offset}, not where the one before ended`];
  });
}

function eventFaults(place: string, indexes: readonly Index[], events: readonly AuditedEvent[]): string[] {
  const mine = events.filter(
    ({ event }) =>
      event.policy.id === 'index' && event.type === 'session.batch' && placeOf(event.range!) === place,
  );
  if (mine.length !== indexes.length)
    return [`${place}: ${mine.length} events for ${indexes.length} indexes`];
  return mine.flatMap(({ event }, i) => {
    const { index, value } = indexes[i]!;
    const { range, subjects, recipient, accounting, purpose } = event;
    const tokens = pairsOf(index).map((pair) => pair.split(' ')[1]!);
    const distinct = new Set(tokens.filter((token) => token !== NOBODY)).size;
    const says = [
      range!.first_offset,
      range!.next_offset,
      range!.record_count,
      subjects?.distinct,
      subjects?.key_epoch,
      subjects?.token_len,
      subjects?.tokens,
      subjects?.index_sha256?.toString('hex'),
      recipient,
      accounting,
      ...purpose,
    ];
    const is = [
      index.first_offset,
      index.next_offset,
      index.record_count,
      distinct,
      index.key_epoch,
      8,
      null,
      createHash('sha256').update(value).digest('hex'),
      null,
      'NOT_PHI',
      'HSYSADMIN',
    ];
    return JSON.stringify(says) === JSON.stringify(is) ? [] : [`${place}: event ${i} does not fit its index`];
  });
}

/** `offset token` of each record of an index. */
function pairsOf({ first_offset: first, record_count: count, offsets, tokens }: PhiSubjectIndex): string[] {
  const distances: bigint[] = [];
  for (let at = 0; at < (offsets?.length ?? 0);) {
    let distance = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = offsets![at++]!;
      distance |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    distances.push(distance);
  }
  let offset = BigInt(first);
  return Array.from({ length: Math.max(count, tokens.length / 8) }, (_, i) => {
    offset += offsets === null ? BigInt(i > 0) : (distances[i] ?? -1n);
    return `${offset} ${tokens.toString('hex', i * 8, i * 8 + 8)}`;
  });
}

/** Decodes with avsc and takes the field marked at the top of the schema; null for a value that does not decode. */
function personReader(schemaText: string): (body: Buffer) => string | null {
  const { fields } = JSON.parse(schemaText) as { fields: { name: string; 'gauze:person'?: boolean }[] };
  const type = avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema);
  const field = fields.find((each) => each['gauze:person'] === true)?.name;
  return (body) => {
    try {
      const value = type.fromBuffer(body) as Record<string, string | number | null>;
      return field === undefined ? null : (value[field]?.toString() ?? null);
    } catch {
      return null;
    }
  };
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}
