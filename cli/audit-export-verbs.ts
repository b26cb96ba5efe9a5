/**
 * The verb that hands the audit topics on: `gauze audit export`. What it does stands in files of its own that are
 * loaded when it is used.
 */
import type { Command } from 'commander';
import type { AuditExportOptions } from './audit-export-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
type AddVerb = (name: string, description: string) => Command;

const EXPORT_HELP = `
Formats:
  --raw <folder>        the topics byte for byte, so that they can be verified without Kafka
  --format fhir         disclosures as FHIR R4 AuditEvents, one a line, by IHE Basic Audit Log Patterns
  --format csv          every event, one a line; RFC 4180
  --format tlog-tiles   a folder of transparency logs, for checking by tools of others (c2sp.org/tlog-tiles)

Examples:
  gauze audit export --raw evidence
  gauze audit export --format csv --out june.csv --from 2026-06-01 --to 2026-07-01
  gauze audit export --format fhir --out disclosures.ndjson
  gauze audit export --format fhir --out patient.ndjson --patient -
  gauze audit export --format tlog-tiles --out logs
  gauze audit export --format csv --out june.csv --export evidence
  gauze audit export --format tlog-tiles --out logs --archive archive

That it was made is put on record (export.created: format, rows, SHA-256) before it is handed out. One that is made from
a raw export needs no Kafka and is not on record again: the raw export is.

Exit code 3 where records are no events, or were removed before: the export is made, and is not all there was.`;

/** Adds it to `gauze audit`. */
export function addAuditExportVerbs(verb: AddVerb, act: Act): void {
  verb('export', 'hand the audit topics on: as they are, or as FHIR, CSV or transparency logs')
    .option('--raw <folder>', 'copy the topics, byte for byte, to a new folder')
    .option('--format <format>', 'fhir, csv or tlog-tiles')
    .option('--out <path>', 'with --format: file to write; of tlog-tiles a new folder')
    .option('--export <folder>', 'take it from a raw export; without it from the live topics')
    .option('--archive <folder>', 'with --format: read what was removed from an archive')
    .option('--from <time>', 'of fhir and csv: only what was appended from then on, ISO 8601')
    .option('--to <time>', 'of fhir and csv: only what was appended before then')
    .option('--patient <id>', 'of fhir: only what is about this patient; - reads the id from standard input')
    .option(
      '--pattern <pattern>',
      'of fhir: disclosure, or read for repositories that know only reads',
      'disclosure',
    )
    .option('--index <file>', 'with --patient: file of the local index; default: below the cache folder')
    .addHelpText('after', EXPORT_HELP)
    .action(
      act(
        async (o: AuditExportOptions) =>
          await (await import('./audit-export-command.ts')).auditExportCommand(o),
      ),
    );
}
