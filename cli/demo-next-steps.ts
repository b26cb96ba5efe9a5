/**
 * What a person who has watched the demo may try next: commands that work as they stand while `--keep` keeps it.
 */
import { join } from 'node:path';
import type { StackDescription } from '../stack/local-stack.ts';
import { styled } from './terminal.ts';

/** How a reader calls gauze: in the work tree, or from a published package, where there are no npm scripts of ours. */
export interface Calls {
  readonly demo: string;
  readonly gauze: string;
}

// In the tree through npm, which finds the project's own Node: the one on a reader's path may be too old for TypeScript.
export const IN_TREE: Calls = { demo: 'npm run demo --', gauze: 'npm run --silent gauze --' };
export const IN_PACKAGE: Calls = { demo: 'npx gauze demo', gauze: 'npx gauze' };

/** As this file runs. */
const HERE = import.meta.url.endsWith('.ts') ? IN_TREE : IN_PACKAGE;

/** Lines for the end of the demo. */
export function nextSteps(
  stack: StackDescription,
  directory: string,
  isKept: boolean,
  { demo, gauze }: Calls = HERE,
): readonly string[] {
  if (!isKept) {
    const steps: readonly (readonly [string, string])[] = [
      [`${demo} --keep`, 'the same, and it stays: for status, resume, your own consumers'],
      [`${demo} --from FOLDER`, 'the CSV export of Synthea instead of the generator'],
      [`${gauze} check --help`, 'what is wrong with a schema or policy, before it is live'],
    ];
    const width = Math.max(...steps.map(([command]) => command.length));
    return [
      '',
      styled('bold', 'What to try next'),
      ...steps.map(([command, what]) => `  ${command.padEnd(width)}   ${what}`),
      '',
      'Everything of this demo is now stopped and removed.',
    ];
  }
  const config = join(directory, 'gauze.yaml');
  const reader = join(directory, 'secrets', 'research-app.properties');
  return [
    '',
    styled('bold', 'What to try next, in another terminal'),
    `  ${gauze} status -c ${config}`,
    `  ${gauze} plan -c ${config}`,
    `  ${gauze} resume research clinical.claims 0 --from earliest --reason "to see it again" -c ${config}`,
    '',
    'What research reads, with the console consumer of Kafka (values are Avro):',
    `  ${stack.java} -cp '${join(stack.kafkaLibs, '*')}' org.apache.kafka.tools.consumer.ConsoleConsumer \\`,
    `    --bootstrap-server ${stack.brokers.join(',')} --command-config ${reader} --group research-console \\`,
    '    --topic clinical.patients.for-research --from-beginning --max-messages 3',
    'The same with --topic clinical.patients is refused.',
    '',
    'Raw access, as one of the people (the password is asked in the browser):',
    `  ${gauze} login -c ${config}`,
    `  ${gauze} request clinical.encounters --fields accountNumber --audience research --purpose TREAT \\`,
    `    --records 5 --for 10m --reason "to see how it goes" -c ${config}`,
    `  ${gauze} requests -c ${config}     then logout, login as carol: approve; login as dan: approve; grants`,
    `  alice reads a grant with ${join(directory, 'secrets', 'alice.properties')} and --group alice-console`,
    ...people(stack),
    '',
    `Site    ${directory}   (policies/ to edit, then gauze apply; gauze-run-*.log)`,
    `Schemas ${stack.registryUrl}/subjects`,
    '',
    'Ctrl-C stops everything; the site directory stays until you remove it.',
  ];
}

/** Who can log in. They exist on this stack alone, and only as long as it runs. */
function people({ people: known }: StackDescription): readonly string[] {
  return Object.values(known).map(
    ({ id, password, groups }) => `  ${id.padEnd(6)} ${password}  ${groups.join(' ')}`,
  );
}
