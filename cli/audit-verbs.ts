/**
 * The verbs of auditors: `gauze audit ...`. Each subcommand is one row here; what it does stands in a file of its own
 * that is loaded when it is used.
 */
import type { Command } from 'commander';
import { addAuditExportVerbs } from './audit-export-verbs.ts';
import { addAuditPersonVerbs } from './audit-person-verbs.ts';
import { addAuditProofVerbs } from './audit-proof-verbs.ts';
import { addAuditQueryVerbs } from './audit-query-verbs.ts';
import { addAuditReplayVerbs } from './audit-replay-verbs.ts';
import { addAuditRetentionVerbs } from './audit-retention-verbs.ts';
import { addAuditVerifyVerbs } from './audit-verify-verbs.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
/** Starts a subcommand of `gauze audit`, with `--config` and `--json`. */
type AddVerb = (name: string, description: string) => Command;

/** The parts of the family: `verb` starts a subcommand, `act` runs it and sets the exit code. */
const PARTS: readonly ((verb: AddVerb, act: Act) => void)[] = [
  addAuditVerifyVerbs,
  addAuditQueryVerbs,
  addAuditExportVerbs,
  addAuditProofVerbs,
  addAuditPersonVerbs,
  addAuditRetentionVerbs,
  addAuditReplayVerbs,
];

/** Adds `gauze audit` and its subcommands. */
export function addAuditVerbs(program: Command, act: Act): void {
  const audit = program
    .command('audit')
    .description('check the audit topics, ask them, and prove what they say; for auditors')
    .showHelpAfterError('(gauze audit --help lists the verbs)');
  const verb: AddVerb = (name, description) =>
    audit
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'config file', 'gauze.yaml')
      .option('--json', 'output for scripts', false);
  for (const addPart of PARTS) addPart(verb, act);
}
