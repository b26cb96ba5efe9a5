/**
 * A disk that is full under the local stack: a broker whose files cannot grow any more, because the system lets them not.
 * The stack must not hang, and must keep nothing that somebody would have to clear away but the log.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { GauzeError } from '../../platform/errors.ts';
import { startStack } from '../../stack/local-stack.ts';
import { testStack } from '../support/stack.ts';

let folder: string;
const before = process.env['JAVA_HOME'];

/** A Java of its own, newer than any, that is the stack's with a limit on the size of files. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gauze-disk-full-'));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'release'), 'JAVA_VERSION="999"\n');
  const java = join(folder, 'bin', 'java');
  writeFileSync(java, `#!/bin/sh\nulimit -f 200\nexec '${testStack().java}' "$@"\n`);
  chmodSync(java, 0o755);
  process.env['JAVA_HOME'] = folder;
});

afterEach(() => {
  if (before === undefined) delete process.env['JAVA_HOME'];
  else process.env['JAVA_HOME'] = before;
  rmSync(folder, { recursive: true, force: true });
});

test('a stack without room on its disk says which part did not start, and keeps the log that says why', async () => {
  const { registryUrl, redisUrl, oidcIssuer, people, machineClient } = testStack();
  const identity = { oidcIssuer, people, machineClient };
  const error = await startStack({ external: { registryUrl, redisUrl, identity } }).then(
    async (stack) => await stack.stop().then(() => null),
    (thrown: unknown) => thrown as GauzeError,
  );
  expect(error).toMatchObject({ code: 'ERR_STACK_START', context: { setting: 'kafka-0' } });
  const log = error!.context.file!;
  expect(readFileSync(log, 'utf8')).toContain('File too large');
  const directory = join(log, '../..');
  for (const gone of ['data', 'settings']) expect(existsSync(join(directory, gone))).toBe(false);
  rmSync(directory, { recursive: true, force: true });
}, 120_000);
