/**
 * The verbs by which people ask for raw access and decide about it; what they do stands in access-command.ts.
 */
import type { Command } from 'commander';
import type { ApproveOptions, ReasonOptions, RequestOptions, ReviewOptions } from './access-command.ts';

type AddVerb = (name: string, description: string) => Command;
type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;

interface CommonOptions {
  readonly config: string;
  readonly json: boolean;
}

const REQUEST_HELP = `
Example:
  gauze request clinical.encounters --fields mrn,birthDate --audience research --purpose TREAT \\
    --for 8h --records 40 --reason "calling back readmitted patients"

What is not asked for stays masked as the audience sees it, under a key that only this grant has.`;

const commands = async () => await import('./access-command.ts');

/** Adds them all; `act` runs a verb and sets the exit code. */
export function addAccessVerbs(verb: AddVerb, act: Act): void {
  verb('request', 'ask for fields in clear, for a purpose and a time; people decide')
    .argument('<topic>', 'raw topic')
    .requiredOption('--fields <list>', 'paths or tags, with commas between')
    .requiredOption('--audience <name>', 'as whom the rest is masked')
    .requiredOption('--purpose <code>', 'HL7 purpose of use, such as TREAT, HOPERAT, HRESCH')
    .requiredOption('--reason <text>', 'why, for those who decide; name no patient')
    .requiredOption('--records <number>', 'at most so many records')
    .option('--for <time>', 'how long, from activation: 30m, 8h, 2d', '1h')
    .option('--persons <number>', 'about at most so many persons')
    .option('--person <id...>', 'only records about these; the ids go no further than the API')
    .option('--from <time>', 'only records from then on, ISO 8601; default: the first one still there')
    .option('--to <time>', 'only records before then; default: now')
    .option('--beneficiary <principal>', 'Kafka principal that will read; default: your own')
    .option('--ticket <id>', 'ticket, incident or protocol')
    .option('--extends <grant>', 'the grant that this one is to follow')
    .option('--emergency <code>', 'break the glass: at once, reviewed afterwards, everybody skipped is told')
    .addHelpText('after', REQUEST_HELP)
    .action(
      act(async (topic: string, o: RequestOptions) => await (await commands()).requestCommand(topic, o)),
    );
  verb('requests', 'the requests that you may see; with an id, one in words')
    .argument('[id]')
    .option('--state <state>', 'only those, such as pending')
    .action(
      act(
        async (id: string | undefined, o: CommonOptions) => await (await commands()).requestsCommand(id, o),
      ),
    );
  verb('approve', 'say yes to exactly what is shown, or to less')
    .argument('<request>')
    .requiredOption('--reason <text>', 'why')
    .option('--fields <list>', 'only these of the fields asked for')
    .option('--for <time>', 'for a shorter time')
    .option('--records <number>', 'for fewer records')
    .option('--persons <number>', 'for fewer persons')
    .option('--yes', 'do not ask again', false)
    .action(act(async (id: string, o: ApproveOptions) => await (await commands()).approveCommand(id, o)));
  verb('deny', 'say no; final')
    .argument('<request>')
    .requiredOption('--reason <text>', 'why, and what would do instead')
    .action(act(async (id: string, o: ReasonOptions) => await (await commands()).denyCommand(id, o)));
  verb('withdraw', 'take back a request of your own that is not decided yet')
    .argument('<request>')
    .action(act(async (id: string, o: CommonOptions) => await (await commands()).withdrawCommand(id, o)));
  verb('grants', 'the grants that you may see; with an id, one in words')
    .argument('[id]')
    .action(
      act(async (id: string | undefined, o: CommonOptions) => await (await commands()).grantsCommand(id, o)),
    );
  verb('revoke', 'end a grant at once')
    .argument('<grant>')
    .requiredOption('--reason <text>', 'why')
    .action(act(async (id: string, o: ReasonOptions) => await (await commands()).revokeCommand(id, o)));
  verb('review', 'the verdict on a use of break-glass')
    .argument('<grant>')
    .option('--justified', 'it was needed', false)
    .option('--unjustified', 'it was not', false)
    .requiredOption('--reason <text>', 'what was found')
    .action(act(async (id: string, o: ReviewOptions) => await (await commands()).reviewCommand(id, o)));
}
