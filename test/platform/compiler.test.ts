import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const MODULE = join(import.meta.dirname, '../../platform/compiler.ts');
// Calls as many small functions as are in it: what is not put in its place is counted by V8 itself.
const SCRIPT = `
import { setFlagsFromString } from 'node:v8';
if (process.argv.includes('further')) (await import(${JSON.stringify(MODULE)})).inlineFurther();
const names = Array.from({ length: 60 }, (_, i) => 'f' + i);
const body = 'let a = x; a += (a ^ 3) * 7; a ^= a >>> 3; a += (a ^ 5) * 11; a ^= a >>> 5; return a | 0;';
const walk = new Function(
  names.map((name) => 'function ' + name + '(x) { ' + body + ' }').join(' ') +
  ' return function walk(x) { return ' + names.map((name) => name + '(x)').join(' + ') + '; };')();
setFlagsFromString('--trace-turbo-inlining');
for (let i = 0; i < 50_000; i++) walk(i);
`;

/** How many calls V8 replaced, and what it had to say. */
async function inlined(...args: string[]): Promise<{ count: number; stderr: string }> {
  const command = [
    '--no-warnings',
    '--no-concurrent-recompilation',
    '--input-type=module',
    '-e',
    SCRIPT,
    '--',
  ];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...command, ...args], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return { count: stdout.split('Inlining ').length - 1, stderr };
}

test('more calls are put in place than V8 would by itself, and it knows the flag', async () => {
  const [own, further] = [await inlined(), await inlined('further')];
  expect(further.stderr).toBe('');
  expect(own.count).toBeGreaterThan(0);
  expect(further.count).toBeGreaterThan(1.5 * own.count);
});
