/**
 * `gauze audit export`: makes an export under a name that nobody looks for, puts on record that it was made, and only
 * then gives it its own name. A patient's id goes into tokens and into the export that asks for it, nowhere else.
 */
import { personDisclosures } from '../audit/export/disclosures.ts';
import {
  makeEventTable,
  makeFhirDisclosures,
  makeFhirLines,
  makeRawCopy,
  makeTlogTiles,
} from '../audit/export/export-makers.ts';
import type { MadeExport, MakeOptions } from '../audit/export/export-makers.ts';
import type { BalpPattern } from '../audit/export/fhir-audit-event.ts';
import { handOut } from '../audit/export/hashed-files.ts';
import { ALL_TIME, indexRemarks } from '../audit/query/answer.ts';
import type { Period } from '../audit/query/answer.ts';
import { mergesAsked, patientReference, patientTokens } from '../audit/query/patient.ts';
import type { AskedQuestion } from '../audit/query/question-record.ts';
import { deliveriesAbout, personRemarks } from '../audit/query/who-saw.ts';
import { ExportSource } from '../audit/raw-export.ts';
import type { AuditSource } from '../audit/verify/audit-source.ts';
import { GauzeError } from '../platform/errors.ts';
import { atAuditDesk } from './audit-desk.ts';
import { auditProgress } from './audit-progress.ts';
import { patientId, timeOf } from './audit-query-command.ts';
import { withArchive, withAuditTopics } from './audit-topics.ts';
import { EXIT, note, print } from './terminal.ts';

export interface AuditExportOptions {
  readonly config: string;
  readonly json: boolean;
  readonly raw?: string;
  readonly format?: string;
  readonly out?: string;
  readonly export?: string;
  readonly archive?: string;
  readonly from?: string;
  readonly to?: string;
  readonly patient?: string;
  readonly pattern: string;
  readonly index?: string;
}

/** Options that fit each other. */
interface Wanted {
  readonly format: Format;
  readonly target: string;
  readonly period: Period;
  readonly pattern: BalpPattern;
  /** What the record of it is over. */
  readonly words: readonly string[];
}

const FORMATS = ['raw', 'fhir', 'csv', 'tlog-tiles'] as const;
type Format = (typeof FORMATS)[number];

const MAKERS: Readonly<
  Record<Format, (source: AuditSource, options: MakeOptions, wanted: Wanted) => Promise<MadeExport>>
> = {
  raw: makeRawCopy,
  csv: makeEventTable,
  fhir: async (source, options, { pattern }) => await makeFhirDisclosures(source, pattern, options),
  'tlog-tiles': makeTlogTiles,
};

/** Exit code 0; 3 where what could be exported is not all that there was. */
export async function auditExportCommand(options: AuditExportOptions): Promise<number> {
  const wanted = wantedOf(options);
  if (options.patient !== undefined) return await exportPatient(options.patient, wanted, options);
  const from = async (source: AuditSource): Promise<MadeExport> =>
    await made(await withArchive(source, options.archive), wanted);
  if (options.export !== undefined)
    return await released(await from(await ExportSource.open(options.export)), wanted, options);
  return await withAuditTopics(
    options.config,
    async ({ source, record }) => await released(await from(source), wanted, options, { record }),
  );
}

async function made(source: AuditSource, wanted: Wanted): Promise<MadeExport> {
  const partitions = await source.partitions();
  const all = partitions.reduce((sum, { logStartOffset, endOffset }) => sum + endOffset - logStartOffset, 0);
  const progress = auditProgress();
  let done = 0;
  const onRecords = (count: number): void => progress.tell((done += count), all);
  try {
    const { target, period } = wanted;
    return await MAKERS[wanted.format](source, { target, period, onRecords }, wanted);
  } finally {
    progress.end();
  }
}

async function exportPatient(patient: string, wanted: Wanted, options: AuditExportOptions): Promise<number> {
  const id = await patientId(patient);
  return await atAuditDesk(options, async ({ site, cluster, keyring, aliases, index, record }) => {
    const tokens = patientTokens(keyring, id, aliases);
    const deliveries = deliveriesAbout(index, tokens, wanted.period);
    const disclosures = personDisclosures(index, deliveries, site.names.auditEvents, id);
    const lines = await makeFhirLines(disclosures, cluster.clusterId, wanted.pattern, wanted.target);
    const epochs = tokens.map(({ epoch }) => epoch);
    const remarks = [...indexRemarks(index), ...personRemarks(index, epochs)];
    const words = [...wanted.words, patientReference(tokens)];
    const ext = mergesAsked(aliases);
    return await released({ ...lines, remarks }, { ...wanted, words }, options, { record, ext });
  });
}

interface Recording {
  readonly record: (acts: readonly AskedQuestion[]) => Promise<void>;
  readonly ext?: Readonly<Record<string, string>>;
}

/** On record first, where there is a topic to put it on; then under its own name. */
async function released(
  { ready, rows, remarks }: MadeExport,
  { format, target, words }: Wanted,
  { json }: AuditExportOptions,
  recording: Recording | null = null,
): Promise<number> {
  const { sha256 } = ready;
  const ext = { ...recording?.ext, format, sha256 };
  const act = { type: 'export.created', name: 'export', words, results: rows, ext } as const;
  await handOut(ready, async () => await recording?.record([act]));
  if (json)
    print(JSON.stringify({ format, out: target, rows, sha256, recorded: recording !== null, remarks }));
  else print(`${rows} ${ROWS[format]} in ${target}, SHA-256 ${sha256}`);
  for (const remark of remarks) note(`incomplete: ${remark}`);
  return remarks.length > 0 ? EXIT.waiting : EXIT.ok;
}

const ROWS: Readonly<Record<Format, string>> = {
  raw: 'records',
  csv: 'events',
  fhir: 'disclosures',
  'tlog-tiles': 'entries',
};

function wantedOf(options: AuditExportOptions): Wanted {
  const { raw, format, out, from, to, patient, pattern } = options;
  if ((raw === undefined) === (format === undefined)) throw usage('--format', 'given, or --raw');
  const kind = FORMATS.find((each) => each === (format ?? 'raw'));
  if (!kind || format === 'raw') throw usage('--format', 'fhir, csv or tlog-tiles');
  const target = raw ?? out;
  if (target === undefined || (raw !== undefined && out !== undefined))
    throw usage('--out', 'given with --format, and only with it');
  if (pattern !== 'disclosure' && pattern !== 'read') throw usage('--pattern', 'disclosure or read');
  if (pattern === 'read' && kind !== 'fhir') throw usage('--pattern', 'given with --format fhir only');
  if ((from ?? to) !== undefined && kind !== 'fhir' && kind !== 'csv')
    throw usage('--from', 'given with --format fhir or csv only');
  if (patient !== undefined && (kind !== 'fhir' || options.export !== undefined))
    throw usage('--patient', 'given with --format fhir from the live topics only');
  if (raw !== undefined && (options.export ?? options.archive) !== undefined)
    throw usage('--raw', 'given alone: it copies the live topics as they are');
  if (patient !== undefined && options.archive !== undefined)
    throw usage('--archive', 'left out with --patient: the index remembers what was removed');
  const period = {
    fromMs: from === undefined ? ALL_TIME.fromMs : timeOf('--from', from),
    toMs: to === undefined ? ALL_TIME.toMs : timeOf('--to', to),
  };
  return { format: kind, target, period, pattern, words: [kind, from ?? '', to ?? '', pattern] };
}

function usage(setting: string, expected: string): GauzeError {
  return new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected });
}
