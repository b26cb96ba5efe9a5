/**
 * docs/reference/cli.md, made from the program itself: every verb with its arguments, options and examples, and what exit
 * codes mean. Asks the program what there is; runs no verb.
 */
import type { Argument, Command, Option } from 'commander';
import { gauzeProgram } from '../cli/program.ts';
import { EXIT, EXIT_MEANINGS } from '../cli/terminal.ts';
import { page, table } from './markdown.ts';

/** Families and verbs, in the order in which `gauze --help` lists them. */
export function renderCli(): string {
  const program = gauzeProgram();
  const intro = [
    '`gauze <verb> --help` says the same. `--config` is `gauze.yaml` in the present folder where it is not given.',
    'Results go to standard output; progress, explanations and errors go to standard error. In a file, in a pipe, with',
    '`NO_COLOR` set or `TERM=dumb` nothing is coloured and no line is written twice.',
  ].join('\n');
  return page('Command line', intro, [
    `## exit codes\n\n${renderExitCodes()}`,
    `## options of every verb\n\n${optionTable(program.options)}`,
    JSON_DOCS,
    ...verbsOf(program).map((verb) => renderVerb(verb)),
  ]);
}

const JSON_DOCS = [
  '## --json',
  '',
  'Every verb that prints a table, a list or an outcome takes `--json`: then standard output is one JSON document, and',
  'nothing else. What has no end or may be long has one document in each line: `gauze tail`, `gauze keys decrypt`.',
  'Errors are one JSON object in each line of standard error, with the code of [the table of errors](errors.md).',
].join('\n');

/** Verbs that do something themselves, families resolved. */
export function verbsOf(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => (child.commands.length > 0 ? verbsOf(child) : [child]));
}

/** `gauze audit verify`. */
export function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function renderExitCodes(): string {
  const names = Object.keys(EXIT) as (keyof typeof EXIT)[];
  return table(
    ['exit code', 'means'],
    names.map((name) => [`\`${EXIT[name]}\``, EXIT_MEANINGS[name]]),
  );
}

function renderVerb(verb: Command): string {
  const usage = [fullName(verb), ...verb.registeredArguments.map(usageOf), '[options]'].join(' ');
  const described = verb.registeredArguments.filter(({ description }) => description !== '');
  return [
    `## ${fullName(verb)}`,
    sentence(verb.description()),
    `\`${usage}\``,
    ...(described.length === 0
      ? []
      : [
          table(
            ['argument', 'meaning'],
            described.map((each) => [`\`${each.name()}\``, each.description]),
          ),
        ]),
    ...(verb.options.length === 0 ? [] : [optionTable(verb.options)]),
    ...helpAfter(verb),
  ].join('\n\n');
}

function usageOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map((option) => [`\`${option.flags}\``, option.description, presetOf(option)]);
  return table(['option', 'meaning', 'default'], rows);
}

function presetOf({ mandatory, defaultValue }: Option): string {
  if (mandatory) return '**needed**';
  const preset: unknown = defaultValue;
  return typeof preset === 'string' ? `\`${preset}\`` : '';
}

/** Examples and remarks below the options, as the help of the verb shows them. */
function helpAfter(verb: Command): readonly string[] {
  let text = '';
  verb.configureOutput({ writeOut: (more) => (text += more) }).outputHelp();
  const own = text.slice(verb.helpInformation().length).trim();
  return own === '' ? [] : [`\`\`\`text\n${own}\n\`\`\``];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
