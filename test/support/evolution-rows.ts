/**
 * Changes of a raw schema, and what each means to readers of a derived topic: the table of docs/policy.md, as data.
 * Every row is tried on bytes by avsc and by the Avro library for Java.
 */
import { createRequire } from 'node:module';
import type { Schema, Type as AvscType } from 'avsc';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import type { AvroType } from '../../schemas/avro-schema.ts';
import { NOWHERE } from './plan-builder.ts';
import { compile, field, planned, policyWith } from './policy-fixture.ts';
import { testKeys } from './test-keys.ts';

const { Type } = createRequire(import.meta.url)('avsc') as { Type: { forSchema(schema: Schema): AvscType } };

/**
 * `same`: the derived schema does not change. `both`: readers of either version read both. `new`: those of the new
 * version read what is there, those of the old one do not read on. `breaks`: not even that; the audience is held.
 */
export type Outcome = 'same' | 'both' | 'new' | 'breaks';

/** As docs/policy.md says it. */
export const OUTCOMES: Readonly<Record<Outcome, string>> = {
  same: 'nothing: the derived schema is the same',
  both: 'readers of either version read both',
  new: 'readers of the new version read everything, others up to the change',
  breaks: 'the audience is held before the first such record',
};

export interface EvolutionRow {
  readonly change: string;
  readonly before: readonly object[];
  readonly after: readonly object[];
  readonly outcome: Outcome;
  /** Of the first break under BACKWARD, where there is one. */
  readonly path?: string;
  /** Values of the fields beside `kept`. */
  readonly values: readonly [object, object];
  /** Only gauze sees it: the bytes can be read, and mean something else. */
  readonly isSilent?: true;
  /** Of the record, in the new version. */
  readonly record?: object;
}

const KEEP = ['PHI_NONE'];
const CODE = ['PHI_MRN'];
const BLANK = ['PHI_FREE_TEXT'];
const GONE = ['PHI_NAME'];
const maybe = ['null', 'string'];
const colour = (...symbols: string[]): object => ({ type: 'enum', name: 'Colour', symbols });
const stamp = (unit: string): object => ({ type: 'long', logicalType: `timestamp-${unit}` });
const address = (tags: readonly string[], ...more: object[]): object => ({
  type: 'record',
  name: 'Address',
  fields: [field('code', 'string', tags), ...more],
});

function row(
  change: string,
  [before, after]: readonly [readonly object[], readonly object[]],
  outcome: Outcome,
  values: readonly [object, object],
  more: Partial<EvolutionRow> = {},
): EvolutionRow {
  return { change, before, after, outcome, values, ...more };
}

const one = (before: object, after: object): [object[], object[]] => [[before], [after]];
const added = (after: object): [object[], object[]] => [[], [after]];
const gone = (before: object): [object[], object[]] => [[before], []];

