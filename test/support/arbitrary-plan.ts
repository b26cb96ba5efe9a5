/**
 * Random schemas, plans over them and values of them, for tests that hold the transcoder against avsc.
 */
import * as fc from 'fast-check';
import type { GeneratorValue } from 'fast-check';
import { acceptsLeaf, derivedLeaf } from '../../processors/method-table.ts';
import { canBeEmpty } from '../../processors/empty-value.ts';
import { NORMALIZERS } from '../../processors/identifier-form.ts';
import { canBeKnown } from '../../processors/known-leaves.ts';
import { namesEnum } from '../../processors/derived-unions.ts';
import { wrapName } from '../../processors/value-oracle.ts';
import { isLeaf } from '../../schemas/avro-schema.ts';
import type {
  AvroField,
  AvroLeaf,
  AvroRecord,
  AvroType,
  AvroUnion,
  LogicalType,
} from '../../schemas/avro-schema.ts';
import type { PseudonymInstruction } from '../../processors/pseudonym-text.ts';
import type { Instruction, KnownLeaf, Plan, PlanNode } from '../../processors/plan.ts';
import { leavesOf } from '../../schemas/tags.ts';
import { planOf } from './plan-builder.ts';

type G = GeneratorValue;

export interface ArbitraryCase {
  readonly plan: Plan;
  /** As avsc decodes it. */
  readonly value: unknown;
  readonly recordTimeMs: number;
}

/** One case; a fifth of the plans have no person. */
export function arbitraryCase(): fc.Arbitrary<ArbitraryCase> {
  return fc.gen().map((g) => {
    const schema = new Schemas(g).root();
    const personPath = g(int, 0, 4) === 0 ? null : (findPerson(schema) ?? null);
    const plan = planOf(planNode(g, schema, 'root', personPath !== null), {
      personPath,
      known: knownLeaves(g, schema),
      asOfDay: g(int, 0, 30_000),
    });
    return { plan, value: valueOf(g, schema), recordTimeMs: g(int, -1, 2_000_000_000) * 1000 };
  });
}

/** Some of the leaves that can be looked for in texts. */
function knownLeaves(g: G, schema: AvroType): KnownLeaf[] {
  return leavesOf(schema)
    .filter(({ type }) => canBeKnown(type) && g(int, 0, 1) === 0)
    .map(({ path }) => ({ path, kind: pick(g, ['name', 'date', 'phone', 'address', 'ID'] as const) }));
}

const int = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

function pick<T>(g: G, items: readonly T[]): T {
  return items[g(int, 0, items.length - 1)]!;
}

const LOGICAL: Readonly<Record<string, readonly (LogicalType | null)[]>> = {
  int: [null, { name: 'date' }, { name: 'date' }, { name: 'time-millis' }],
  long: [
    null,
    { name: 'timestamp-millis' },
    { name: 'timestamp-micros' },
    { name: 'local-timestamp-millis' },
    { name: 'local-timestamp-micros' },
    { name: 'timestamp-nanos' },
    { name: 'time-micros' },
  ],
  bytes: [null, { name: 'decimal', precision: 9, scale: 2 }],
  string: [null, null, { name: 'uuid' }],
};

const PRIMITIVES = ['boolean', 'int', 'long', 'float', 'double', 'bytes', 'string', 'int', 'long', 'string'];

class Schemas {
  readonly #g: G;
  readonly #named: (AvroType & { fullName: string })[] = [];
  /** Records that are being made and may hold themselves. */
  readonly #around: string[] = [];
  #count = 0;

  constructor(g: G) {
    this.#g = g;
  }

  root(): AvroRecord {
    const record = this.#record(3, false);
    const g = this.#g;
    const person = this.#person();
    const fields = [...record.fields];
    fields.splice(g(int, 0, fields.length), 0, person);
    return { ...record, fields };
  }

