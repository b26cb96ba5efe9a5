/**
 * `gauze keys ...`: making the keys of a site. What the verbs do stands in keys-command.ts.
 */
import type { Command } from 'commander';
import type { RekeyOptions } from './keys-rekey-command.ts';
import type { KeysInitOptions } from './keys-command.ts';
import type { RotateOptions } from './keys-rotate-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;

const INIT_HELP = `
Examples:
  gauze keys init --origin audit.example.org/hospital   keys for the site of ./gauze.yaml
  gauze keys init --dir keys --origin example.org/log   keys in a directory, without any config

What is there stays as it is: run it again after a new audience, and it adds that one's key.`;

const REKEY_HELP = `
Examples:
  gauze keys rekey-map research --from 1 --to 2 --domain mrn < mrns.txt > map.csv

No raw topic is read: identifiers are those that you give, and none of them comes out. The map joins what an audience
had before a rotation to what it has after: give it to that audience alone, and only where it must join.`;

/** Adds `gauze keys` and its subcommands. */
export function addKeysVerbs(program: Command, act: Act): void {
  const keys = program.command('keys').description('the keys of a site');
  keys
    .command('init')
    .description('make keyring, root key and trust file, or what is missing of them')
    .option('-c, --config <file>', 'config file', 'gauze.yaml')
    .option('--dir <directory>', 'where to; default: beside keys.file of the config, else secrets/')
    .option('--origin <name>', 'name of the log of seals, for ever; default: audit.origin of the config')
    .option('--json', 'output for scripts', false)
    .addHelpText('after', INIT_HELP)
    .action(act(async (o: KeysInitOptions) => await (await import('./keys-command.ts')).keysInitCommand(o)));
  keys
    .command('rotate')
    .description('a new epoch of a key; older ones stay for what was made under them')
    .argument('<key>', 'subject-tokens, or the name of an audience')
    .option('-c, --config <file>', 'config file', 'gauze.yaml')
    .option('--json', 'output for scripts', false)
    .action(
      act(
        async (key: string, o: RotateOptions) =>
          await (await import('./keys-rotate-command.ts')).keysRotateCommand(key, o),
      ),
    );
  keys
    .command('rekey-map')
    .description('pseudonyms of two key epochs side by side, as CSV, of identifiers that you have')
    .argument('<audience>', 'whose pseudonyms')
    .requiredOption('--from <epoch>', 'the older epoch')
    .requiredOption('--to <epoch>', 'the newer one')
    .requiredOption('--domain <name>', 'which identifiers, as the policy says: mrn')
    .option('--file <file>', 'identifiers, one in a line; default: standard input')
    .option('-c, --config <file>', 'config file', 'gauze.yaml')
    .addHelpText('after', REKEY_HELP)
    .action(
      act(
        async (audience: string, o: RekeyOptions) =>
          await (await import('./keys-rekey-command.ts')).keysRekeyCommand(audience, o, process.stdin),
      ),
    );
}
