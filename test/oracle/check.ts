/**
 * The oracle by hand: `node test/oracle/check.ts --stack FILE --prefix gauze --keyring FILE TOPIC...`, with FILE as
 * scripts/keep-stack.ts writes it. Prints one finding in a line, as JSON, and ends with 1 where there is any.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { StackDescription } from '../../stack/local-stack.ts';
import { checkTopology } from './check-topology.ts';
import { FINDING_CODES } from './finding.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    stack: { type: 'string' },
    prefix: { type: 'string', default: 'gauze' },
    keyring: { type: 'string' },
    aliases: { type: 'string' },
  },
});
if (values.stack === undefined || values.keyring === undefined || positionals.length === 0) {
  process.stderr.write(
    'usage: check.ts --stack FILE --keyring FILE [--prefix gauze] [--aliases FILE] TOPIC...\n',
  );
  process.exit(2);
}
const verdict = await checkTopology({
  stack: JSON.parse(readFileSync(values.stack, 'utf8')) as StackDescription,
  prefix: values.prefix,
  topics: positionals,
  keyringFile: values.keyring,
  ...(values.aliases === undefined ? {} : { aliasFile: values.aliases }),
});
for (const finding of verdict.findings) process.stdout.write(`${JSON.stringify(finding)}\n`);
for (const [code, count] of verdict.counts)
  process.stdout.write(`${count} ${code}: ${FINDING_CODES[code]}\n`);
const { lanes, outcomes, withheld, compared, unchecked, events } = verdict;
process.stdout.write(
  `${lanes} lanes, ${outcomes} outcomes: ${compared} published and compared (${unchecked} by keys alone), ${withheld} withheld; ${events} events\n`,
);
process.exitCode = verdict.findings.length > 0 ? 1 : 0;
