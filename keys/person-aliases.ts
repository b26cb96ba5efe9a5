/**
 * Which identifiers were one person: the merges of a site (HL7 A40: one record number merged into another), read from
 * a file that lives with the keys. A merge joins people for good, so the ids of a person are a whole group of them.
 * It holds identifiers: it is never printed, and no error says more of the file than a line.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { Hidden } from './hidden.ts';
import { tokenOf } from './subject-tokens.ts';
import type { SubjectTokens } from './subject-tokens.ts';

const HEADER = 'merged,into,since';
const OTHERS_MAY_DO = 0o077;
const LONGEST_ID = 256;
const SINCE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

interface Merge {
  readonly merged: string;
  readonly into: string;
  readonly sinceMs: number;
  readonly line: number;
}

/** The merges of a site. */
export class PersonAliases extends Hidden {
  /** SHA-256 of the file, hex: which merges an answer stands on; null without a file. */
  readonly sha256: string | null;
  /** Of the newest merge, milliseconds since the epoch; null without one. */
  readonly newestMs: number | null;
  readonly #groups: ReadonlyMap<string, readonly string[]>;
  readonly #survivors = new WeakMap<SubjectTokens, ReadonlyMap<bigint, bigint>>();

  constructor(merges: readonly Merge[], sha256: string | null) {
    super();
    this.sha256 = sha256;
    this.newestMs = merges.length === 0 ? null : merges.reduce((max, each) => Math.max(max, each.sinceMs), 0);
    this.#groups = groupsOf(merges);
  }

  /** All ids of the person who has this one: the id that was merged into first, then the others in order. */
  idsOf(id: string): readonly string[] {
    return this.#groups.get(id) ?? [id];
  }

  /** The id that stands for the person; an id that nobody merged stands for itself. */
  survivor(id: string): string {
    return this.idsOf(id)[0]!;
  }

