/**
 * A stack of a test file's own, for faults of brokers and services: whatever it breaks, no other test sees it.
 * Everything in test/support that asks for "the stack" gets this one from then on.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeStack, startStack } from '../../stack/local-stack.ts';
import type { Stack, StackOptions } from '../../stack/local-stack.ts';
import { STACK_FILE_VARIABLE } from './stack.ts';

/** Settings of brokers that go on with one of three gone. */
export const THREE_REPLICAS = {
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'offsets.topic.replication.factor': '3',
  'transaction.state.log.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
  // Where the controller does not hear of a broker for so long, others lead in its place; the default is 9 s.
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
} as const;

/** Starts it; must come before anything else of a test file asks for the stack. The caller stops it. */
export async function startOwnStack(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack(options);
  const file = join(stack.directory, 'stack.json');
  await writeFile(file, JSON.stringify(describeStack(stack)), { mode: 0o600 });
  process.env[STACK_FILE_VARIABLE] = file;
  return stack;
}
