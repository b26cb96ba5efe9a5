import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { check } from '../../cli/check-command.ts';
import { CheckReport } from '../../cli/check-report.ts';
import { sarifLog } from '../../cli/check-sarif.ts';
import { ERRORS, GauzeError } from '../../platform/errors.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-sarif-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation: {
      readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
      readonly region: { readonly startLine: number };
    };
  }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}
interface Log {
  readonly version: string;
  readonly runs: readonly [
    {
      readonly tool: {
        readonly driver: {
          readonly name: string;
          readonly rules: readonly { readonly id: string; readonly help: { readonly text: string } }[];
        };
      };
      readonly results: readonly Result[];
    },
  ];
}

const text = {
  type: 'object',
  properties: { text: { type: 'string', minLength: 1 } },
  required: ['text'],
  additionalProperties: false,
};
const closed = (properties: object, required: readonly string[] = Object.keys(properties)): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const level = { enum: ['none', 'note', 'warning', 'error'] };
/** What SARIF 2.1.0 and GitHub's code scanning ask of the parts that are written here, and nothing besides them. */
const SHAPE = closed({
  $schema: { type: 'string', pattern: '^https://.*sarif-schema-2\\.1\\.0\\.json$' },
  version: { const: '2.1.0' },
  runs: {
    type: 'array',
    minItems: 1,
    items: closed({
      tool: closed({
        driver: closed({
          name: { const: 'gauze' },
          semanticVersion: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+' },
          rules: {
            type: 'array',
            uniqueItems: true,
            items: closed({
              id: { enum: Object.keys(ERRORS) },
              shortDescription: text,
              fullDescription: text,
              help: closed({
                text: { type: 'string', minLength: 1 },
                markdown: { type: 'string', minLength: 1 },
              }),
              defaultConfiguration: closed({ level }),
              properties: { type: 'object' },
            }),
          },
        }),
      }),
      automationDetails: closed({ id: { type: 'string', pattern: '/$' } }),
      columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
      originalUriBaseIds: { type: 'object', additionalProperties: closed({ description: text }) },
      invocations: { type: 'array', items: closed({ executionSuccessful: { type: 'boolean' } }) },
      results: {
        type: 'array',
        items: closed({
          ruleId: { enum: Object.keys(ERRORS) },
          ruleIndex: { type: 'integer', minimum: 0 },
          level,
          message: text,
          locations: {
            type: 'array',
            minItems: 1,
            items: closed({
              physicalLocation: closed({
                artifactLocation: closed(
                  { uri: { type: 'string', minLength: 1 }, uriBaseId: { type: 'string' } },
                  ['uri'],
                ),
                region: closed({ startLine: { type: 'integer', minimum: 1 } }),
              }),
            }),
          },
          partialFingerprints: { type: 'object', minProperties: 1, additionalProperties: { type: 'string' } },
        }),
      },
    }),
  },
});
const isSarif = new Ajv2020({ strict: false, allErrors: true }).compile(SHAPE);

function logOf(report: CheckReport): Log {
  // As it arrives: what JSON leaves out is not there.
  return JSON.parse(JSON.stringify(sarifLog(report, 'gauze.yaml'))) as Log;
}

function reportOf(problems: readonly GauzeError[], warnings: readonly GauzeError[] = []): CheckReport {
  const report = new CheckReport();
  report.add(...problems);
  report.warn(...warnings);
  return report;
}

const looks = (context: object) =>
  new GauzeError('ERR_POLICY_LOOKS_LIKE_PHI', {
    topic: 'clinical.tests',
    path: 'mrn',
    tag: 'PHI_MRN',
    words: '"mrn"',
    ...context,
  });

function schemaFile(...fields: object[]): string {
  const file = path.join(folder, 'a patient.avsc');
  writeFileSync(file, JSON.stringify({ type: 'record', name: 'Reading', fields }, null, 2));
  return file;
}

