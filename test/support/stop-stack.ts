/**
 * jest global teardown: ends the stack that start-stack.ts started in this run, and no other.
 */
import { STACK_FILE_VARIABLE } from './stack.ts';

export default async function stopStackForTests(): Promise<void> {
  const started = globalThis.gauzeTestStack;
  if (started === undefined) return;
  globalThis.gauzeTestStack = undefined;
  delete process.env[STACK_FILE_VARIABLE];
  await started.stop();
}
