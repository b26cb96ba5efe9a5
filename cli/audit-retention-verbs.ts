/**
 * The verbs of keeping and letting go: `gauze audit archive`, `prune` and `hold`. What they do stands in files of their
 * own that are loaded when they are used.
 */
import type { Command } from 'commander';
import type { HoldOptions } from './audit-hold-command.ts';
import type { ArchiveVerbOptions, PruneVerbOptions } from './audit-retention-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
type AddVerb = (name: string, description: string) => Command;

const ARCHIVE_HELP = `
Copies what is sealed, up to the newest seal that carries frontiers (every hundredth) and has its cosignatures. A run
that was broken off goes on where it ended; one with nothing new changes nothing. Files are never changed: the folder
can be kept in an object store with object lock. Needs the auditor's log-in.

Examples:
  gauze audit archive --dir /mnt/archive/audit
  gauze audit verify --archive /mnt/archive/audit       what was removed is read from there and checked again`;

const PRUNE_HELP = `
Refuses unless all of it is archived and reads back as it was sealed, no legal hold wants any of it kept, and it is
older than audit.retention asks (six years by 45 CFR 164.316(b)(2)(i)). Then declares the removal on record, waits until
that is sealed and cosigned, and only then moves the beginning of the topics. The log of seals is never cut.
Needs the log-ins of auditor and admin, and the admin's keyring.

Examples:
  gauze audit prune --before 2026-01-01T00:00:00Z --archive /mnt/archive/audit --reason "six years are over"
  gauze audit prune --before 4200 --archive /mnt/archive/audit --uri s3://evidence/audit --reason "six years are over"`;

const HOLD_HELP = `
A hold keeps what was appended in its time, whoever it is about: events can't be cut by patient. It is an event of the
audit topics itself; list reads it from there.

Examples:
  gauze audit hold place --reason "litigation, matter 12"
  gauze audit hold place --patient - --from 2026-01-01T00:00:00Z --to 2027-01-01T00:00:00Z --reason "subpoena, matter 13"
  gauze audit hold list
  gauze audit hold release 5f0c1d2e3a4b5c6d --reason "matter 12 is settled"`;

const retention = async () => await import('./audit-retention-command.ts');
const holds = async () => await import('./audit-hold-command.ts');

/** Adds them to `gauze audit`. */
export function addAuditRetentionVerbs(verb: AddVerb, act: Act): void {
  verb('archive', 'copy what is sealed of the audit topics into an archive')
    .requiredOption('--dir <folder>', 'folder of the archive; made where it is not there')
    .addHelpText('after', ARCHIVE_HELP)
    .action(act(async (o: ArchiveVerbOptions) => await (await retention()).auditArchiveCommand(o)));
  verb('prune', 'remove the archived beginning of the audit topics, declared and sealed')
    .requiredOption('--before <time or seal>', 'ISO 8601, or the number of a seal')
    .requiredOption('--archive <folder>', 'folder of the archive')
    .requiredOption('--reason <text>', 'goes on record: nothing about a patient')
    .option('--uri <text>', 'where the archive is kept, as it is declared; default: the folder')
    .addHelpText('after', PRUNE_HELP)
    .action(act(async (o: PruneVerbOptions) => await (await retention()).auditPruneCommand(o)));
  verb('hold', 'legal holds: nothing of their time is removed')
    .argument('<what>', 'place, release or list')
    .argument('[hold]', 'of release: the id of the hold')
    .option('--reason <text>', 'of place and release; goes on record: nothing about a patient')
    .option(
      '--patient <id>',
      'of place: whom it is about, or - to read it from standard input; default: the whole site',
    )
    .option('--from <time>', 'of place: only what was appended from then on, ISO 8601')
    .option('--to <time>', 'of place: only what was appended before then')
    .addHelpText('after', HOLD_HELP)
    .action(
      act(
        async (what: string, id: string | undefined, o: HoldOptions) =>
          await (await holds()).auditHoldCommand(what, id, o),
      ),
    );
}
