/**
 * The verb by which auditors have an event replayed; what it does stands in audit-replay-command.ts.
 */
import type { Command } from 'commander';
import type { ReplayOptions } from './audit-replay-command.ts';

type Act = <Args extends unknown[]>(
  run: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;
type AddVerb = (name: string, description: string) => Command;

const HELP = `
Examples:
  gauze audit replay gauze.audit.events/0/17 --reason "spot check of June" --wait
  gauze audit replay --result 9f2c41d07b6a8e35

The records of the event are masked again by the recorded policy, plan and keys, under a grant of its own, and compared
with what was published. Nothing is revealed: the answer is EQUAL, DIFFERENT or UNVERIFIABLE, with counts and a place.
People decide about it like about any access; access.yaml needs a rule with "replay: true".

Exit code 0 EQUAL, 1 DIFFERENT, 3 it still waits, was not allowed, or cannot be told any more.`;

const commands = async () => await import('./audit-replay-command.ts');

/** Adds it to `gauze audit`. */
export function addAuditReplayVerbs(verb: AddVerb, act: Act): void {
  verb('replay', 'ask whether what an audience or a grant got is what plan and keys make of the raw records')
    .argument('[event]', '<topic>/<partition>/<offset> of the audit event')
    .option('--reason <text>', 'why, without any identifier')
    .option('--purpose <code>', 'HL7 PurposeOfUse', 'HCOMPL')
    .option('--for <time>', 'how long the replay may take once it is allowed', '30m')
    .option('--ticket <id>', 'ticket in another system')
    .option('--wait', 'wait until there is a result', false)
    .option('--result <request>', 'in place of an event: what that request has come to')
    .addHelpText('after', HELP)
    .action(
      act(
        async (event: string | undefined, o: ReplayOptions) =>
          await (await commands()).replayCommand(event, o),
      ),
    );
}
