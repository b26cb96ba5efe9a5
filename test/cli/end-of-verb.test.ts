/**
 * A verb that has done its work ends, whatever a library has left open, with all of its output written.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, jest, test } from '@jest/globals';

/** Each test starts processes. */
jest.setTimeout(60_000);

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));
/** A timer that nobody clears, as a connection that nobody closes. */
const LEFT_OPEN = 'data:text/javascript,setInterval(() => undefined, 1000)';
const WITHOUT_SITE = ['status', '--config', 'no-such-folder/gauze.yaml'];

test('a verb ends with its exit code and its message although something stays open', async () => {
  const child = spawn(process.execPath, ['--import', LEFT_OPEN, GAUZE, ...WITHOUT_SITE]);
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  expect(err).toContain('ERR_CONFIG_FILE_ABSENT');
  expect(code).toBe(1);
});
