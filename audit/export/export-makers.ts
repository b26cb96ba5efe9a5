/**
 * Makes each kind of export, ready to be handed out and not handed out yet: the caller first puts on record that it
 * was made. What cannot be in it is said in words, never left out in silence; what fails leaves no export behind.
 */
import { ALL_TIME } from '../query/answer.ts';
import type { Period } from '../query/answer.ts';
import { MANIFEST_FILE, writeRawExport } from '../raw-export.ts';
import type { AuditSource } from '../verify/audit-source.ts';
import { disclosuresOf } from './disclosures.ts';
import type { ExportedDisclosure } from './disclosures.ts';
import { eventTableHead, eventTableLine } from './event-table.ts';
import { exportedEvents } from './exported-events.ts';
import type { ReadCounts } from './exported-events.ts';
import { fhirAuditEvent } from './fhir-audit-event.ts';
import type { BalpPattern } from './fhir-audit-event.ts';
import {
  HashedFile,
  HashedFolder,
  beginFolder,
  endFolder,
  partOf,
  readyAt,
  sha256Of,
} from './hashed-files.ts';
import type { ReadyExport } from './hashed-files.ts';
import { writeTlogTiles } from './tlog-tiles.ts';

/** What was made. */
export interface MadeExport {
  readonly ready: ReadyExport;
  /** Lines without the head, resources, records, or entries. */
  readonly rows: number;
  /** Why it is not all that there was, in words; none: it is. */
  readonly remarks: readonly string[];
}

/** What export makers are told. */
export interface MakeOptions {
  /** File or folder. */
  readonly target: string;
  /** Of the table and of disclosures, by the broker's time; default: all. */
  readonly period?: Period;
  /** Told how many records were read since it was last told. */
  readonly onRecords?: (count: number) => void;
}

/** The topics byte for byte: a raw export. Its hash is that of its manifest, which holds those of its files. */
export async function makeRawCopy(
  source: AuditSource,
  { target, onRecords }: MakeOptions,
): Promise<MadeExport> {
  await beginFolder(target, MANIFEST_FILE);
  const part = partOf(target);
  try {
    const { partitions } = await writeRawExport(source, part, onRecords);
    await endFolder(target);
    const rows = partitions.reduce((sum, { records }) => sum + records, 0);
    return { ready: readyAt(target, await sha256Of(`${part}/${MANIFEST_FILE}`)), rows, remarks: [] };
  } catch (error) {
    await readyAt(target, '').discard();
    throw error;
  }
}

/** Every event as a line of CSV. */
export async function makeEventTable(source: AuditSource, options: MakeOptions): Promise<MadeExport> {
  const counts: ReadCounts = { unreadable: 0, pruned: 0 };
  const events = exportedEvents(source, options.period ?? ALL_TIME, counts, options.onRecords);
  const made = await makeLines(options.target, eventTableHead(), events, eventTableLine);
  return { ...made, remarks: [...remarksOf(counts), ...(await damageOf(source))] };
}

/** Every disclosure as a line of FHIR NDJSON. */
export async function makeFhirDisclosures(
  source: AuditSource,
  pattern: BalpPattern,
  options: MakeOptions,
): Promise<MadeExport> {
  const counts: ReadCounts = { unreadable: 0, pruned: 0 };
  const events = exportedEvents(source, options.period ?? ALL_TIME, counts, options.onRecords);
  const made = await makeFhirLines(disclosuresOf(events), source.clusterId, pattern, options.target);
  return { ...made, remarks: [...remarksOf(counts), ...(await damageOf(source))] };
}

/** These disclosures as lines of FHIR NDJSON. */
export async function makeFhirLines(
  disclosures: AsyncIterable<ExportedDisclosure> | Iterable<ExportedDisclosure>,
  clusterId: string,
  pattern: BalpPattern,
  target: string,
): Promise<MadeExport> {
  const line = (disclosure: ExportedDisclosure): string =>
    `${JSON.stringify(fhirAuditEvent(disclosure, clusterId, pattern))}\n`;
  return await makeLines(target, '', disclosures, line);
}

/** The topics as transparency logs. */
export async function makeTlogTiles(source: AuditSource, options: MakeOptions): Promise<MadeExport> {
  const folder = await HashedFolder.begin(options.target);
  try {
    const logs = await writeTlogTiles(source, folder, options.onRecords);
    const rows = logs.reduce((sum, { size }) => sum + size, 0);
    return { ready: await folder.ready(), rows, remarks: await damageOf(source) };
  } catch (error) {
    await folder.discard();
    throw error;
  }
}

async function makeLines<T>(
  target: string,
  head: string,
  things: AsyncIterable<T> | Iterable<T>,
  line: (thing: T) => string,
): Promise<MadeExport> {
  const file = await HashedFile.begin(target);
  let rows = 0;
  try {
    await file.add(head);
    for await (const thing of things) {
      await file.add(line(thing));
      rows += 1;
    }
    return { ready: await file.ready(), rows, remarks: [] };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function remarksOf({ unreadable, pruned }: ReadCounts): readonly string[] {
  return [
    ...(unreadable > 0 ? [`${unreadable} records are no events`] : []),
    ...(pruned > 0 ? [`the beginning of ${pruned} partitions was removed before`] : []),
  ];
}

async function damageOf(source: AuditSource): Promise<readonly string[]> {
  return (await source.damage()).map(({ place, detail }) => `${place}: ${detail}`);
}