  /** Every id that a merge names, with the one that stands for the person. */
  *survivorsOfIds(): Generator<readonly [string, string]> {
    for (const [id, group] of this.#groups) yield [id, group[0]!];
  }

  /** How many people these ids are. */
  peopleAmong(ids: Iterable<string>): number {
    return new Set([...ids].map((id) => this.survivor(id))).size;
  }

  /**
   * The token that stands for a person, by each token of a merged person (`readBigUInt64BE`), in the key epoch of
   * `tokens`; whoever is not in it stands for themselves. For counting people.
   */
  survivors(tokens: SubjectTokens): ReadonlyMap<bigint, bigint> {
    const known = this.#survivors.get(tokens);
    if (known) return known;
    const number = (id: string): bigint => tokenOf(tokens, id).readBigUInt64BE(0);
    const found = new Map([...this.#groups].map(([id, [survivor]]) => [number(id), number(survivor!)]));
    this.#survivors.set(tokens, found);
    return found;
  }
}

/** Of a site that has merged nobody. */
export const NO_ALIASES = new PersonAliases([], null);

/** Tokens of a person, one for each of the ids; in the order of `idsOf`. */
export function tokensOfPerson(tokens: SubjectTokens, aliases: PersonAliases, id: string): readonly Buffer[] {
  return aliases.idsOf(id).map((each) => tokenOf(tokens, each));
}

/**
 * Reads the file.
 * @throws GauzeError ERR_PERSONS_FILE (absent, unreadable), ERR_PERSONS_FILE_PERMISSIONS (others may read it)
 * @throws GauzeErrors ERR_PERSONS_LINE for each line that is no merge, contradicts another, or closes a circle
 */
export async function loadPersonAliases(file: string): Promise<PersonAliases> {
  const handle = await open(file, 'r').catch(() => {
    throw new GauzeError('ERR_PERSONS_FILE', { file });
  });
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new GauzeError('ERR_PERSONS_FILE', { file });
    // Checked on the open file, so that the answer is about the bytes that are read.
    if ((status.mode & OTHERS_MAY_DO) !== 0) throw new GauzeError('ERR_PERSONS_FILE_PERMISSIONS', { file });
    return parsePersonAliases(await handle.readFile(), file);
  } finally {
    await handle.close();
  }
}

/** The same from bytes; `file` names them in errors. Throws GauzeErrors as loadPersonAliases does. */
export function parsePersonAliases(bytes: Uint8Array, file: string): PersonAliases {
  const fault = (line: number, expected: string): GauzeError =>
    new GauzeError('ERR_PERSONS_LINE', { file, line, expected });
  const lines = linesOf(bytes);
  if (lines === null) throw new GauzeErrors([fault(1, 'text in UTF-8')]);
  if (lines[0] !== HEADER) throw new GauzeErrors([fault(1, `the line ${HEADER}`)]);
  const rows = lines.slice(1).map((text, at) => mergeOf(text, at + 2));
  const merges = rows.filter((row) => 'merged' in row);
  const faults = rows.filter((row) => 'expected' in row);
  const all = [...faults, ...doubled(merges), ...circles(merges)].sort((a, b) => a.line - b.line);
  if (all.length > 0) throw new GauzeErrors(all.map(({ line, expected }) => fault(line, expected)));
  return new PersonAliases(merges, createHash('sha256').update(bytes).digest('hex'));
}

interface Fault {
  readonly line: number;
  readonly expected: string;
}

/** Lines without their ends; null for what is not UTF-8. */
function linesOf(bytes: Uint8Array): readonly string[] | null {
  const text = Buffer.from(bytes).toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return null;
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function mergeOf(text: string, line: number): Merge | Fault {
  const cells = text.split(',');
  const [merged = '', into = '', since = ''] = cells;
  if (cells.length !== 3) return { line, expected: 'three values between commas' };
  if (!isId(merged) || !isId(into))
    return { line, expected: 'two ids, as the records have them, without quotes and blanks around them' };
  const sinceMs = SINCE.test(since) ? Date.parse(since) : Number.NaN;
  if (Number.isNaN(sinceMs)) return { line, expected: 'a date, or a time with its zone, as in ISO 8601' };
  return { merged, into, sinceMs, line };
}

function isId(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_ID && text.trim() === text && !/[\p{Cc}"]/u.test(text);
}

/** An id is merged once: a second line about it would leave open whom it stands for. */
function doubled(merges: readonly Merge[]): readonly Fault[] {
  const seen = new Map<string, number>();
  return merges.flatMap(({ merged, line }) => {
    const first = seen.get(merged);
    if (first !== undefined) return [{ line, expected: `an id that line ${first} has not merged already` }];
    seen.set(merged, line);
    return [];
  });
}

/** Each circle once, at its last line. */
function circles(merges: readonly Merge[]): readonly Fault[] {
  const next = new Map(merges.map((merge) => [merge.merged, merge]));
  const walkOf = new Map<string, number>();
  const found: Fault[] = [];
  for (const [walk, { merged }] of merges.entries()) {
    let at: string | undefined = merged;
    while (at !== undefined && !walkOf.has(at)) {
      walkOf.set(at, walk);
      at = next.get(at)?.into;
    }
    const met = at === undefined ? undefined : next.get(at);
    if (met === undefined || walkOf.get(met.merged) !== walk) continue;
    let line = met.line;
    for (let on = next.get(met.into); on && on !== met; on = next.get(on.into))
      line = Math.max(line, on.line);
    found.push({ line, expected: 'a merge that does not lead back to the id it begins with' });
  }
  return found;
}

/** The group of each id that a merge names: the survivor, then the others sorted. */
function groupsOf(merges: readonly Merge[]): ReadonlyMap<string, readonly string[]> {
  const into = new Map(merges.map((merge) => [merge.merged, merge.into]));
  const survivors = new Map<string, string>();
  const survivorOf = (id: string): string => {
    const passed: string[] = [];
    let at = id;
    for (let next = into.get(at); next !== undefined && !survivors.has(at); next = into.get(at)) {
      passed.push(at);
      at = next;
    }
    const survivor = survivors.get(at) ?? at;
    for (const each of passed) survivors.set(each, survivor);
    return survivor;
  };
  const members = new Map<string, string[]>();
  for (const { merged } of merges) {
    const survivor = survivorOf(merged);
    const mine = members.get(survivor) ?? [];
    members.set(survivor, mine);
    mine.push(merged);
  }
  const groups = new Map<string, readonly string[]>();
  for (const [survivor, others] of members) {
    const group = [survivor, ...others.sort()];
    for (const id of group) groups.set(id, group);
  }
  return groups;
}
