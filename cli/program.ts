/**
 * Which verbs there are: one per file, this one only names them, with their options. A verb's file is loaded when the
 * verb is used, so that `gauze status` need not wait for what only the demo needs. Runs nothing by itself:
 * docs/reference/cli.md is made from it, too.
 */
import { Command, Option } from 'commander';
import { addAccessVerbs } from './access-verbs.ts';
import { addAuditVerbs } from './audit-verbs.ts';
import type { ApplyOptions } from './apply-command.ts';
import type { CheckOptions } from './check-command.ts';
import type { SampleOptions } from './check-sample.ts';
import type { DemoOptions } from './demo-command.ts';
import type { ExplainCommandOptions } from './explain-command.ts';
import { addKeysVerbs } from './keys-verbs.ts';
import type { RedriveOptions } from './redrive-command.ts';
import { CHECK_HELP, EACH_FIELD, REDRIVE_HELP, RUN_HELP } from './verb-help.ts';
import type { ResumeOptions } from './resume-command.ts';
import type { ReleaseOptions } from './tags-command.ts';
import type { RunOptions } from './run-command.ts';
import { gauzeVersion } from './role-status.ts';
import { EXIT, print, report } from './terminal.ts';
import type { StackCommandOptions } from './stack-command.ts';
import type { TailOptions } from './tail-command.ts';
import { addWitnessVerbs } from './witness-verbs.ts';

interface CommonOptions {
  readonly config: string;
  readonly json: boolean;
}

const APPLY_HELP = `
Once the config has access rules, a policy that opens anything waits for a decision of privacy officers: apply asks
them, makes everything else, and ends with exit code 3. After the decision, run it again.

Exit code 0 where everything is as the policies say, 3 where something waits for people, 1 where they said no or
anything is wrong.`;

const EXPLAIN_HELP = `
Examples:
  gauze explain clinical.patients                    every field, with all audiences side by side
  gauze explain clinical.patients research           one audience: method, what comes out, why
  gauze explain clinical.patients --schema new.avsc  of a schema in a file; no registry is asked
  gauze explain --regime                             the 18 identifiers of Safe Harbor, and which fields fall in each
  gauze explain clinical.patients research --plan    the plan as canonical JSON, with its hash
  gauze explain --diff                               what the policy files open and close against what is in force
  gauze explain --diff old/research.yaml             the same against an older file

Without a topic, all topics that policies cover. A plan and its hash are the same on every machine for the same policy,
schema, tags and --as-of; with --in-force they are those that lanes work by and audit events name.
Exit code 1 where something does not compile or cannot be read.`;

const DEMO_HELP = `
Examples:
  gauze demo                      2,000 synthetic people; needs nothing but Java 21, Maven and redis-server
  gauze demo --keep               the same, and it stays for gauze status and consumers of your own
  gauze demo --from synthea/csv   an export of Synthea: patients, encounters, observations, claims

Exit code 1 where a total is off, a refusal is missing or an audited range does not tile; 130 after Ctrl-C.`;

/** Starts a verb, with `--config` and `--json`. */
type AddVerb = (name: string, description: string) => Command;

/** The whole program; parsing is the caller's. A call that is wrong ends the process with exit code 2. */
export function gauzeProgram(): Command {
  const program = new Command('gauze')
    .description('Masks PHI topics for each audience, exactly once, with proof of every read.')
    .version(gauzeVersion(), '--version', 'the version of gauze, and nothing else')
    .addOption(new Option('--debug', 'where gauze fails, the places in gauze that it came from'))
    .showHelpAfterError('(gauze --help lists the verbs)')
    // Before any verb is added: they inherit it. What was called wrongly has been told by then.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.ok : EXIT.usage));
  const verb: AddVerb = (name, description) =>
    program
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'config file', 'gauze.yaml')
      .option('--json', 'output for scripts', false);
  addPolicyVerbs(verb);
  addServiceVerbs(verb);
  addRedriveVerb(verb);
  addTagsVerb(verb);
  addLoginVerbs(verb);
  addAccessVerbs(verb, act);
  addAuditVerbs(program, act);
  addWitnessVerbs(program, act);
  addKeysVerbs(program, act);
  addLocalVerbs(program);
  return program;
}

