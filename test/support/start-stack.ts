/**
 * jest global setup of the projects that need the real stack: starts it once per run.
 * Does nothing where a stack is kept already (GAUZE_TEST_STACK) or another project of this run has started one.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeStack, startStack } from '../../stack/local-stack.ts';
import type { Stack } from '../../stack/local-stack.ts';
import { STACK_FILE_VARIABLE } from './stack.ts';

declare global {
  /** The stack of this run: in jest's main process, where setup and teardown both run. */
  var gauzeTestStack: Stack | undefined;
}

export default async function startStackForTests(): Promise<void> {
  if (process.env[STACK_FILE_VARIABLE] !== undefined) return;
  const stack = await startStack();
  // In the stack's own directory, which goes with the stack even if no teardown runs.
  const file = join(stack.directory, 'stack.json');
  await writeFile(file, JSON.stringify(describeStack(stack)), { mode: 0o600 });
  process.env[STACK_FILE_VARIABLE] = file;
  globalThis.gauzeTestStack = stack;
}