  /** A person's field: bare, nullable, or a record deeper. */
  #person(): AvroField {
    const g = this.#g;
    const id: AvroLeaf = { kind: pick(g, ['string', 'int', 'long'] as const), logical: null, tags: [] };
    const nothing: AvroLeaf = { kind: 'null', logical: null, tags: [] };
    const maybe = (type: AvroType): AvroType =>
      g(int, 0, 2) === 0 ? { kind: 'union', logical: null, tags: [], branches: [nothing, type] } : type;
    if (g(int, 0, 2) > 0) return field('person', maybe(id));
    const inner: AvroRecord = this.#record(1, false);
    const fields = [...inner.fields];
    fields.splice(g(int, 0, fields.length), 0, field('person', maybe(id)));
    return field('person', maybe({ ...inner, fields }));
  }

  type(depth: number, inUnion = false): AvroType {
    const g = this.#g;
    const kind = g(int, 0, depth > 0 ? 13 : 8);
    if (kind <= 6) return this.#primitive();
    if (kind === 7) return this.#enumOrFixed();
    if (kind === 8) {
      return this.#named.length > 0 && !inUnion
        ? pick(g, this.#named)
        : { kind: 'null', logical: null, tags: [] };
    }
    if (depth > 0 && this.#around.length > 0 && g(int, 0, 5) === 0) return this.#again(inUnion);
    if (kind === 9) return { kind: 'array', logical: null, tags: [], items: this.type(depth - 1) };
    if (kind === 10) return { kind: 'map', logical: null, tags: [], values: this.type(depth - 1) };
    if (kind === 11 || inUnion) {
      const record = this.#record(depth - 1);
      if (!refersOut(record)) this.#named.push(record);
      return record;
    }
    return this.#union(depth - 1);
  }

  /** A record around this place again, where it may also not come. */
  #again(inUnion: boolean): AvroType {
    const g = this.#g;
    const common = { logical: null, tags: [] };
    const again: AvroType = { kind: 'reference', ...common, fullName: pick(g, this.#around) };
    const kind = g(int, 0, inUnion ? 1 : 3);
    if (kind === 0) return { kind: 'map', ...common, values: again };
    if (kind === 1) return { kind: 'array', ...common, items: again };
    const nothing: AvroType = { kind: 'null', ...common };
    const other = this.#primitive();
    return { kind: 'union', ...common, branches: kind === 2 ? [nothing, again] : [again, other] };
  }

  #primitive(): AvroLeaf {
    const kind = pick(this.#g, PRIMITIVES) as 'int';
    return { kind, logical: pick(this.#g, LOGICAL[kind] ?? [null]), tags: [] };
  }

  #enumOrFixed(): AvroLeaf {
    const g = this.#g;
    const type: AvroLeaf & { fullName: string } =
      g(int, 0, 1) === 0
        ? {
            kind: 'enum',
            logical: null,
            tags: [],
            fullName: this.#name(),
            // Above 64 a symbol's number takes two bytes.
            symbols: Array.from({ length: pick(g, [1, 3, 70]) }, (_, i) => `S${i}`),
          }
        : this.#fixed();
    this.#named.push(type);
    return type;
  }

  #fixed(): AvroLeaf & { fullName: string } {
    const size = pick(this.#g, [1, 12, 16, 16]);
    const logical = size === 16 ? pick(this.#g, [null, { name: 'uuid' }]) : null;
    return { kind: 'fixed', logical, tags: [], fullName: this.#name(), size };
  }

  #record(depth: number, mayHoldItself = true): AvroRecord {
    const fullName = this.#name();
    if (mayHoldItself) this.#around.push(fullName);
    const size = this.#g(int, 0, depth >= 3 ? 8 : 4);
    const fields = Array.from({ length: size }, (_, i) => field(`f${i}`, this.type(depth)));
    if (mayHoldItself) this.#around.pop();
    return { kind: 'record', logical: null, tags: [], fullName, doc: null, fields };
  }

  #union(depth: number): AvroType {
    const g = this.#g;
    const branches: AvroType[] = [];
    const add = (type: AvroType): void => {
      if (type.kind !== 'union' && !branches.some((other) => wrapName(other) === wrapName(type))) {
        branches.push(type);
      }
    };
    const wanted = g(int, 1, 4);
    if (g(int, 0, 2) > 0) add({ kind: 'null', logical: null, tags: [] });
    for (let i = 0; i < wanted; i += 1) add(this.type(depth, true));
    if (g(int, 0, 3) === 0) branches.reverse();
    return { kind: 'union', logical: null, tags: [], branches };
  }

  #name(): string {
    this.#count += 1;
    return `test.N${this.#count}`;
  }
}

function field(name: string, type: AvroType): AvroField {
  return {
    name,
    type,
    tags: [],
    person: name === 'person' && !holdsRecord(type),
    doc: null,
    hasDefault: false,
    default: undefined,
    aliases: [],
    attributes: {},
  };
}

/** Does a record come again in `type` that is not in `type` itself? */
function refersOut(type: AvroType, inside: readonly string[] = []): boolean {
  switch (type.kind) {
    case 'reference':
      return !inside.includes(type.fullName);
    case 'record':
      return type.fields.some((each) => refersOut(each.type, [...inside, type.fullName]));
    case 'array':
      return refersOut(type.items, inside);
    case 'map':
      return refersOut(type.values, inside);
    case 'union':
      return type.branches.some((branch) => refersOut(branch, inside));
    default:
      return false;
  }
}

/** The mark belongs on the identifier, not on the record around it. */
function holdsRecord(type: AvroType): boolean {
  return type.kind === 'record' || (type.kind === 'union' && type.branches.some(holdsRecord));
}

function findPerson(root: AvroRecord): string[] | undefined {
  const outer = root.fields.find(({ name }) => name === 'person')!.type;
  const inner = outer.kind === 'union' ? outer.branches[1]! : outer;
  return inner.kind === 'record' ? ['person', 'person'] : ['person'];
}

type Place = 'root' | 'field' | 'branch' | 'branch beside null' | 'item';

function planNode(g: G, schema: AvroType, place: Place, withPerson: boolean): PlanNode {
  if (schema.kind === 'reference') return { kind: 'again', schema };
  // Written as null whatever it is, so an enum and a fixed can be emptied too.
  if (place === 'branch beside null' && schema.kind !== 'null' && g(int, 0, 3) === 0) {
    return { kind: 'empty', schema };
  }
  if (isLeaf(schema)) return leafNode(g, schema, place, withPerson);
  const whole = place === 'root' ? 9 : g(int, 0, 9);
  if (whole === 0 && !refersOut(schema)) return { kind: 'keep', schema };
  if (whole === 1 && place === 'field') return { kind: 'drop', schema };
  if (whole === 2 && canBeEmpty(schema) && canBeDerivedEmpty(schema)) return { kind: 'empty', schema };
  switch (schema.kind) {
    case 'record':
      return {
        kind: 'record',
        schema,
        fields: schema.fields.map(({ type }) => planNode(g, type, 'field', withPerson)),
      };
    case 'array':
      return { kind: 'array', schema, items: planNode(g, schema.items, 'item', withPerson) };
    case 'map': {
      const key: Instruction = pick(g, [
        { method: 'keep' },
        pseudonym(g),
        { method: 'encrypt' },
        { method: 'encrypt-deterministic', domain: 'patient' },
      ]);
      return { kind: 'map', schema, key, values: planNode(g, schema.values, 'item', withPerson) };
    }
    default:
      return {
        kind: 'union',
        schema,
        branches: tellable(schema.branches.map((branch) => planNode(g, branch, placeIn(schema), withPerson))),
      };
  }
}

/** Branches that become one kind but not one type have no derived union: then their leaves are kept. */
function tellable(branches: readonly PlanNode[]): readonly PlanNode[] {
  const derived = branches.map((node) =>
    node.kind === 'leaf' ? derivedLeaf(node.schema, node.instruction) : node.schema,
  );
  const isAlone = (at: number): boolean =>
    derived.every(
      ({ kind, logical }, other) =>
        kind !== derived[at]!.kind ||
        'fullName' in derived[at]! ||
        logical?.name === derived[at]!.logical?.name ||
        other === at,
    );
  return branches.every((_, at) => isAlone(at))
    ? branches
    : branches.map((node) => (node.kind === 'leaf' ? { kind: 'keep', schema: node.schema } : node));
}

/** Plain as often as not: that is the way without a reader. */
function pseudonym(g: G): Instruction {
  const plain = { method: 'pseudonym', domain: pick(g, ['patient', 'mrn']) } as const;
  if (g(int, 0, 1) === 0) return plain;
  return {
    ...plain,
    prefix: pick(g, [undefined, 'pat_']),
    encoding: pick(g, ['hex', 'base32']),
    normalize: pick<PseudonymInstruction['normalize']>(g, [
      undefined,
      ['case', 'fhir-reference'],
      NORMALIZERS,
    ]),
  };
}

function placeIn(union: AvroUnion): Place {
  return union.branches.some(({ kind }) => kind === 'null') ? 'branch beside null' : 'branch';
}

/** An enum has no empty value, and a union without null would have to show its symbols. */
function canBeDerivedEmpty(schema: AvroType): boolean {
  if (schema.kind === 'union' && schema.branches.some(({ kind }) => kind === 'null')) return true;
  return !namesEnum(schema);
}

/** Whole texts, numbers and parts of them made coarser. */
function generalising(g: G): Instruction[] {
  const as = pick(g, ['range', 'number'] as const);
  const mask = {
    method: 'mask',
    character: pick(g, ['*', '€']),
    keepFirst: 0,
    keepLast: 0,
    ignore: '',
  } as const;
  return [
    { method: 'fixed', value: pick<string | number | boolean>(g, ['00', '', 7, -1.5, true, 'S1']) },
    { ...mask, ignore: pick(g, ['', '-0']) },
    { ...mask, keepFirst: pick(g, [0, 2]), keepLast: pick(g, [1, 4]) },
    { ...mask, count: 3, from: pick(g, ['start', 'end'] as const), ignore: 'l' },
    { method: 'bucket', size: pick(g, [1, 10, 2.5]), upper: pick(g, [undefined, 90]), as },
    { method: 'bucket', edges: [-5, 18, pick(g, [65, 65.5])], as },
    { method: 'bucket', size: 7, lower: 18, as: 'range' },
    { method: 'round', step: pick(g, [1, 5, 0.25, 1000]) },
    { method: 'round', digits: pick(g, [0, 1]) },
  ];
}

function leafNode(g: G, schema: AvroLeaf, place: Place, withPerson: boolean): PlanNode {
  const instructions: Instruction[] = [
    { method: 'keep' },
    { method: 'redact' },
    pseudonym(g),
    {
      method: 'date-truncate',
      unit: pick(g, ['year', 'quarter', 'month']),
      over89: pick(g, ['cap', 'keep']),
      numbers: pick(g, [undefined, 'year']),
    },
    { method: 'age-cap', over: pick(g, [0, 89]) },
    { method: 'zip3' },
    ...generalising(g),
    { method: 'scrub' },
    { method: 'encrypt' },
    { method: 'encrypt-deterministic', domain: pick(g, ['patient', 'mrn']) },
  ];
  // Most texts of other shapes have no format: they would all be withheld.
  if (g(int, 0, 3) === 0)
    instructions.push({
      method: 'format-preserving',
      domain: 'mrn',
      alphabet: pick(g, ['digits', 'alphanumeric']),
      separators: ' -',
    });
  if (withPerson) instructions.push({ method: 'date-shift', maxDays: pick(g, [1, 182, 182]) });
  if (place === 'field') instructions.push({ method: 'drop' });
  const instruction = pick(
    g,
    instructions.filter((instruction) => acceptsLeaf(schema, instruction)),
  );
  if (schema.kind === 'null' || (instruction.method === 'keep' && g(int, 0, 1) === 0)) {
    return { kind: 'keep', schema };
  }
  if (instruction.method === 'drop') return { kind: 'drop', schema };
  if (instruction.method === 'redact' && g(int, 0, 1) === 0) return { kind: 'empty', schema };
  return { kind: 'leaf', schema, path: '', instruction };
}

const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    dateText(),
    fc.constantFrom('93', '7 y', '089Y', '101 years', '101 months', '2026-02-29', '24:00'),
    fc.constantFrom(
      '',
      '03601',
      '03601-1234',
      '036',
      '100',
      '10001',
      'MRN-00012345',
      '900-12-3456',
      'x'.repeat(63),
      'Rose Miller',
      '1984-07-19',
      'Ms Rose, born 7/19/84, MRN 00012345, of 12 Hill Street, called Ülkü on 555-010-4477.',
    ),
    fc.string({ unit: 'grapheme-ascii', minLength: 60, maxLength: 200 }),
    fc.constant('long '.repeat(2000)),
  );

/** Dates in the forms that people and HL7 write, and some that only look like one. */
export const dateText = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 31 }),
      fc.constantFrom(
        '',
        '',
        '',
        'T10:15',
        ' 10:15:60.5Z',
        'T23:59:59,123+02:00',
        'T101500-0500',
        '1015',
        '10',
        '101500.5+0200',
        'Z',
        'T24:00',
        '+1',
        'x',
      ),
      fc.constantFrom('-', ''),
      fc.constantFrom(1, 2, 3, 3, 3, 3),
    )
    .map(([year, month, day, time, dash, parts]) => {
      const two = (number: number): string => String(number).padStart(2, '0');
      const all = [String(year).padStart(4, '0'), two(month), two(day)];
      return all.slice(0, parts).join(dash) + (parts === 3 ? time : '');
    });

