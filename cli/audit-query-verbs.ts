/**
 * The verbs by which auditors ask: `gauze audit query`, `index`, `token`, `disclosures`. What they do stands in files of
 * their own that are loaded when they are used.
 */
import type { Command } from 'commander';
import type { DisclosuresOptions } from './audit-disclosures-command.ts';
import type { IndexOptions, QueryOptions } from './audit-query-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
type AddVerb = (name: string, description: string) => Command;

const QUERY_HELP = `
Questions:
  who-saw <patient id>     through which audience or grant, which fields in clear, when, how often
  exports <date>           did anybody get patient identifiers in clear that day (UTC); a "no" with its proof
  principal <id>           everything that one principal or person did or was given
  grant <id>               what a grant delivered
  overdue-grants           deliveries after a grant's end: must be none
  double-approvals         one human twice in one request: must be none
  cutoffs                  how long it takes from a revocation until nothing more is delivered

A patient id of "-" is read from standard input, so that it stands in no history of commands.
Every question is put on record (audit.queried) before its answer is printed: the hash of the question, not the id.

Exit code 3 where something was found that must not be.`;

const DISCLOSURES_HELP = `
--recipients, by audience or Kafka principal; a protocol turns research about 50 and more into 164.528(b)(4):
  recipients:
    research: { name: Outcomes Group, address: 1 Main St, protocol: { name: DUA 2026-014, description: ..., criteria: ...,
      sponsor: { name: ..., address: ... }, researcher: { name: ..., address: ..., phone: ... } } }
--holds, suspensions by 164.528(a)(2); an oral statement holds for 30 days at most:
  holds:
    - { id: case-7, recipient: "User:agency", agency: ..., statement: written, from: 2026-11-01, until: 2027-02-01 }

That the account was made is put on record, and what was left out because of a suspension.`;

const commands = async () => await import('./audit-query-command.ts');

/** Adds them to `gauze audit`. */
export function addAuditQueryVerbs(verb: AddVerb, act: Act): void {
  const indexed = (name: string, description: string): Command =>
    verb(name, description).option(
      '--index <file>',
      'file of the local index; default: below the cache folder',
    );
  indexed('query', 'ask the audit topics a question')
    .argument('<question>', 'who-saw, exports, principal, grant, overdue-grants, double-approvals, cutoffs')
    .argument('[about]', 'patient id, date, principal or grant, as the question needs')
    .option('--from <time>', 'of who-saw: only from then on, ISO 8601')
    .option('--to <time>', 'of who-saw: only before then')
    .option('--events', 'of who-saw: every event, not only totals', false)
    .addHelpText('after', QUERY_HELP)
    .action(
      act(
        async (question: string, about: string | undefined, o: QueryOptions) =>
          await (await commands()).auditQueryCommand(question, about, o),
      ),
    );
  indexed('index', 'bring the local index up to date; it is also done before each question')
    .option('--rebuild', 'make it again from the topics', false)
    .option('--archive <folder>', 'make it again from this archive and the topics')
    .action(act(async (o: IndexOptions) => await (await commands()).auditIndexCommand(o)));
  indexed('token', 'the subject tokens of a patient, one for each key epoch; on record')
    .argument('<patient>', 'patient id, or - to read it from standard input')
    .action(act(async (id: string, o: IndexOptions) => await (await commands()).auditTokenCommand(id, o)));
  indexed('disclosures', 'accounting of disclosures of one patient (45 CFR 164.528)')
    .argument('<patient>', 'patient id, or - to read it from standard input')
    .option('--html <file>', 'write it as a page to print')
    .option('--csv <file>', 'write it as CSV')
    .option('--from <date>', 'default: six years before --to')
    .option('--to <date>', 'default: now')
    .option('--recipients <file>', 'YAML: names and addresses of recipients, protocols of research')
    .option('--holds <file>', 'YAML: suspensions that an agency or official has asked for')
    .option('--form <form>', 'full or summary', 'summary')
    .option('--with-exempt', 'list disclosures that need no accounting too; they are not counted', false)
    .addHelpText('after', DISCLOSURES_HELP)
    .action(
      act(
        async (id: string, o: DisclosuresOptions) =>
          await (await import('./audit-disclosures-command.ts')).auditDisclosuresCommand(id, o),
      ),
    );
}
