/**
 * One row of a Synthea CSV file, read by column. An empty or absent cell is null; a cell that is not what
 * the column should hold is an error that names file, line and column, and never the cell.
 */
import { GauzeError } from '../../platform/errors.ts';
import { DAY_MS, decimal } from './clinical-values.ts';

export class SyntheaRow {
  readonly #cells: Readonly<Record<string, string>>;
  readonly #file: string;
  readonly #line: number;

  constructor(cells: Readonly<Record<string, string>>, file: string, line: number) {
    this.#cells = cells;
    this.#file = file;
    this.#line = line;
  }

  /** The first of `columns` that is there and not empty. */
  text(...columns: readonly string[]): string | null {
    for (const column of columns) {
      const cell = this.#cells[column];
      if (cell !== undefined && cell !== '') return cell;
    }
    return null;
  }

  /** As `text`, where the row is of no use without it. @throws GauzeError ERR_FEED_COLUMN */
  needed(...columns: readonly string[]): string {
    return this.text(...columns) ?? this.#wrong(columns, 'filled in');
  }

  /** @throws GauzeError ERR_FEED_COLUMN */
  number(...columns: readonly string[]): number | null {
    const cell = this.text(...columns);
    if (cell === null) return null;
    const value = Number(cell);
    return Number.isFinite(value) ? value : this.#wrong(columns, 'a number');
  }

  /** An amount of money as Avro's decimal of scale 2. @throws GauzeError ERR_FEED_COLUMN */
  amount(...columns: readonly string[]): Buffer | null {
    const value = this.number(...columns);
    return value === null ? null : decimal(value);
  }

  /** Milliseconds since 1970-01-01. @throws GauzeError ERR_FEED_COLUMN */
  time(...columns: readonly string[]): number | null {
    const cell = this.text(...columns);
    if (cell === null) return null;
    const value = Date.parse(cell);
    return Number.isNaN(value) ? this.#wrong(columns, 'an ISO 8601 time') : value;
  }

  /** As `time`, where the row is of no use without it. @throws GauzeError ERR_FEED_COLUMN */
  neededTime(...columns: readonly string[]): number {
    return this.time(...columns) ?? this.#wrong(columns, 'an ISO 8601 time');
  }

  /** Days since 1970-01-01. @throws GauzeError ERR_FEED_COLUMN */
  day(...columns: readonly string[]): number | null {
    const value = this.time(...columns);
    return value === null ? null : Math.floor(value / DAY_MS);
  }

  #wrong(columns: readonly string[], expected: string): never {
    throw new GauzeError('ERR_FEED_COLUMN', {
      file: this.#file,
      line: this.#line,
      setting: columns.join(' or '),
      expected,
    });
  }
}