const long = (): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 53n) - 2n, max: -(2n ** 53n) + 200n * 86_400_000n }),
    fc.bigInt({ min: 2n ** 53n - 200n * 86_400_000n, max: 2n ** 53n + 2n }),
    fc.bigInt({ min: -2_208_988_800_000n, max: 4_102_444_800_000n }),
    fc.bigInt({ min: 0n, max: 120n }),
    fc.bigInt({ min: 1900n, max: 2030n }),
    fc.bigInt({ min: -2_208_988_800_000_000_000n, max: 4_102_444_800_000_000_000n }),
    fc.bigInt({ min: 2n ** 63n - 200n * 86_400_000_000_000n, max: 2n ** 63n - 1n }),
  );

const int32 = (): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.integer({ min: 2 ** 31 - 400, max: 2 ** 31 - 1 }),
    fc.integer({ min: -(2 ** 31), max: -(2 ** 31) + 400 }),
    fc.integer({ min: -25_567, max: 47_482 }),
    fc.integer({ min: 0, max: 120 }),
  );

const bytes = (length?: number): fc.Arbitrary<Buffer> =>
  fc
    .uint8Array(length === undefined ? { maxLength: 90 } : { minLength: length, maxLength: length })
    .map((array) => Buffer.from(array));

/** Records gone into on the way to a value, and how often one of them came again. */
interface Inside {
  readonly records: ReadonlyMap<string, AvroRecord>;
  readonly depth: number;
}

