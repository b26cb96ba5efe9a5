/**
 * Keeps one local stack up over many test runs: `node scripts/keep-stack.ts FILE`, then GAUZE_TEST_STACK=FILE.
 * FILE holds passwords, so only its owner may read it; it appears when the stack is ready and goes with it.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { describeStack, startStack } from '../stack/local-stack.ts';

const file = process.argv[2];
if (file === undefined) {
  process.stderr.write('usage: node scripts/keep-stack.ts FILE\n');
  process.exit(2);
}
const stack = await startStack({ onProgress: (step) => process.stderr.write(`${step}\n`) });
await writeFile(`${file}.part`, JSON.stringify(describeStack(stack)), { mode: 0o600 });
await rename(`${file}.part`, file);

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => {
    void Promise.all([stack.stop(), rm(file, { force: true })]);
  });
}