export const EVOLUTION: readonly EvolutionRow[] = [
  row('a new nullable field, kept', added(field('f', maybe, KEEP, { default: null })), 'both', [
    {},
    { f: 'a' },
  ]),
  row('a new nullable field, pseudonymised', added(field('f', maybe, CODE, { default: null })), 'both', [
    {},
    { f: 'a' },
  ]),
  row('a new nullable field, redacted', added(field('f', maybe, BLANK, { default: null })), 'both', [
    {},
    { f: 'a' },
  ]),
  row('a new nullable field, dropped', added(field('f', maybe, GONE, { default: null })), 'same', [
    {},
    { f: 'a' },
  ]),
  row('a new field with a default, masked', added(field('f', 'string', CODE, { default: 'x' })), 'both', [
    {},
    { f: 'a' },
  ]),
  row(
    'a new record with a default, masked',
    added(field('f', address(CODE), [], { default: { code: 'x' } })),
    'both',
    [{}, { f: { code: 'a' } }],
  ),
  row('a new field without a default', added(field('f', 'string', CODE)), 'breaks', [{}, { f: 'a' }], {
    path: 'f',
  }),
  row('a field that goes, with a default', gone(field('f', 'string', CODE, { default: 'x' })), 'both', [
    { f: 'a' },
    {},
  ]),
  row('a field that goes, without a default', gone(field('f', 'string', KEEP)), 'new', [{ f: 'a' }, {}]),
  row('a field that goes and was dropped', gone(field('f', 'string', GONE)), 'same', [{ f: 'a' }, {}]),
  row(
    'another name with an alias, kept',
    one(field('f', 'string', KEEP), field('g', 'string', KEEP, { aliases: ['f'] })),
    'new',
    [{ f: 'a' }, { g: 'a' }],
  ),
  row(
    'another name with an alias, masked',
    one(field('f', 'string', CODE), field('g', 'string', CODE, { aliases: ['f'] })),
    'new',
    [{ f: 'a' }, { g: 'a' }],
  ),
  row(
    'another name without an alias',
    one(field('f', 'string', KEEP), field('g', 'string', KEEP)),
    'breaks',
    [{ f: 'a' }, { g: 'a' }],
    { path: 'g' },
  ),
  row('a wider type: int to long', one(field('f', 'int', KEEP), field('f', 'long', KEEP)), 'new', [
    { f: 1 },
    { f: 2 },
  ]),
  row('a wider type: float to double', one(field('f', 'float', KEEP), field('f', 'double', KEEP)), 'new', [
    { f: 1 },
    { f: 2 },
  ]),
  row(
    'a narrower type: long to int',
    one(field('f', 'long', KEEP), field('f', 'int', KEEP)),
    'breaks',
    [{ f: 1 }, { f: 2 }],
    { path: 'f' },
  ),
  row(
    'another type',
    one(field('f', 'int', KEEP), field('f', 'string', KEEP)),
    'breaks',
    [{ f: 1 }, { f: 'a' }],
    { path: 'f' },
  ),
  row(
    'a new symbol of an enum, kept',
    one(field('f', colour('RED'), KEEP), field('f', colour('RED', 'BLUE'), KEEP)),
    'new',
    [{ f: 'RED' }, { f: 'BLUE' }],
  ),
  row(
    'a new symbol of an enum that has a default symbol',
    one(
      field('f', { ...colour('RED'), default: 'RED' }, KEEP),
      field('f', { ...colour('RED', 'BLUE'), default: 'RED' }, KEEP),
    ),
    'both',
    [{ f: 'RED' }, { f: 'BLUE' }],
  ),
  row(
    'a new symbol of an enum, redacted',
    one(field('f', ['null', colour('RED')], BLANK), field('f', ['null', colour('RED', 'BLUE')], BLANK)),
    'same',
    [{ f: 'RED' }, { f: 'BLUE' }],
  ),
  row(
    'a symbol of an enum that goes',
    one(field('f', colour('RED', 'BLUE'), KEEP), field('f', colour('RED'), KEEP)),
    'breaks',
    [{ f: 'BLUE' }, { f: 'RED' }],
    { path: 'f' },
  ),
  row('a new branch of a union', one(field('f', maybe, KEEP), field('f', [...maybe, 'long'], KEEP)), 'new', [
    { f: 'a' },
    { f: 1 },
  ]),
  row(
    'a field that may be null from now on',
    one(field('f', 'string', KEEP), field('f', maybe, KEEP)),
    'new',
    [{ f: 'a' }, { f: null }],
  ),
  row(
    'a field that may not be null any more',
    one(field('f', maybe, KEEP), field('f', 'string', KEEP)),
    'breaks',
    [{ f: null }, { f: 'a' }],
    { path: 'f' },
  ),
  row(
    'a new version of a referenced type',
    one(field('f', address(KEEP)), field('f', address(KEEP, field('city', maybe, CODE, { default: null })))),
    'both',
    [{ f: { code: 'a' } }, { f: { code: 'a', city: 'b' } }],
  ),
  row(
    'a type that is used in one more place, treated otherwise there',
    [
      [field('f', address(CODE))],
      [
        field('e', ['null', address(CODE)], ['PHI_GEO', 'PHI_NAME'], { default: null }),
        field('d', ['null', { type: 'array', items: 'Address' }], BLANK, { default: null }),
        field('f', 'Address'),
      ],
    ],
    'both',
    [{ f: { code: 'a' } }, { e: null, d: null, f: { code: 'a' } }],
  ),
  row(
    'fields in another order',
    [
      [field('f', 'string', KEEP), field('g', 'int', KEEP)],
      [field('g', 'int', KEEP), field('f', 'string', KEEP)],
    ],
    'both',
    [
      { f: 'a', g: 1 },
      { f: 'a', g: 1 },
    ],
  ),
  row(
    'a new tag on a field, which keeps its type',
    one(field('f', 'string', KEEP), field('f', 'string', CODE)),
    'same',
    [{ f: 'a' }, { f: 'a' }],
  ),
  row(
    'another name of the record, with an alias',
    one(field('f', 'string', KEEP), field('f', 'string', KEEP)),
    'new',
    [{ f: 'a' }, { f: 'a' }],
    { record: { name: 'Stay', aliases: ['Visit'] } },
  ),
  row(
    'another unit of a time',
    one(field('f', stamp('millis'), KEEP), field('f', stamp('micros'), KEEP)),
    'breaks',
    [{ f: 1 }, { f: 2 }],
    { path: 'f', isSilent: true },
  ),
];

const POLICY = policyWith({ regime: 'tpo', untagged: 'drop' });

function rawText(fields: readonly object[], more: object = {}): string {
  const all = [field('kept', 'string', KEEP), ...fields];
  return JSON.stringify({ type: 'record', name: 'Visit', namespace: 'org.example', ...more, fields: all });
}

/** A derived schema, and a record that was published under it. */
export interface Published {
  readonly schema: string;
  readonly parsed: AvroType;
  readonly bytes: Buffer;
}

/** What the audience gets before and after the change. */
export function publish(row: EvolutionRow): readonly [Published, Published] {
  const texts = [rawText(row.before), rawText(row.after, row.record)] as const;
  const [first, second] = texts.map((text) => parseAvroSchema(text)) as [AvroType, AvroType];
  return [
    published(texts[0], row.values[0], planned(compile(POLICY, first))),
    published(texts[1], row.values[1], planned(compile(POLICY, second, { earlier: [first] }))),
  ];
}

function published(text: string, values: object, plan: ReturnType<typeof planned>): Published {
  const raw = Type.forSchema(JSON.parse(text) as Schema).toBuffer({ kept: 'k', ...values });
  const out = Buffer.alloc(4096);
  const end = compileTranscoder(plan, testKeys()).mask(raw, 0, raw.length, out, 0, 0, NOWHERE);
  if (end < 0) throw new Error(`the record was withheld: ${end}`);
  const schema = plan.derivedSchema;
  return { schema, parsed: parseAvroSchema(schema), bytes: out.subarray(0, end) };
}
