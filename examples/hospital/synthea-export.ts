/**
 * Reads a CSV export of Synthea (patients, encounters, observations, claims) as records for the raw
 * topics: every row, one record. Standard columns are understood, and those that some exports add or
 * leave out; a row without the identifiers that join it stops the read, since a feed must not skip rows.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import { GauzeError } from '../../platform/errors.ts';
import type { ClinicalRecord } from './clinical-values.ts';
import { claimOf, encounterOf, observationOf, patientOf } from './synthea-rows.ts';
import { SyntheaRow } from './synthea-row.ts';

/** A record that is not numbered yet, and the time it belongs to. */
interface Timed {
  readonly atMs: number;
  readonly record: ClinicalRecord;
}

/**
 * All rows of the export in `folder`: first the patients, then the other three files merged by time
 * as far as each is in time order itself.
 * @throws GauzeError ERR_CONFIG_FILE_UNREADABLE, ERR_FEED_COLUMN
 */
export async function* readSyntheaExport(folder: string): AsyncGenerator<ClinicalRecord> {
  const birthDays = new Map<string, number>();
  let sequence = 0;
  for await (const row of rows(path.join(folder, 'patients.csv'))) {
    sequence += 1;
    const value = patientOf(row, sequence);
    birthDays.set(value.patientId, value.birthDate);
    yield { topic: 'clinical.patients', key: value.patientId, value };
  }
  const feeds = [encounters(folder, birthDays), observations(folder), claims(folder)];
  for await (const { record } of mergeByTime(feeds)) {
    sequence += 1;
    yield numbered(record, sequence);
  }
}

async function* encounters(folder: string, birthDays: ReadonlyMap<string, number>): AsyncGenerator<Timed> {
  for await (const row of rows(path.join(folder, 'encounters.csv'))) {
    const value = encounterOf(row, birthDays);
    yield {
      atMs: value.period.start,
      record: { topic: 'clinical.encounters', key: value.patientId, value },
    };
  }
}

async function* observations(folder: string): AsyncGenerator<Timed> {
  for await (const row of rows(path.join(folder, 'observations.csv'))) {
    const value = observationOf(row);
    yield {
      atMs: value.effectiveAt,
      record: { topic: 'clinical.observations', key: value.patientId, value },
    };
  }
}

async function* claims(folder: string): AsyncGenerator<Timed> {
  for await (const row of rows(path.join(folder, 'claims.csv'))) {
    const value = claimOf(row);
    yield { atMs: value.createdAt, record: { topic: 'clinical.claims', key: value.patientId, value } };
  }
}

/** Always the earliest of what each feed has next; equal times in the order of the feeds. */
async function* mergeByTime(feeds: readonly AsyncGenerator<Timed>[]): AsyncGenerator<Timed> {
  const heads = await Promise.all(feeds.map(async (feed) => ({ feed, next: await feed.next() })));
  for (;;) {
    let earliest: { head: (typeof heads)[number]; timed: Timed } | null = null;
    for (const head of heads) {
      if (head.next.done) continue;
      const timed = head.next.value;
      if (earliest === null || timed.atMs < earliest.timed.atMs) earliest = { head, timed };
    }
    if (earliest === null) return;
    yield earliest.timed;
    earliest.head.next = await earliest.head.feed.next();
  }
}

function numbered(record: ClinicalRecord, feedSequence: number): ClinicalRecord {
  // The union is kept: only one field of the value changes.
  return { ...record, value: { ...record.value, feedSequence } } as ClinicalRecord;
}

async function* rows(file: string): AsyncGenerator<SyntheaRow> {
  const handle = await open(file).catch(() => {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  });
  const parser = parse({ columns: true, skip_empty_lines: true, bom: true });
  // Errors of either stream reach the loop below through the parser.
  pipeline(handle.createReadStream(), parser, () => {});
  let line = 1;
  for await (const cells of parser) {
    line += 1;
    yield new SyntheaRow(cells as Record<string, string>, file, line);
  }
}
