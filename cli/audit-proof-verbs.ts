/**
 * The verbs that prove single events; what they do stands in audit-proof-command.ts.
 */
import type { Command } from 'commander';
import type { CheckProofOptions, ProveOptions } from './audit-proof-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
type AddVerb = (name: string, description: string) => Command;

const CHECK_HELP = `
Examples:
  gauze audit check-proof event.tlog-proof --policy witnesses.policy
  gauze audit check-proof event.tlog-proof --trust trust.note --root <vkey of the root>

It reads the file and the keys that you name, and nothing else: no Kafka, no config, no network.
Exit code 0 where every step holds, 1 where one does not.`;

const PROVE_HELP = `
Examples:
  gauze audit prove gauze.audit.events/0/17 --out event.tlog-proof
  gauze audit prove gauze.audit.events/0/17 --export evidence

What was sealed a moment ago is provable once its checkpoint is out, seconds later.`;

const commands = async () => await import('./audit-proof-command.ts');

/** Adds them to `gauze audit`. */
export function addAuditProofVerbs(verb: AddVerb, act: Act): void {
  verb('prove', 'write the proof of one event, for people without Kafka')
    .argument('<event>', '<topic>/<partition>/<offset>')
    .option('--export <folder>', 'take it from a raw export; without it from the live topics, on record')
    .option('--archive <folder>', 'read what was removed from an archive')
    .option('--out <file>', 'where to write it, such as event.tlog-proof; default: standard output')
    .addHelpText('after', PROVE_HELP)
    .action(act(async (place: string, o: ProveOptions) => await (await commands()).proveCommand(place, o)));
  verb('check-proof', 'check the proof of one event, offline')
    .argument('<file>', 'proof file')
    .option('--policy <file>', 'logs and witnesses that you trust (c2sp.org/tlog-policy)')
    .option('--trust <file>', 'or: trust file of the site')
    .option('--root <vkey>', 'with --trust: key that must have signed it')
    .addHelpText('after', CHECK_HELP)
    .action(
      act(async (file: string, o: CheckProofOptions) => await (await commands()).checkProofCommand(file, o)),
    );
}
