/**
 * The tables of the local index over the audit topics, and how numbers are laid out in them. The index can always be
 * made again from the topics, so it is no evidence; it holds subject tokens, so it is for the auditor alone.
 */

/** Changes with every change of a table: an index of another format is made again. */
export const INDEX_FORMAT = '1';

/** Partitions of an audit topic, at most: the row of a record is named by its offset and partition in one number. */
export const PARTITIONS_MAX = 1024;

/**
 * `contexts` holds what many events have in common, once. `span` is the power of two that a range fits in: whatever
 * covers an offset is found by one short look at each span, however long single ranges are.
 */
export const INDEX_TABLES = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (
  topic TEXT, partition INTEGER, topic_id TEXT NOT NULL, next_offset INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE gaps (topic TEXT, partition INTEGER, first INTEGER, next INTEGER, PRIMARY KEY (topic, partition, first))
  WITHOUT ROWID;
CREATE TABLE unreadable (topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (topic, partition, offset))
  WITHOUT ROWID;
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY);
CREATE TABLE places (
  id INTEGER PRIMARY KEY, topic TEXT NOT NULL, topic_id TEXT NOT NULL, partition INTEGER NOT NULL,
  nobody INTEGER NOT NULL DEFAULT 0, UNIQUE (topic_id, topic, partition));
CREATE TABLE contexts (
  id INTEGER PRIMARY KEY, type TEXT NOT NULL, actor TEXT NOT NULL, on_behalf_of TEXT, recipient TEXT, grant_id TEXT,
  request_id TEXT, facts TEXT NOT NULL UNIQUE);
CREATE INDEX contexts_by_type ON contexts (type);
CREATE INDEX contexts_by_grant ON contexts (grant_id) WHERE grant_id IS NOT NULL;
CREATE TABLE events (
  id INTEGER PRIMARY KEY, context INTEGER NOT NULL, appended_ms INTEGER NOT NULL, place INTEGER, first INTEGER,
  next INTEGER, span INTEGER, records INTEGER, delivered INTEGER, bitmap BLOB, tokens BLOB, ext TEXT);
CREATE INDEX events_by_range ON events (place, span, first) WHERE span IS NOT NULL;
CREATE INDEX events_by_context ON events (context, appended_ms);
CREATE TABLE subject_ranges (
  id INTEGER PRIMARY KEY, place INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL,
  span INTEGER NOT NULL, records INTEGER NOT NULL, epoch INTEGER NOT NULL, offsets BLOB);
CREATE INDEX subject_ranges_by_range ON subject_ranges (place, span, first);
CREATE TABLE postings (
  token INTEGER, place INTEGER, first INTEGER, more BLOB, PRIMARY KEY (token, place, first)) WITHOUT ROWID;
CREATE TABLE access_entries (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, appended_ms INTEGER NOT NULL, request_id TEXT, grant_id TEXT,
  by_id TEXT NOT NULL, by_kind TEXT NOT NULL);
`;

/** Where a record stands in its topic. */
export interface RecordPlace {
  readonly partition: number;
  readonly offset: number;
}

/** The row id of the record at a place. */
export function rowIdOf({ partition, offset }: RecordPlace): number {
  return offset * PARTITIONS_MAX + partition;
}

/** The place that a row id names. */
export function placeOfRow(id: number): RecordPlace {
  return { partition: id % PARTITIONS_MAX, offset: Math.floor(id / PARTITIONS_MAX) };
}

/** Smallest power of two that holds `length` offsets, as its exponent. */
export function spanOf(length: number): number {
  return Math.ceil(Math.log2(Math.max(1, length)));
}

/** Distances between rising numbers as unsigned varints, seven bits a byte, lowest first; null for none. */
export function packRest(numbers: readonly number[]): Buffer | null {
  if (numbers.length < 2) return null;
  const bytes: number[] = [];
  for (let i = 1; i < numbers.length; i++) {
    let rest = numbers[i]! - numbers[i - 1]!;
    while (rest > 0x7f) {
      bytes.push((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}

/** The numbers that begin with `first` and go on by the distances of `packRest`. */
export function unpackRest(first: number, rest: Uint8Array | null): number[] {
  const numbers = [first];
  let last = first;
  let scale = 1;
  for (const byte of rest ?? []) {
    last += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte >= 0x80) continue;
    numbers.push(last);
    scale = 1;
  }
  return numbers;
}
