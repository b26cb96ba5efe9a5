/**
 * The verb by which auditors check: `gauze audit verify`. What it does stands in a file of its own that is loaded when
 * it is used.
 */
import type { Command } from 'commander';
import type { AuditVerifyOptions } from './audit-verify-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
type AddVerb = (name: string, description: string) => Command;

const VERIFY_HELP = `
Examples:
  gauze audit verify                                     the live topics, with the auditor's log-in
  gauze audit verify --state verify.state                only what is new since the last time
  gauze audit verify --archive /mnt/archive/audit        what was removed too, from its archive
  gauze audit verify evidence/ --trust trust.note --root "$(cat root.vkey)"   an export; no Kafka, no config

Exit code 0 where nothing was found but what was declared, 1 where something was changed or is missing, 3 where
nothing speaks against the log but not all of it could be checked.`;

const commands = async () => await import('./audit-verify-command.ts');

/** Adds them to `gauze audit`. */
export function addAuditVerifyVerbs(verb: AddVerb, act: Act): void {
  verb('verify', 'is the audit log unchanged and complete?')
    .argument('[export]', 'directory of `gauze audit export --raw`; without it the live topics')
    .option('--trust <file>', 'trust file; default: audit.trustFile of the config')
    .option('--root <vkey>', 'key that must have signed it; default: audit.rootVkey of the config')
    .option('--state <file>', 'begin where the last verification with this file ended')
    .option('--archive <folder>', 'read what was removed from this archive, and check it again')
    .option('--html <file>', 'write the report as a page')
    .option('--recount', 'count the records of the source again, where this log-in may read it', false)
    .addHelpText('after', VERIFY_HELP)
    .action(
      act(
        async (directory: string | undefined, o: AuditVerifyOptions) =>
          await (await commands()).auditVerifyCommand(directory, o),
      ),
    );
}
