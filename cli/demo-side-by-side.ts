/**
 * Records of one person side by side: as generated, and as each audience reads them with its own log-in. The one
 * place of gauze that prints values, which is why it takes them from the demo's own people and from nobody else.
 */
import { DAY_MS } from '../examples/hospital/clinical-values.ts';
import type { EncounterValue, PatientValue } from '../examples/hospital/clinical-values.ts';
import type { ShownPeople } from './demo-feed.ts';
import type { Decoded, Reading } from './demo-readers.ts';
import { AUDIENCES } from './demo-site.ts';
import { styled, terminalWidth } from './terminal.ts';

/** How a value is written: dates and times as people do. */
type Format = 'plain' | 'day' | 'time';
type FieldRow = readonly [path: string, format: Format];

const PATIENT_FIELDS: readonly FieldRow[] = [
  ['patientId', 'plain'],
  ['mrn', 'plain'],
  ['name.given', 'plain'],
  ['name.family', 'plain'],
  ['ssn', 'plain'],
  ['birthDate', 'day'],
  ['gender', 'plain'],
  ['address.lines.0', 'plain'],
  ['address.city', 'plain'],
  ['address.state', 'plain'],
  ['address.zip', 'plain'],
  ['telecom.0.value', 'plain'],
  ['coverage.memberId', 'plain'],
  ['income', 'plain'],
  ['note', 'plain'],
];
const VISIT_FIELDS: readonly FieldRow[] = [
  ['patientId', 'plain'],
  ['period.start', 'time'],
  ['ageAtEncounter', 'plain'],
  ['code.display', 'plain'],
  ['participants.0.name', 'plain'],
  ['notes.0.text', 'plain'],
];
const ZIP_FIELDS: readonly FieldRow[] = [
  ['address.city', 'plain'],
  ['address.state', 'plain'],
  ['address.zip', 'plain'],
];

const FIELD_WIDTH = 19;
const CELL_LINES = 3;
/** The audience's schema has no such field. */
const GONE = '(gone)';

/** The `feedSequence`s of all records that are shown. */
export function shownSequences({ old, remote }: ShownPeople): ReadonlySet<number> {
  const records = [old?.patient, old?.encounter, remote?.patient];
  return new Set(records.flatMap((record) => (record ? [record.feedSequence] : [])));
}

/** The tables; `indent` is the room that the caller puts before each line. */
export function sideBySideLines(people: ShownPeople, readings: readonly Reading[], indent: number): string[] {
  const { old, remote } = people;
  const view = new SideBySide(readings, Math.min(terminalWidth(), 140) - indent);
  if (!old) return ['nobody was generated'];
  return [
    ...view.lines('The person in clinical.patients', old.patient, PATIENT_FIELDS),
    ...(old.encounter
      ? ['', ...view.lines('A visit of theirs in clinical.encounters', old.encounter, VISIT_FIELDS)]
      : []),
    ...(remote && remote !== old
      ? ['', ...view.lines('Somebody of a place with few people', remote.patient, ZIP_FIELDS)]
      : []),
  ];
}

class SideBySide {
  readonly #readings: readonly Reading[];
  readonly #cellWidth: number;

  constructor(readings: readonly Reading[], width: number) {
    this.#readings = readings;
    this.#cellWidth = Math.max(12, Math.floor((width - FIELD_WIDTH) / (AUDIENCES.length + 1)) - 2);
  }

  lines(title: string, raw: PatientValue | EncounterValue, fields: readonly FieldRow[]): string[] {
    const masked = AUDIENCES.map((audience) =>
      this.#readings.find((reading) => reading.audience === audience)?.picked.get(raw.feedSequence),
    );
    const given: Decoded = { ...raw };
    const isThere = ([path]: FieldRow): boolean => (at(given, path) ?? null) !== null;
    return [
      styled('bold', title),
      this.#line('field', 'as generated', ...AUDIENCES),
      '-'.repeat(FIELD_WIDTH + (this.#cellWidth + 2) * (AUDIENCES.length + 1)),
      ...fields.filter(isThere).flatMap(([path, format]) => this.#row(path, format, given, masked)),
    ];
  }

  #row(path: string, format: Format, raw: Decoded, masked: readonly (Decoded | undefined)[]): string[] {
    const first = text(at(raw, path), format);
    const others = masked.map((record) => (record ? text(at(record, path), format) : '(not found)'));
    const cells = [first, ...others].map((each) => this.#wrap(each));
    const height = Math.max(...cells.map((cell) => cell.length));
    return Array.from({ length: height }, (_, line) => {
      const parts = cells.map((cell, column) => {
        const padded = (cell[line] ?? '').padEnd(this.#cellWidth);
        if (column === 0 || others[column - 1] === first) return padded;
        return styled(others[column - 1] === GONE ? 'dim' : 'yellow', padded);
      });
      return [(line === 0 ? path : '').padEnd(FIELD_WIDTH), ...parts].join('  ').trimEnd();
    });
  }

  #line(field: string, ...cells: readonly string[]): string {
    return [field.padEnd(FIELD_WIDTH), ...cells.map((cell) => cell.padEnd(this.#cellWidth))]
      .join('  ')
      .trimEnd();
  }

  /** At most a few lines; what is cut off ends in an ellipsis. */
  #wrap(cell: string): string[] {
    const width = this.#cellWidth;
    // Between words where there are any, else wherever the column ends.
    const parts = cell.match(new RegExp(`.{1,${width}}(?= |$)|.{1,${width}}`, 'g')) ?? [''];
    const lines = parts.map((part) => part.trim());
    if (lines.length <= CELL_LINES) return lines;
    const last = lines[CELL_LINES - 1]!;
    return [...lines.slice(0, CELL_LINES - 1), `${last.slice(0, width - 1)}…`];
  }
}

/** The value at a path of names and positions; undefined where the schema has no such field. */
function at(record: unknown, path: string): unknown {
  let value = record;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Decoded)[name];
  }
  return value;
}

function text(value: unknown, format: Format): string {
  if (value === undefined) return GONE;
  if (value === null) return 'null';
  if (typeof value === 'number' && format !== 'plain') {
    const iso = new Date(format === 'day' ? value * DAY_MS : value).toISOString();
    return format === 'day' ? iso.slice(0, 10) : iso.slice(0, 16).replace('T', ' ');
  }
  if (value === '') return '""';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : typeof value;
}
