/**
 * The rooms hold: who imports whom, which package is used where, no cycles, no barrels.
 * Every check is shown an offender first, so that it can't be passed by seeing nothing.
 */
import { describe, expect, test } from '@jest/globals';
import {
  barrelViolations,
  cryptoViolations,
  cycleViolations,
  importsOf,
  packageViolations,
  roomViolations,
} from './import-checks.ts';
import { CRYPTO_FILES, PACKAGES, ROOMS } from './import-table.ts';
import { ROOT, report, roomOf, sourceFiles } from './source-files.ts';
import type { TextFile, Violation } from './source-files.ts';
import { existsSync } from 'node:fs';
import path from 'node:path';

const files = sourceFiles();

function offender(filePath: string, text: string): TextFile[] {
  return [{ path: filePath, text }];
}

test('there is code to look at, and every folder with code is a room', () => {
  expect(files.length).toBeGreaterThan(60);
  const found = new Set(files.map((file) => roomOf(file.path)).filter((room) => room !== ''));
  expect([...found].filter((room) => !(room in ROOMS))).toEqual([]);
});

test('imports are read whatever they look like', () => {
  const text = [
    "import a from 'one';",
    "import type {\n  B,\n} from './two.ts';",
    "import './three.ts';",
    "const d = await import('four');",
    "export { e } from './five.ts';",
    "// import x from 'not';",
    'const s = "a; import y from nothing";',
  ].join('\n');
  const found = importsOf({ path: 'x.ts', text });
  expect(found.map(({ specifier }) => specifier)).toEqual([
    'one',
    './two.ts',
    './three.ts',
    'four',
    './five.ts',
  ]);
  expect(found[1]!.line).toBe(4);
});

describe.each<[string, (files: readonly TextFile[]) => readonly Violation[], TextFile[]]>([
  [
    'a room imports only what the table allows',
    roomViolations,
    offender('processors/x.ts', "import { p } from '../policy/p.ts';"),
  ],
  [
    'platform imports nothing of ours',
    roomViolations,
    offender('platform/x.ts', "import type { K } from '../kafka/k.ts';"),
  ],
  ['nobody imports tests', roomViolations, offender('cli/x.ts', "import { h } from '../test/support/h.ts';")],
  [
    'examples do not import the command line',
    roomViolations,
    offender('examples/hospital/x.ts', "import { t } from '../../cli/terminal.ts';"),
  ],
  [
    'kafkajs stays in kafka/',
    packageViolations,
    offender('topology/x.ts', "import { Kafka } from 'kafkajs';"),
  ],
  [
    'avsc stays off the data path',
    packageViolations,
    offender('processors/transcoder.ts', "import avro from 'avsc';"),
  ],
  [
    'the queue stays in approvals/',
    packageViolations,
    offender('topology/x.ts', "import { Queue } from 'bullmq';"),
  ],
  [
    'a package nobody decided on is refused',
    packageViolations,
    offender('cli/x.ts', "import pad from 'left-pad/deep.js';"),
  ],
  [
    'cryptography has few homes',
    cryptoViolations,
    offender('topology/x.ts', "import { createHash } from 'node:crypto';"),
  ],
  [
    'nothing imports itself by way of others',
    cycleViolations,
    [
      { path: 'a/x.ts', text: "import { y } from './y.ts';" },
      { path: 'a/y.ts', text: "import { x } from '../a/x.ts';" },
    ],
  ],
  ['no file only passes on', barrelViolations, offender('a/x.ts', "export { y } from './y.ts';")],
  ['no file is an index', barrelViolations, offender('a/index.ts', 'export const a = 1;')],
])('%s', (_, check, offenders) => {
  test('is seen where it is broken', () => {
    expect(check(offenders)).toHaveLength(1);
  });
  test('holds', () => {
    expect(report(check(files))).toBe('');
  });
});

test('the tables name only what is there or may come', () => {
  const gone = Object.keys(CRYPTO_FILES).filter((file) => !existsSync(path.join(ROOT, file)));
  expect(gone).toEqual([]);
  expect(PACKAGES['kafkajs']).toEqual(['kafka/']);
});
