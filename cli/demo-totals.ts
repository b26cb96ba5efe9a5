/**
 * The sums of the demo: for each topic and audience, what was published and what was withheld is what was raw, and no
 * record came twice or not at all. Compares counts that were taken by others; it counts nothing itself.
 */
import { CLINICAL_TOPICS } from '../examples/hospital/clinical-values.ts';
import type { ClinicalTopic } from '../examples/hospital/clinical-values.ts';
import { words } from './demo-live-view.ts';
import type { Withheld } from './demo-live-view.ts';
import type { Reading } from './demo-readers.ts';
import { styled, table } from './terminal.ts';

export interface Total {
  readonly audience: string;
  readonly topic: ClinicalTopic;
  readonly raw: number;
  readonly published: number;
  readonly withheld: number;
  readonly isEqual: boolean;
}

export interface Totals {
  readonly rows: readonly Total[];
  /** Over all audiences: records that an audience got more than once, or not although they were not withheld. */
  readonly repeated: number;
  readonly missing: number;
  readonly ok: boolean;
}

export function totalsOf(
  raw: Readonly<Record<ClinicalTopic, number>>,
  readings: readonly Reading[],
  withheld: Withheld,
): Totals {
  const rows = readings.flatMap(({ audience, counts }) =>
    CLINICAL_TOPICS.map((topic) => {
      const [published, held] = [counts[topic], withheld.byLane.get(`${audience} ${topic}`) ?? 0];
      const isEqual = published + held === raw[topic];
      return { audience, topic, raw: raw[topic], published, withheld: held, isEqual };
    }),
  );
  const repeated = readings.reduce((sum, reading) => sum + reading.repeated, 0);
  const missing = readings.reduce((sum, reading) => sum + reading.missing, 0);
  return { rows, repeated, missing, ok: rows.every((row) => row.isEqual) && repeated + missing === 0 };
}

/** The table and what it comes to. */
export function totalLines(totals: Totals, withheld: Withheld): string[] {
  const { rows, repeated, missing } = totals;
  const sum = (column: 'raw' | 'published' | 'withheld'): number =>
    rows.reduce((total, row) => total + row[column], 0);
  const lines = table(
    ['audience', 'topic', '      raw', 'published', 'withheld', ''],
    rows.map(({ audience, topic, raw, published, withheld: held, isEqual }) => [
      audience,
      topic,
      words(raw).padStart(9),
      words(published).padStart(9),
      words(held).padStart(8),
      checkMark(isEqual),
    ]),
  );
  const codes = [...withheld.byCode].map(([code, count]) => `${words(count)} ${code}`);
  const verdict = rows.every((row) => row.isEqual)
    ? `published ${words(sum('published'))} + withheld ${words(sum('withheld'))} = raw ${words(sum('raw'))}, counted by ordinary consumers`
    : 'published + withheld is not raw';
  const each =
    repeated + missing === 0
      ? 'every record that was not withheld came exactly once to each audience'
      : `${words(repeated)} records came again, ${words(missing)} did not come`;
  return [
    ...lines,
    `${checkMark(rows.every((row) => row.isEqual))} ${verdict}`,
    `${checkMark(repeated + missing === 0)} ${each}`,
    ...(codes.length > 0 ? [`  withheld: ${codes.join(', ')}`] : []),
  ];
}

/** A green tick or a red cross. */
export function checkMark(isGood: boolean): string {
  return isGood ? styled('green', '✓') : styled('red', '✗');
}
