/**
 * Every fenced block of every page is held against what it shows. A block that no rule here knows fails: a page may not
 * show what nothing checks.
 */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { describe, expect, test } from '@jest/globals';
import { parseAccessRules } from '../../approvals/access-rules-file.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { mapSiteTags } from '../../schemas/site-tags.ts';
import { commandsOf, faultOf, gauzeFault } from './command-lines.ts';
import { ROOT, blocksOf, pages } from './markdown-blocks.ts';
import type { Block } from './markdown-blocks.ts';

const BLOCKS = pages().flatMap((page) => blocksOf(page));

/** Blocks that another test runs or reads, by page and language, each with where. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'docs/lint.md yaml pre-commit': 'test/docs/lint.test.ts',
  'docs/lint.md yaml workflow': 'test/docs/lint.test.ts',
  'docs/lint.md json': 'test/docs/lint.test.ts',
  'docs/lint.md ': 'test/docs/lint.test.ts',
  'docs/your-own-topic.md ts': 'test/integration/package.test.ts',
};

/** Pictures: each must name these, so that it cannot speak of what there is no more. */
const PICTURES: Readonly<Record<string, readonly string[]>> = {
  'README.md': [
    'clinical.patients.for-research',
    'gauze.audit.events',
    'gauze.withheld',
    'gauze.access',
    'gauze.grant.<id>',
  ],
  'docs/how-it-works.md': [
    'clinical.patients.for-research',
    'gauze.audit.events',
    'gauze.audit.subjects',
    'gauze.withheld',
    'gauze.grant.<id>',
    'gauze audit verify',
  ],
};

const place = ({ page, line }: Block): string => `${page}:${line}`;
const keyOf = ({ page, language, info }: Block): string => `${page} ${[language, info].join(' ').trim()}`;

/** A policy by itself, or with what a part of one leaves out. */
function policyFault(text: string): string | null {
  const given = parse(text) as Record<string, unknown>;
  const methods = { PHI_ID: 'drop', PHI_NAME: 'drop', ...Object(given['methods']) } as object;
  const whole = {
    audience: 'research',
    regime: 'limited-data-set',
    description: 'Outcomes research under DUA 2026-014',
    owner: 'privacy-office@example.org',
    readers: ['User:research-app'],
    topics: {
      'clinical.patients': { key: { tag: 'PHI_ID' } },
      'clinical.encounters': { key: { tag: 'PHI_ID' } },
    },
    ...given,
    methods,
  };
  return faultWhile(() => parsePolicy(JSON.stringify(whole), 'page.yaml'));
}

function rulesFault(text: string): string | null {
  const { rules } = parse(text) as {
    rules: { requesters: string[]; stages: { approvers: string }[]; breakGlass?: { allowed: string[] } }[];
  };
  const named = rules.flatMap(({ requesters, stages, breakGlass }) => [
    ...requesters,
    ...stages.map(({ approvers }) => approvers),
    ...(breakGlass?.allowed ?? []),
    'privacy-officers',
  ]);
  const roles = Object.fromEntries(named.map((role) => [role, [`grp-${role}`]]));
  return faultWhile(() =>
    parseAccessRules(text, 'page.yaml', { roles, siteTags: mapSiteTags({}, 'page.yaml') }),
  );
}

function configFault(text: string): string | null {
  const schema = JSON.parse(readFileSync(`${ROOT}docs/schemas/config.schema.json`, 'utf8')) as {
    properties: object;
    required?: unknown;
  };
  // A page shows a part of a config: each setting is held against the schema, none is missed.
  const { required: _, ...part } = schema;
  const validate = new Ajv2020({ strict: false }).compile(part);
  return validate(parse(text)) ? null : JSON.stringify(validate.errors);
}

function faultWhile(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function yamlFault(text: string): string | null {
  const first = Object.keys(parse(text) as object)[0] ?? '';
  if (first === 'rules') return rulesFault(text);
  const ofConfig = [
    'kafka',
    'registry',
    'redis',
    'oidc',
    'http',
    'audit',
    'metrics',
    'limits',
    'roles',
    'owners',
    'tags',
    'notify',
  ];
  return ofConfig.includes(first) ? configFault(text) : policyFault(text);
}

function csvFault(text: string): string | null {
  const widths = new Set(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(',').length),
  );
  return widths.size === 1 ? null : 'rows of different lengths';
}

