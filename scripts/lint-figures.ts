/**
 * How well the lint does on labelled fields: what it finds, what it flags in vain. Counts and names of public schemas
 * only. docs/lint.md shows the tables; measure-lint.ts writes them there.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { GauzeError } from '../platform/errors.ts';
import { hintLeaves, lintLeaves } from '../policy/lint.ts';
import { nameSuspicion } from '../policy/phi-suspicion.ts';
import { namedPlace } from '../policy/schema-places.ts';
import type { LeafPlace } from '../policy/schema-places.ts';
import type { AvroLeaf, AvroType } from '../schemas/avro-schema.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { leavesOf } from '../schemas/tags.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const LABELS = path.join(ROOT, 'test/policy/lint-labels');
const DATA = path.resolve(ROOT, '../shared/data');

/** Is the public data there that the labels speak of? */
export const HAS_DATA: boolean = ['hl7v2-field-names', 'radar-avro'].every((folder) =>
  existsSync(path.join(DATA, folder)),
);

/** What came out over a set of labelled fields. */
export interface Score {
  readonly name: string;
  readonly fields: number;
  readonly phi: number;
  readonly found: number;
  /** The labels say which tag, too. */
  readonly hasTags: boolean;
  /** Of those found, with the very tag of the label. */
  readonly sameTag: number;
  readonly inVain: number;
  /** Labelled PHI, and not refused. */
  readonly missed: readonly string[];
}

/** Part of the labelled PHI that is refused. */
export function recall({ found, phi }: Score): number {
  return found / phi;
}

/** Part of what is refused that is labelled PHI. */
export function precision({ found, inVain }: Score): number {
  return found / (found + inVain);
}

/** Label of a field that is PHI, without saying which. */
const ANY_TAG = 'PHI';

interface LabelledField {
  readonly record: string;
  readonly path: string;
  readonly type: AvroLeaf | null;
  readonly tag: string;
}

function score(name: string, fields: readonly LabelledField[]): Score {
  const judged = fields.map((field) => ({
    ...field,
    said: nameSuspicion(placeOf(field, fields))?.tag ?? null,
  }));
  const phi = judged.filter(({ tag }) => tag !== 'PHI_NONE');
  const found = phi.filter(({ said }) => said !== null);
  return {
    name,
    fields: fields.length,
    phi: phi.length,
    found: found.length,
    hasTags: fields.every(({ tag }) => tag !== ANY_TAG),
    sameTag: found.filter(({ said, tag }) => said === tag).length,
    inVain: judged.filter(({ said, tag }) => said !== null && tag === 'PHI_NONE').length,
    missed: phi
      .filter(({ said }) => said === null)
      .map(({ record, path: field }) => `${record}.${field}`.replace(/^\./, '')),
  };
}

/** The other fields of a record are known too, as they are in a schema. */
function placeOf({ path: name, record, type }: LabelledField, fields: readonly LabelledField[]): LeafPlace {
  const beside =
    record === '' ? [] : fields.filter((field) => field.record === record).map((field) => field.path);
  return namedPlace(name, record, type, beside);
}

/** Rows of a table of labels, without its heads. */
function labels(file: string): string[][] {
  const [, ...lines] = readFileSync(path.join(LABELS, file), 'utf8').trim().split('\n');
  return lines.map((line) => line.split(','));
}

interface Segments {
  readonly segments: Readonly<
    Record<
      string,
      { readonly desc: string; readonly fields: readonly { readonly n: number; readonly name: string }[] }
    >
  >;
}

/** The fields of HL7 v2 as an Avro schema would name them, in three kinds of records. */
export function hl7Scores(): readonly Score[] {
  const { segments } = JSON.parse(
    readFileSync(path.join(DATA, 'hl7v2-field-names/hl7v2-2.7.1-fields.json'), 'utf8'),
  ) as Segments;
  const records: readonly [string, (segment: string) => string][] = [
    ['in records named by segment (`PID`)', (segment) => segment],
    [
      'in records named by description (`PatientIdentification`)',
      (segment) => pascalCase(segments[segment]!.desc),
    ],
    ['each by itself, without a record', () => ''],
  ];
  return records.map(([name, recordOf]) =>
    score(
      `HL7 v2.7.1, ${name}`,
      labels('hl7v2.csv').map(([segment = '', number, tag = '']) => {
        const field = segments[segment]!.fields.find(({ n }) => n === Number(number))!;
        return { record: recordOf(segment), path: camelCase(field.name), type: null, tag };
      }),
    ),
  );
}