describe('the report as SARIF', () => {
  test('has the shape that the standard and code scanning ask for', () => {
    const log = logOf(
      reportOf(
        [
          looks({ file: 'schemas/a patient.avsc', line: 7 }),
          new GauzeError('ERR_KEY_MISSING', { audience: 'research', file: '' }),
        ],
        [
          new GauzeError('ERR_POLICY_MAY_BE_PHI', {
            file: 'b.avsc',
            line: 2,
            topic: 't',
            path: 'at',
            tag: 'PHI_DATE',
            words: 'its type date',
          }),
        ],
      ),
    );
    expect([isSarif(log), isSarif.errors]).toEqual([true, null]);
    expect(log.runs[0].results.map(({ ruleId, level: how }) => [ruleId, how])).toEqual([
      ['ERR_POLICY_LOOKS_LIKE_PHI', 'error'],
      ['ERR_KEY_MISSING', 'error'],
      ['ERR_POLICY_MAY_BE_PHI', 'warning'],
    ]);
    expect(isSarif({ ...log, runs: [{ ...log.runs[0], results: [{ ruleId: 'ERR_KEY_MISSING' }] }] })).toBe(
      false,
    );
  });

  test('is empty but whole where nothing is wrong', () => {
    const log = logOf(reportOf([]));
    expect([isSarif(log), log.runs[0].results]).toEqual([true, []]);
  });

  test('names files relative to the folder, encoded, and the config for what has no file', () => {
    const places = logOf(
      reportOf([
        looks({ file: 'schemas/a patient.avsc', line: 7 }),
        looks({ file: path.resolve('gauze.yaml'), line: 3 }),
        looks({}),
        looks({ file: path.join(folder, 'x.avsc'), line: 1 }),
      ]),
    ).runs[0].results.map(({ locations: [place] }) => [
      place!.physicalLocation.artifactLocation.uri,
      place!.physicalLocation.artifactLocation.uriBaseId,
      place!.physicalLocation.region.startLine,
    ]);
    expect(places).toEqual([
      ['schemas/a%20patient.avsc', '%SRCROOT%', 7],
      ['gauze.yaml', '%SRCROOT%', 3],
      ['gauze.yaml', '%SRCROOT%', 1],
      [`file://${folder}/x.avsc`, undefined, 1],
    ]);
  });

  test('has a rule with help for each code, once, where results point', () => {
    const { tool, results } = logOf(reportOf([looks({ path: 'a' }), looks({ path: 'b' })])).runs[0];
    expect(tool.driver.rules.map(({ id }) => id)).toEqual(['ERR_POLICY_LOOKS_LIKE_PHI']);
    expect(tool.driver.rules[0]?.help.text).toContain('PHI_NONE if it was reviewed');
    expect(results.map(({ ruleIndex }) => ruleIndex)).toEqual([0, 0]);
  });

  test('gives a problem the same fingerprint on another line, and another one to every other problem', () => {
    const prints = (...problems: GauzeError[]): (string | undefined)[] =>
      logOf(reportOf(problems)).runs[0].results.map(
        (result) => result.partialFingerprints['gauzeProblem/v1'],
      );
    const [moved] = prints(looks({ file: 'a.avsc', line: 99 }));
    const all = prints(
      looks({ file: 'a.avsc', line: 1 }),
      looks({ file: 'b.avsc', line: 1 }),
      looks({ file: 'a.avsc', line: 1, path: 'ssn' }),
      looks({ file: 'a.avsc', line: 5 }),
    );
    expect(all[0]).toBe(moved);
    expect(new Set(all).size).toBe(4);
  });
});

describe('gauze check', () => {
  test('warns without a bad end, and tells warnings apart in JSON and SARIF', () => {
    const file = schemaFile({ name: 'note_at', type: 'string', 'confluent:tags': ['PHI_NONE'] });
    const sarif = path.join(folder, 'out.sarif');
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [path.join(ROOT, 'cli/gauze.ts'), 'check', file, ...args], {
        cwd: folder,
        encoding: 'utf8',
      });
    expect(run().status).toBe(0);
    schemaFile({ name: 'kind', type: 'string', doc: "Patient's social security number" });
    const { status, stdout } = run('--json', '--sarif', sarif);
    const { problems, warnings } = JSON.parse(stdout) as {
      problems: { code: string }[];
      warnings: { code: string; tag: string }[];
    };
    expect([status, problems.map(({ code }) => code)]).toEqual([1, ['ERR_SCHEMA_LEAF_UNTAGGED']]);
    expect(warnings.map(({ code, tag }) => [code, tag])).toEqual([['ERR_POLICY_MAY_BE_PHI', 'PHI_SSN']]);
    const written = JSON.parse(readFileSync(sarif, 'utf8')) as Log;
    expect([isSarif(written), written.runs[0].results.map(({ level: how }) => how)]).toEqual([
      true,
      ['error', 'warning'],
    ]);
    expect(written.runs[0].results[0]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe(
      'a%20patient.avsc',
    );
    expect(isSarif(JSON.parse(run('--sarif').stdout))).toBe(true);
    expect(run('--sarif', '--json').status).toBe(2);
  });

  test('tells a warning with its line, beside the problem that a leaf has no tag', async () => {
    const report = await check(
      [
        schemaFile(
          { name: 'description', type: 'string' },
          { name: 'score', type: 'int', 'confluent:tags': ['PHI_NONE'] },
        ),
      ],
      { config: 'gauze.yaml', offline: true },
    );
    expect(report.warnings.map(({ context }) => [context.path, context.line])).toEqual([['description', 5]]);
    expect(report.problems.map(({ code }) => code)).toEqual(['ERR_SCHEMA_LEAF_UNTAGGED']);
  });
});
