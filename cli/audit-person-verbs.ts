/**
 * The verbs that prove whom a batch is about; what they do stands in audit-person-command.ts.
 */
import type { Command } from 'commander';
import type { CheckPersonProofOptions, ProvePersonOptions } from './audit-person-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
type AddVerb = (name: string, description: string) => Command;

const PROVE_HELP = `
Examples:
  gauze audit prove-person - gauze.audit.events/0/17 --out person.proof

The event is one of the index lane, written while audit.membershipRoots was true; of another event you are told where
those are. The file holds no id. What is printed as its opening lets whoever knows the id see whom the file is about.
That a person is not in a batch is shown by two tokens of other persons, which are keyed hashes.`;

const CHECK_HELP = `
Examples:
  gauze audit check-person-proof person.proof --trust trust.note --root <vkey of the root>
  gauze audit check-person-proof person.proof --trust trust.note --root <vkey> --person - --opening <hex>

It reads the files that you name, and nothing else: no Kafka, no config, no network.
Exit code 0 where every step holds, 1 where one does not. That the tokens are the person's is the site's signed word.`;

const commands = async () => await import('./audit-person-command.ts');

/** Adds them to `gauze audit`. */
export function addAuditPersonVerbs(verb: AddVerb, act: Act): void {
  verb('prove-person', 'write the proof that a patient is, or is not, in the batch of one event')
    .argument('<patient>', 'patient id, or - to read it from standard input')
    .argument('<event>', '<topic>/<partition>/<offset>')
    .requiredOption('--out <file>', 'where to write it')
    .option('--export <folder>', 'raw export of the audit topics to take it from; default: the live topics')
    .option('--index <file>', 'file of the local index; default: below the cache folder')
    .addHelpText('after', PROVE_HELP)
    .action(
      act(
        async (patient: string, place: string, o: ProvePersonOptions) =>
          await (await commands()).provePersonCommand(patient, place, o),
      ),
    );
  verb('check-person-proof', 'check such a proof, offline')
    .argument('<file>', 'proof file')
    .requiredOption('--trust <file>', 'trust file of the site')
    .requiredOption('--root <vkey>', 'key that must have signed it')
    .option('--person <id>', 'whom it must be about; - reads the id from standard input')
    .option('--opening <hex>', 'with --person: what was printed beside the proof')
    .addHelpText('after', CHECK_HELP)
    .action(
      act(
        async (file: string, o: CheckPersonProofOptions) =>
          await (await commands()).checkPersonProofCommand(file, o),
      ),
    );
}
