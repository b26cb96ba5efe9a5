/**
 * What a record itself says of its person: reads the leaves that the plan names as known values, so that scrub can look
 * for them in the record's own texts. Values live until the next record, in memory only.
 * It allocates for each record with a text to scrub, and for no other.
 */
import type { AvroLeaf, AvroType } from '../schemas/avro-schema.ts';
import { bigLongAt, longAt } from './avro-bytes.ts';
import { ticksPerDay } from './date-unit.ts';
import { FAULT_DICTIONARY } from './fault.ts';
import { LeafFinder, SPAN_NUMBERS } from './leaf-finder.ts';
import { PersonFinder } from './person-finder.ts';
import { RecordState } from './record-state.ts';
import type { KnownLeaf } from './plan.ts';
import { dateOfDay, readDate } from './text/date-forms.ts';
import { KnownValues } from './text/known-values.ts';
import type { KnownValue } from './text/known-values.ts';
import { wordLists } from './text/word-lists.ts';

/** Can a value of this leaf be looked for in a text? */
export function canBeKnown(leaf: AvroLeaf): boolean {
  if (leaf.kind === 'string' || leaf.kind === 'enum') return true;
  if (leaf.kind !== 'int' && leaf.kind !== 'long') return false;
  return leaf.logical === null || ticksPerDay(leaf) !== null;
}

/** A decoded value as scrub looks for it; null where there is nothing to look for. Longs come as bigint. */
export function knownValue(value: unknown, type: AvroLeaf, kind: KnownLeaf['kind']): KnownValue | null {
  const perDay = ticksPerDay(type);
  if (perDay !== null) {
    const date = dateOfDay(Math.floor(Number(value) / perDay));
    return date && { kind: 'date', date };
  }
  const text = String(value);
  if (kind !== 'date') return { kind, text };
  const date = readDate(text);
  return date ? { kind: 'date', date } : { kind: 'DATE', text };
}

/** What another topic says of persons, at one point of it. */
export interface PersonValues {
  /** Of the person with this identifier, as the record writes it. */
  valuesOf(person: string): readonly KnownValue[];
}

export class KnownLeaves {
  readonly #leaves: readonly KnownLeaf[];
  readonly #finder: LeafFinder;
  readonly #state = new RecordState(0);
  #input: Buffer = Buffer.alloc(0);
  #count = 0;
  #values: KnownValues | null = null;
  readonly #person: PersonFinder | null;
  #persons: PersonValues | null = null;

  /**
   * `leaves`: those of the plan for `schema`; `personPath`: where persons are looked up in a dictionary too, else null.
   * Throws ERR_INTERNAL where a leaf is none of the schema, ERR_TEXT_LISTS.
   */
  constructor(schema: AvroType, leaves: readonly KnownLeaf[], personPath: readonly string[] | null = null) {
    this.#person = personPath && new PersonFinder(schema, personPath);
    this.#leaves = leaves;
    this.#finder = new LeafFinder(
      schema,
      leaves.map(({ path }) => path),
    );
    wordLists();
  }

  /** The dictionary to look persons up in from now on; null: none is at hand, and records that need one are faults. */
  pin(persons: PersonValues | null): void {
    this.#persons = persons;
  }

  /** Takes the next record, the Avro body input[start, end); returns 0, or a fault. */
  take(input: Buffer, start: number, end: number): number {
    this.#values = null;
    this.#input = input;
    const count = this.#finder.find(input, start, end);
    this.#count = Math.max(0, count);
    if (count < 0 || this.#person === null) return Math.min(0, count);
    return this.#persons ? this.#person.find(input, start, end) : FAULT_DICTIONARY;
  }

  /** What the record taken last says; read once for all its texts. */
  get values(): KnownValues {
    this.#values ??= new KnownValues([...this.own(), ...this.#elsewhere()], wordLists());
    return this.#values;
  }

  /** What the dictionary says of the record's person. */
  #elsewhere(): readonly KnownValue[] {
    const person = this.#person;
    if (!person || !this.#persons || person.start === person.end) return [];
    return this.#persons.valuesOf(
      Buffer.from(person.text.subarray(person.start, person.end)).toString('utf8'),
    );
  }

  /** The values of the record itself. */
  own(): KnownValue[] {
    const { spans, types } = this.#finder;
    const values: KnownValue[] = [];
    for (let i = 0; i < this.#count * SPAN_NUMBERS; i += SPAN_NUMBERS) {
      const leaf = spans[i]!;
      const type = types[leaf]!;
      const value = knownValue(
        this.#decoded(type, spans[i + 1]!, spans[i + 2]!),
        type,
        this.#leaves[leaf]!.kind,
      );
      if (value) values.push(value);
    }
    return values;
  }

  #decoded(type: AvroLeaf, start: number, end: number): string | number | bigint {
    if (type.kind === 'string') return this.#input.toString('utf8', start, end);
    longAt(this.#input, start, end, this.#state);
    if (type.kind === 'enum') return type.symbols[this.#state.value]!;
    return this.#state.exact ? this.#state.value : bigLongAt(this.#input, start);
  }
}