/** More records inside themselves than this would make a value without end. */
const DEPTH = 3;

/** A value of `schema` as avsc decodes it. */
export function valueOf(g: G, schema: AvroType, inside: Inside = { records: new Map(), depth: 0 }): unknown {
  const isDeep = (type: AvroType): boolean => type.kind === 'reference' && inside.depth >= DEPTH;
  switch (schema.kind) {
    case 'null':
      return null;
    case 'boolean':
      return g(fc.boolean);
    case 'int':
      return g(int32);
    case 'long':
      return g(long);
    case 'float':
      return g(fc.float, { noNaN: true });
    case 'double':
      return g(fc.double, { noNaN: true });
    case 'bytes':
      return g(bytes);
    case 'string':
      return g(text);
    case 'fixed':
      return g(bytes, schema.size);
    case 'enum':
      return pick(g, schema.symbols);
    case 'reference': {
      const deeper = { records: inside.records, depth: inside.depth + 1 };
      return valueOf(g, inside.records.get(schema.fullName)!, deeper);
    }
    case 'record': {
      const here = { ...inside, records: new Map([...inside.records, [schema.fullName, schema]]) };
      return Object.fromEntries(schema.fields.map(({ name, type }) => [name, valueOf(g, type, here)]));
    }
    case 'array': {
      const length = isDeep(schema.items) ? 0 : g(int, 0, 3);
      return Array.from({ length }, () => valueOf(g, schema.items, inside));
    }
    case 'map': {
      // A prefix, since avsc sorts keys that look like numbers first and loses the key __proto__.
      const length = isDeep(schema.values) ? 0 : g(int, 0, 3);
      const names = Array.from({ length }, (_, i) => `k${i}${g(text)}`);
      return Object.fromEntries(names.map((name) => [name, valueOf(g, schema.values, inside)]));
    }
    default: {
      const branches = schema.branches.filter((branch) => !isDeep(branch));
      const branch = pick(g, branches);
      return branch.kind === 'null' ? null : { [wrapName(branch)]: valueOf(g, branch, inside) };
    }
  }
}
