/**
 * `gauze stack`: the local stack in a terminal of its own, until Ctrl-C.
 * It prints passwords, which are random, of this start only, and good for nothing but this stack.
 */
import { GauzeError } from '../platform/errors.ts';
import { describeStack, startStack } from '../stack/local-stack.ts';
import type { Stack, StackOptions } from '../stack/local-stack.ts';
import { wholeNumberOf } from './option-values.ts';
import { EXIT } from './terminal.ts';

/** What the command line says. */
export interface StackCommandOptions extends Pick<StackOptions, 'external'> {
  /** One JSON object on one line instead of a table. */
  readonly json: boolean;
  readonly brokers: string;
  readonly secure: boolean;
}

const BROKERS_MAX = 9;
/** Long enough for people who try things, short enough that sessions are seen to be authenticated anew. */
const SESSION_MS = 300_000;

/**
 * Starts the stack, tells where it is through `out`, and stays until SIGINT, SIGTERM or SIGHUP; then stops it.
 * @throws GauzeError ERR_STACK_PREREQUISITE, ERR_STACK_DOWNLOAD, ERR_STACK_START
 */
export async function runStackCommand(
  options: StackCommandOptions,
  out: (line: string) => void,
): Promise<number> {
  const { json, external } = options;
  const brokers = wholeNumberOf('--brokers', options.brokers);
  if (brokers > BROKERS_MAX)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--brokers', expected: `at most ${BROKERS_MAX}` });
  const asked = new AbortController();
  const signal = untilSignal().then(() => asked.abort());
  const stack = await startUnlessAsked(asked.signal, {
    brokers,
    ...(external ? { external } : {}),
    ...(options.secure ? { secure: { sessionMs: SESSION_MS } } : {}),
    ...(json ? {} : { onProgress: out }),
  });
  if (stack === null) return EXIT.interrupted;
  if (json) out(JSON.stringify(describeStack(stack)));
  else for (const line of lines(stack)) out(line);
  await signal;
  if (!json) out('Stopping');
  await stack.stop();
  return EXIT.ok;
}

/** Null where somebody asked for the end before the stack was there. */
async function startUnlessAsked(signal: AbortSignal, options: StackOptions): Promise<Stack | null> {
  try {
    return await startStack({ ...options, signal });
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

function lines(stack: Stack): string[] {
  const names = Object.keys(stack.logins);
  const width = Math.max(...names.map((name) => name.length));
  return [
    '',
    `Kafka     ${stack.brokers.join(',')}  (SASL_PLAINTEXT)`,
    ...(stack.secureBrokers.length === 0
      ? []
      : [`          ${stack.secureBrokers.join(',')}  (SASL_SSL, authority: ${stack.caFile})`]),
    `Registry  ${stack.registryUrl}`,
    `Redis     ${stack.redisUrl}`,
    `Identity  ${stack.oidcIssuer}`,
    '',
    'Log-ins of this start:',
    ...Object.values(stack.logins).map(
      ({ username, mechanism, password }) =>
        `  ${username.padEnd(width)}  ${mechanism.padEnd(13)}  ${password}`,
    ),
    '',
    'People at the identity provider:',
    ...Object.values(stack.people).map(
      ({ id, groups, password }) => `  ${id.padEnd(width)}  ${groups.join(', ').padEnd(28)}  ${password}`,
    ),
    '',
    'Ctrl-C stops it and removes all data.',
  ];
}

async function untilSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => resolve());
  });
}
