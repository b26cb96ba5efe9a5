/**
 * The verbs of who runs a witness; what they do stands in witness-command.ts.
 */
import type { Command } from 'commander';
import type { WitnessInitOptions, WitnessRunOptions } from './witness-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;

const HELP = `
Examples:
  gauze witness init --folder witness --name witness.example.org/w1
  gauze witness --folder witness --log gauze/site/prefix+3a2b1c0d+AV... --host 0.0.0.0 --port 8099

Run it on another host, by other people than those who run gauze: it speaks c2sp.org/tlog-witness and needs no Kafka.
A witness whose memory is lost is retired, never begun anew: it refuses to start.`;

const commands = async () => await import('./witness-command.ts');

/** Adds `gauze witness` and `gauze witness init`; `act` runs one and sets the exit code. */
export function addWitnessVerbs(program: Command, act: Act): void {
  const witness = program
    .command('witness')
    .description('remember checkpoints of a log of seals and cosign what grew out of them')
    .addHelpText('after', HELP)
    .showHelpAfterError('(gauze witness --help lists the verbs)');
  witness
    .command('run', { isDefault: true })
    .description('run the witness; SIGTERM ends it')
    .option('--folder <folder>', 'key and memory, as init made them', 'witness')
    .option('--log <vkey...>', 'key of a log to witness; its name is the origin')
    .option('--logs <file>', 'the same as a file with log lines (c2sp.org/tlog-policy)')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <number>', 'where to listen', '8099')
    .option('--json', 'output for scripts', false)
    .action(act(async (o: WitnessRunOptions) => await (await commands()).runWitnessCommand(o)));
  witness
    .command('init')
    .description('make a key and its empty memory; prints the key that others pin')
    .option('--folder <folder>', 'where', 'witness')
    .requiredOption('--name <name>', 'name of the witness, such as witness.example.org/w1')
    .option('--json', 'output for scripts', false)
    .action(act(async (o: WitnessInitOptions) => await (await commands()).initWitnessCommand(o)));
}
