/**
 * docs/lint.md: its figures are as measured now and good enough, and what it shows works as shown.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { check } from '../../cli/check-command.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import {
  HAS_DATA,
  freshScore,
  hl7Scores,
  precision,
  radarScore,
  recall,
  standardScores,
} from '../../scripts/lint-figures.ts';
import { FIGURE_BLOCKS, withBlock } from '../../scripts/lint-page.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(`${ROOT}docs/lint.md`, 'utf8');
const withData = HAS_DATA ? test : test.skip;
const folder = mkdtempSync(path.join(tmpdir(), 'gauze-lint-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function block(info: string): string {
  return new RegExp(`\`\`\`${info}\\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1] ?? '';
}

async function codes(schema: object): Promise<string[]> {
  const file = path.join(folder, 'example.avsc');
  writeFileSync(file, JSON.stringify(schema));
  const { problems, warnings } = await check([file], { config: 'gauze.yaml', offline: true });
  return [...problems, ...warnings].map(({ code }) => code);
}

describe('the figures', () => {
  for (const figures of FIGURE_BLOCKS)
    (figures.needsData ? withData : test)(
      `of ${figures.mark} are as \`node scripts/measure-lint.ts\` writes them`,
      () => {
        expect(PAGE).toContain(`<!-- figures: ${figures.mark} -->`);
        expect(withBlock(PAGE, figures)).toBe(PAGE);
      },
    );

  withData('refuse at least 0.95 of the PHI fields of HL7 v2 (shared data)', () => {
    const scores = hl7Scores();
    expect(scores.map(({ fields }) => fields)).toEqual([557, 557, 557]);
    for (const score of scores) {
      expect(recall(score)).toBeGreaterThanOrEqual(0.95);
      expect(precision(score)).toBeGreaterThanOrEqual(0.95);
    }
  });

  withData('flag under 2 % of a platform that has few identifiers, warnings too (shared data)', () => {
    const { schemas, leaves, inVain, hints } = radarScore();
    expect([schemas, leaves > 890]).toEqual([123, true]);
    expect((inVain.length + hints.length) / leaves).toBeLessThan(0.02);
  });

  test('refuse at least 0.95 of each other standard, and 0.9 of names in nobody’s standard, hardly any in vain', () => {
    for (const score of standardScores()) {
      expect([score.name, recall(score) >= 0.95, precision(score) >= 0.95]).toEqual([score.name, true, true]);
    }
    expect(recall(freshScore())).toBeGreaterThanOrEqual(0.9);
    expect(precision(freshScore())).toBeGreaterThanOrEqual(0.98);
  });
});

describe('what the page shows', () => {
  test('a reviewed field passes, and without its tag it does not', async () => {
    const field = JSON.parse(block('json')) as Record<string, unknown>;
    const record = (...fields: object[]): object => ({ type: 'record', name: 'Reading', fields });
    expect(await codes(record(field))).toEqual([]);
    const { 'confluent:tags': _tags, ...untagged } = field;
    expect(await codes(record(untagged))).toEqual(['ERR_POLICY_LOOKS_LIKE_PHI']);
  });

  test('the policy is one, for the parser and for the schema that its first line names', () => {
    const text = block('yaml policy');
    expect(parsePolicy(text, 'p.yaml').audience).toBe('research');
    expect(text).toMatch(/^# yaml-language-server: \$schema=..\/docs\/schemas\/policy.schema.json\n/);
    const schema = JSON.parse(readFileSync(`${ROOT}docs/schemas/policy.schema.json`, 'utf8')) as object;
    expect(new Ajv2020({ strict: false }).validate(schema, parse(text))).toBe(true);
  });

  test('hook and workflow call the verb with options that it has', async () => {
    const hook = parse(block('yaml pre-commit')) as {
      repos: { hooks: { entry: string; files: string }[] }[];
    };
    const { entry, files } = hook.repos[0]!.hooks[0]!;
    expect(entry).toBe('npx gauze check --offline');
    expect(new RegExp(files).test('schemas/patient.avsc')).toBe(true);
    const workflow = parse(block('yaml workflow')) as { jobs: { gauze: { steps: { run?: string }[] } } };
    const run = workflow.jobs.gauze.steps
      .flatMap((step) => step.run ?? [])
      .find((line) => line.includes('gauze'));
    const shown = [entry, run ?? '', block('sh')].join(' ').match(/--[a-z-]+/g) ?? [];
    const verb = readFileSync(`${ROOT}cli/program.ts`, 'utf8');
    expect(new Set(shown)).toEqual(new Set(['--offline', '--sarif', '--json']));
    for (const option of shown.filter((each) => each !== '--json')) expect(verb).toContain(`'${option}`);
  });
});
