/**
 * Command lines as pages show them: taken apart, and held against the program, package.json and the files that are there.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { gauzeProgram } from '../../cli/program.ts';
import { ROOT } from './markdown-blocks.ts';

/** Programs that are not ours: what they do with their arguments is not checked here. */
const FOREIGN = new Set(['cp', 'docker', 'echo', 'export', 'source']);
/** Commands of npm itself. */
const NPM = new Set(['ci', 'test', 'pack', 'install']);

/** Commands of a block of shell text: continued lines joined, comments and redirections gone. */
export function commandsOf(text: string): readonly (readonly string[])[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap((line) => line.split(' && '))
    .map((line) => wordsOf(line))
    .filter((words) => words.length > 0);
}

function wordsOf(line: string): readonly string[] {
  const words = [
    ...line.matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|\$\([^)]*\)|\$\{[^}]*\}|<[\w ]+>|[^\s"'<]+|</g),
  ].map(([word]) => word);
  const end = words.findIndex(
    (word) => word === '#' || (/^(?:[<>|&]|2>)/.test(word) && !/^<[\w ]+>$/.test(word)),
  );
  return end < 0 ? words : words.slice(0, end);
}

/** What is wrong with a command; null where it can be typed as it stands. */
export function faultOf(words: readonly string[]): string | null {
  const [program = '', ...args] = words;
  if (FOREIGN.has(program)) return null;
  if (program === 'gauze') return gauzeFault(args);
  if (program === 'npx') return args[0] === 'gauze' ? gauzeFault(args.slice(1)) : `npx ${args[0]}`;
  if (program === 'node') return fileFault(args[0] ?? '');
  if (program === 'npm') return npmFault(args);
  return `no such program: ${program}`;
}

function fileFault(file: string): string | null {
  // What the reader has copied from the example.
  const own = file.replace(/^my-topic\//, 'examples/your-own-topic/');
  return existsSync(`${ROOT}${own}`) ? null : `no such file: ${file}`;
}

function npmFault(args: readonly string[]): string | null {
  const [verb = '', ...rest] = args.filter((word) => word !== '--silent');
  if (NPM.has(verb)) return null;
  if (verb !== 'run') return `npm ${verb}`;
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    scripts: Record<string, string>;
  };
  const [script = '', dashes, ...more] = rest;
  if (!(script in scripts)) return `no such script: ${script}`;
  const own = /cli\/gauze\.ts ?(\w*)/.exec(scripts[script]!);
  if (dashes !== undefined && dashes !== '--') return `${script} takes arguments after --`;
  return own ? gauzeFault([...(own[1] ? [own[1]] : []), ...more]) : null;
}

/** A verb, options that it has, values for those that need one, as many arguments as it takes. */
export function gauzeFault(args: readonly string[]): string | null {
  let command: Command = gauzeProgram();
  let at = 0;
  for (; at < args.length && command.commands.length > 0; at += 1) {
    const next = command.commands.find((child) => child.name() === args[at]);
    if (!next) break;
    command = next;
  }
  if (command.commands.length > 0 && command.name() !== 'witness')
    return args.slice(at).some((word) => ['--help', '--version'].includes(word))
      ? null
      : `no such verb: ${args[at]}`;
  const verb = command.commands.find((child) => child.name() === 'run') ?? command;
  return argumentFault(verb, args.slice(at));
}

function argumentFault(verb: Command, args: readonly string[]): string | null {
  let given = 0;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at]!;
    if (!word.startsWith('-') || word === '-') {
      given += 1;
      continue;
    }
    if (['--help', '--debug'].includes(word)) return null;
    const option = verb.options.find(({ long, short }) => word === long || word === short);
    if (!option) return `no such option of ${verb.name()}: ${word}`;
    const next = args[at + 1];
    if (option.required && next === undefined) return `${word} without a value`;
    if (option.required || (option.optional && next !== undefined && !next.startsWith('-'))) at += 1;
  }
  const needed = verb.registeredArguments.filter(({ required }) => required).length;
  const isVariadic = verb.registeredArguments.some(({ variadic }) => variadic);
  if (given < needed) return `${verb.name()} needs ${needed} arguments, not ${given}`;
  if (given > verb.registeredArguments.length && !isVariadic)
    return `${verb.name()} takes fewer than ${given} arguments`;
  const missing = verb.options.filter(({ mandatory, long }) => mandatory && !args.includes(long!));
  return missing.length > 0 ? `${verb.name()} needs ${missing.map(({ long }) => long).join(', ')}` : null;
}