function pascalCase(text: string): string {
  const words = text
    .replaceAll("'s", 's')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join('');
}

function camelCase(text: string): string {
  const name = pascalCase(text);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** The second set, by standard; needs no data. */
export function standardScores(): readonly Score[] {
  const rows = labels('standards.csv');
  return [...new Set(rows.map(([standard = '']) => standard))].map((standard) =>
    score(
      STANDARD_NAMES[standard] ?? standard,
      rows
        .filter(([of]) => of === standard)
        .map(([, record = '', field = '', type = '', tag = '']) => ({
          record,
          path: field,
          type: leafType(type),
          tag,
        })),
    ),
  );
}

/** Names in the manner of record systems, claims, devices and registries; the label says only whether they are PHI. */
export function freshScore(): Score {
  const rows = labels('fresh-names.csv');
  return score(
    'names in the manner of record systems, claims, registries, devices',
    rows.map(([record = '', field = '', isPhi]) => ({
      record,
      path: field,
      type: null,
      tag: isPhi === 'yes' ? ANY_TAG : 'PHI_NONE',
    })),
  );
}

const STANDARD_NAMES: Readonly<Record<string, string>> = {
  OMOP: 'OMOP CDM v5.4: nine tables',
  FHIR: 'FHIR R4: nine resources',
  X12: 'X12 837 and 834',
  Synthea: 'Synthea CSV: five tables',
  EHR: 'a record system with abbreviations (`pt_nm`)',
  Device: 'readings of a device',
};

function leafType(word: string): AvroLeaf {
  const plain = { logical: null, tags: [] } as const;
  if (word === 'date') return { kind: 'int', logical: { name: word }, tags: [] };
  if (word.startsWith('timestamp')) return { kind: 'long', logical: { name: word }, tags: [] };
  return word === 'int' || word === 'long' || word === 'double' || word === 'boolean'
    ? { kind: word, ...plain }
    : { kind: 'string', ...plain };
}

/** What is flagged of the schemas of a platform that has few identifiers. */
export interface NegativeScore {
  readonly schemas: number;
  readonly leaves: number;
  /** Of those that are listed as identifiers. */
  readonly identifiers: number;
  /** All others that are refused. */
  readonly inVain: readonly string[];
  /** What is only warned of. */
  readonly hints: readonly string[];
}

/** The schemas of RADAR-base, with their own identifiers aside. */
export function radarScore(): NegativeScore {
  const listed = new Set(labels('radar-identifiers.csv').map(([record, field]) => `${record}.${field}`));
  const schemas = radarSchemas();
  const all = schemas.map((schema) => {
    const leaves = leavesOf(schema);
    const name = 'fullName' in schema ? schema.fullName.split('.').at(-1)! : '';
    const named = (problems: readonly GauzeError[]): string[] =>
      problems.map(({ context }) => `${name}.${context.path}`);
    return {
      leaves,
      flagged: named(lintLeaves(leaves, schema, {})),
      hints: named(hintLeaves(leaves, schema, {})),
    };
  });
  const flagged = all.flatMap((each) => each.flagged);
  return {
    schemas: schemas.length,
    leaves: all.reduce((sum, { leaves }) => sum + leaves.length, 0),
    identifiers: flagged.filter((field) => listed.has(field)).length,
    inVain: flagged.filter((field) => !listed.has(field)),
    hints: all.flatMap((each) => each.hints),
  };
}

function radarSchemas(): readonly AvroType[] {
  const folder = path.join(DATA, 'radar-avro');
  const texts = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.avsc'))
    .toSorted()
    .map((file) => readFileSync(path.join(folder, file), 'utf8'));
  return texts.flatMap(
    (text) => parsed(text, []) ?? texts.flatMap((other) => parsed(text, [other]) ?? []).slice(0, 1),
  );
}

/** Null where it refers to types of another file. */
function parsed(text: string, references: readonly string[]): AvroType | null {
  try {
    return parseAvroSchema(text, references);
  } catch (error) {
    if (error instanceof GauzeError) return null;
    throw error;
  }
}