/** What is wrong with a block; null where nothing is. Undefined: nothing here knows such blocks. */
function blockFault(block: Block): string | null | undefined {
  const { page, language, text } = block;
  if (keyOf(block) in ELSEWHERE) return null;
  if (language === 'sh')
    return (
      commandsOf(text)
        .map(faultOf)
        .find((fault) => fault !== null) ?? null
    );
  if (language === 'yaml') return yamlFault(text);
  if (language === 'json') return faultWhile(() => parseAvroSchema(text));
  if (language === 'csv') return csvFault(text);
  if (page === 'docs/reference/cli.md') return helpFault(text);
  const names = PICTURES[page];
  return language === '' && names ? (names.find((name) => !text.includes(name)) ?? null) : undefined;
}

/** Commands among the remarks below the options of a verb. */
function helpFault(text: string): string | null {
  const lines = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^ {2}gauze /.test(line));
  // Behind two blanks: what the command does.
  const commands = lines.map((line) =>
    line
      .trim()
      .split(/ {2,}(?=[a-z0-9])/)[0]!
      .replace(/ (?:what each audience would get|the site of|one schema|the report|counts only).*/, ''),
  );
  return (
    commandsOf(commands.join('\n'))
      .map(faultOf)
      .find((fault) => fault !== null) ?? null
  );
}

describe('every block', () => {
  test('of every page is there to be checked', () => {
    expect(pages().length).toBeGreaterThan(30);
    expect(BLOCKS.length).toBeGreaterThan(60);
  });

  test('is of a kind that something checks', () => {
    expect(BLOCKS.filter((block) => blockFault(block) === undefined).map(place)).toEqual([]);
  });

  test('is as it says', () => {
    const faults = BLOCKS.flatMap((block) => {
      const fault = blockFault(block);
      return fault ? [`${place(block)}: ${fault}`] : [];
    });
    expect(faults).toEqual([]);
  });

  test('that another test reads is still there, and so is the test', () => {
    const there = new Set(BLOCKS.map(keyOf));
    expect(Object.keys(ELSEWHERE).filter((key) => !there.has(key.trim()) && !there.has(key))).toEqual([]);
    for (const [key, file] of Object.entries(ELSEWHERE))
      expect(readFileSync(`${ROOT}${file}`, 'utf8')).toContain(key.split(' ')[0]);
  });
});

describe('a command', () => {
  test.each([
    ['gauze statsu', 'no such verb'],
    ['gauze status --verbos', 'no such option'],
    ['gauze status -c', 'without a value'],
    ['gauze resume research clinical.claims --reason "x"', 'needs 3 arguments'],
    ['gauze resume research clinical.claims 0', 'needs --reason'],
    ['gauze plan now', 'takes fewer'],
    ['npm run dmeo', 'no such script'],
    ['npm run gauze -- statsu', 'no such verb'],
    ['node my-topic/prepare.js', 'no such file'],
    ['kafka-topics --list', 'no such program'],
    ['npx kafka', 'npx'],
  ])('that nobody can type is found: %s', (line, fault) => {
    expect(commandsOf(line).map(faultOf)).toEqual([expect.stringContaining(fault)]);
  });

  test.each([
    'gauze audit hold list # what is held',
    'gauze keys decrypt research --method encrypt < texts.txt',
    'gauze witness --folder witness --port 8099',
    'gauze approve <id> --records 20 --reason "twenty will do"',
    'npm ci && npm run demo -- --keep',
  ])('that can be typed is none: %s', (line) => {
    expect(
      commandsOf(line)
        .map(faultOf)
        .filter((fault) => fault !== null),
    ).toEqual([]);
  });

  test('of a family alone is no verb', () => {
    expect(gauzeFault(['audit'])).toContain('no such verb');
    expect(gauzeFault(['--version'])).toBeNull();
  });
});
