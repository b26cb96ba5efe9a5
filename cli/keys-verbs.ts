/**
 * `gauze keys ...`: making the keys of a site. What the verbs do stands in keys-command.ts.
 */
import type { Command } from 'commander';
import type { RekeyOptions } from './keys-rekey-command.ts';
import type { DecryptOptions } from './keys-decrypt-command.ts';
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

const DECRYPT_HELP = `
Examples:
  gauze keys decrypt research --method encrypt-deterministic --domain mrn < texts.txt
  gauze keys decrypt research --method encrypt --topic-id r0Xk... --partition 3 --path mrn < texts.txt

One text in a line of standard input, one value in a line of standard output, as JSON; null where a text does not open.
Nothing is logged, and no audit event tells of it: whoever holds the keyring is outside of what gauze can show.`;

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
  keys
    .command('decrypt')
    .description('values back from encrypted texts, for who holds the keyring')
    .argument('<audience>', 'whose texts')
    .requiredOption('--method <name>', 'encrypt, encrypt-deterministic or format-preserving')
    .option('--keyring <file>', 'keyring; default: keys.file of the config')
    .option('--grant <id>', 'of a grant on the audience: its texts have keys of their own')
    .option('--topic-id <id>', 'encrypt: id of the raw topic')
    .option('--partition <number>', 'encrypt: partition of the record')
    .option('--path <path>', 'encrypt: path of the field, as in policies')
    .option('--offset <number>', 'encrypt: only texts of the raw record at this offset')
    .option('--domain <name>', 'the other two: as the policy says: mrn')
    .option('--alphabet <name>', 'format-preserving: as the policy says')
    .option('--separators <characters>', 'format-preserving: as the policy says')
    .option('--epoch <number>', 'format-preserving: the key epoch; the other two have it in the text')
    .option('--bytes', 'values are no text: give them as base64', false)
    .option('-c, --config <file>', 'config file', 'gauze.yaml')
    .addHelpText('after', DECRYPT_HELP)
    .action(
      act(
        async (audience: string, o: DecryptOptions) =>
          await (await import('./keys-decrypt-command.ts')).keysDecryptCommand(audience, o, process.stdin),
      ),
    );
}