/** Values of an option that may be given several times. */
function each(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Tells what was thrown, as the command line asks for it; returns the exit code. */
export function tellFailure(thrown: unknown): number {
  return report(thrown, process.argv.includes('--json'), process.argv.includes('--debug'));
}

/** Runs a verb and sets the exit code; whatever is thrown is told in our own words. */
function act<Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    try {
      process.exitCode = await run(...args);
    } catch (error) {
      process.exitCode = tellFailure(error);
    }
  };
}

/** What a site says, and making it so. */
function addPolicyVerbs(verb: AddVerb): void {
  verb('check', 'find what is wrong with config, policies, keys and schemas, before anything runs')
    .argument('[files...]', 'file.avsc, or topic=file.avsc to check it as the next schema of that topic')
    .option('--offline', 'read no secret and ask no registry: for pull requests', false)
    .option('--sarif [file]', 'write the report as SARIF 2.1.0 too; without a file print it alone')
    .option(
      '--sample <records>',
      'ask the running topology what these policies would do to the newest records',
    )
    .option('--audience <audience>', 'of a sample: only this one')
    .option('--topic <topic>', 'of a sample: only this one')
    .option('--quasi-identifiers <paths>', 'of a sample: fields that together make a group, with commas')
    .option('--wait <seconds>', 'of a sample: how long to wait for the topology', '60')
    .addHelpText('after', CHECK_HELP)
    .action(
      act(async (files: string[], o: CheckOptions & SampleOptions) =>
        o.sample === undefined
          ? await (await import('./check-command.ts')).checkCommand(files, o)
          : await (await import('./check-sample.ts')).sampleCommand(o),
      ),
    );
  verb('explain', 'what each audience gets of each field, and why')
    .argument('[topic]', 'raw topic')
    .argument('[audience]')
    .option('--regime', 'by the 18 identifiers of 45 CFR 164.514(b)(2)(i)', false)
    .option('--plan', 'the compiled plan as canonical JSON, with its hash', false)
    .option(
      '--diff [file]',
      'what the policies open and close against this file, or against what is in force',
    )
    .option(
      '--schema <file>',
      'file.avsc or topic=file.avsc instead of the registry; the last is explained',
      each,
      [],
    )
    .option('--in-force', 'policies and tags as the policy log has them', false)
    .option('--as-of <day>', 'day at which ages are told at the earliest; default: today')
    .addHelpText('after', EXPLAIN_HELP)
    .action(
      act(
        async (topic: string | undefined, audience: string | undefined, o: ExplainCommandOptions) =>
          await (await import('./explain-command.ts')).explainCommand(topic, audience, o),
      ),
    );
  verb('plan', 'show what `gauze apply` would change')
    .option('--all', EACH_FIELD, false)
    .action(act(async (o: ApplyOptions) => await (await import('./apply-command.ts')).planCommand(o)));
  verb('apply', 'make topics, rights, derived schemas and policies as the policy files say')
    .option('--all', EACH_FIELD, false)
    .addHelpText('after', APPLY_HELP)
    .action(act(async (o: ApplyOptions) => await (await import('./apply-command.ts')).applyCommand(o)));
}

/** The service, and those who watch it. */
function addServiceVerbs(verb: AddVerb): void {
  verb('run', 'run the service; SIGTERM drains it')
    .option('--role <role>', 'which part to run', 'topology')
    .option('--verbose', 'log decisions too', false)
    .option(
      '--workers <n>',
      'topology: so many processes under this one, each with a share of the partitions',
    )
    .option('--instance-id <name>', 'topology: a name of its own, under which a restart keeps its partitions')
    .addOption(new Option('--worker <number>', 'set by --workers').hideHelp())
    .addHelpText('after', RUN_HELP)
    .action(act(async (o: RunOptions) => await (await import('./run-command.ts')).runCommand(o)));
  verb(
    'status',
    'every lane with its lag, and why it is held if it is; exit code 1 if one is, or nobody runs',
  ).action(act(async (o: CommonOptions) => await (await import('./status-command.ts')).statusCommand(o)));
  verb('tail', 'what an audience sees of a topic, live, with the log-in of that audience')
    .argument('<topic>', 'raw topic')
    .requiredOption('--audience <audience>', 'whose view')
    .requiredOption('--username <name>', 'Kafka user who reads for that audience')
    .requiredOption('--password-file <file>', 'file that holds the password and nothing else')
    .option('--mechanism <mechanism>', 'scram-sha-256, scram-sha-512 or plain', 'scram-sha-256')
    .option('--from-beginning', 'everything that is there, not only what comes from now on', false)
    .option('--topic-version <number>', 'version of the sanitized topic, as the policy says', '1')
    .option('--max <records>', 'end after so many')
    .action(
      act(
        async (topic: string, o: TailOptions) =>
          await (await import('./tail-command.ts')).tailCommand(topic, o),
      ),
    );
  verb('resume', 'let a held lane go on from where you say; audited')
    .argument('<audience>')
    .argument('<topic>', 'raw topic')
    .argument('<partition>')
    .option(
      '--from <where>',
      'earliest: from the first record still there; committed: from the committed offset',
    )
    .option('--from-audit', 'from the end of the last audited range, where the committed offset is lost')
    .option('--withhold <offset>', 'go on, and withhold the record at this offset')
    .requiredOption('--reason <text>', 'why; kept in the policy log, so name no person')
    .option('--wait <seconds>', 'how long to wait for the lane', '30')
    .action(
      act(
        async (audience: string, topic: string, partition: string, o: ResumeOptions) =>
          await (await import('./resume-command.ts')).resumeCommand(audience, topic, partition, o),
      ),
    );
}

/** Records that were withheld, once the cause is mended. */
function addRedriveVerb(verb: AddVerb): void {
  verb('redrive', 'publish withheld records after the cause is mended; audited')
    .requiredOption('--audience <audience>', 'whose records')
    .requiredOption('--topic <topic>', 'raw topic')
    .option('--code <code>', 'only those withheld with this code')
    .option('--from <time>', 'only those withheld from then on, ISO 8601')
    .option('--to <time>', 'only those withheld before then, ISO 8601')
    .option('--dry-run', 'say what is withheld; read no raw record and change nothing', false)
    .option('--reason <text>', 'why; kept in the policy log, so name no person', '')
    .addHelpText('after', REDRIVE_HELP)
    .action(act(async (o: RedriveOptions) => await (await import('./redrive-command.ts')).redriveCommand(o)));
}

/** Tags in force, and letting one go. */
function addTagsVerb(verb: AddVerb): void {
  verb('tags', 'the tags in force at each place of a topic, and where each comes from; or release one')
    .argument(
      '<topic>',
      'raw topic, or the word release: gauze tags release <topic> <place> <tag> --reason <text>',
    )
    .argument('[released...]', 'of a release: raw topic, place as `gauze tags` lists it, tag')
    .option('--reason <text>', 'of a release: why; goes on record: nothing about a patient')
    .action(
      act(async (topic: string, released: string[], o: ReleaseOptions) => {
        const tags = await import('./tags-command.ts');
        return topic === 'release'
          ? await tags.releaseCommand(released, o)
          : await tags.tagsCommand(topic, o);
      }),
    );
}

/** Who one is. */
function addLoginVerbs(verb: AddVerb): void {
  verb('login', 'log in at the identity provider, with a browser anywhere').action(
    act(async (o: CommonOptions) => await (await import('./login-command.ts')).loginCommand(o)),
  );
  verb('logout', 'end the log-in').action(
    act(async (o: CommonOptions) => await (await import('./login-command.ts')).logoutCommand(o)),
  );
}

/** What runs on this machine alone, without any site. */
function addLocalVerbs(program: Command): void {
  program
    .command('demo')
    .description(
      'a synthetic hospital, masked for three audiences on a local stack, and every promise checked',
    )
    .option('--patients <number>', 'people to generate', '2000')
    .option(
      '--from <folder>',
      'read this CSV export of Synthea instead; values of a few of its people are shown',
    )
    .option('--keep', 'leave everything running at the end, until Ctrl-C', false)
    .option('--json', 'one JSON object at the end; progress on standard error', false)
    .addHelpText('after', DEMO_HELP)
    .action(act(async (o: DemoOptions) => await (await import('./demo-command.ts')).demoCommand(o)));
  program
    .command('stack')
    .description('run a local Kafka, schema registry and Redis until Ctrl-C')
    .option('--json', 'one JSON object instead of a table', false)
    .option('--brokers <number>', 'how many brokers; the first is the controller too', '1')
    .option('--secure', 'a second listener with TLS: SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER', false)
    .action(
      act(
        async (o: StackCommandOptions) =>
          await (await import('./stack-command.ts')).runStackCommand(o, print),
      ),
    );
}
