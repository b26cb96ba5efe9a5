/**
 * The README's commands exist, its policy parses, and its links lead somewhere.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parseAccessRules } from '../../approvals/access-rules-file.ts';
import { ERRORS } from '../../platform/errors.ts';
import { YamlFile } from '../../platform/yaml-file.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { mapSiteTags } from '../../schemas/site-tags.ts';
import { leavesOf } from '../../schemas/tags.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = ['README.md', 'CONTRIBUTING.md', ...pagesIn('docs'), ...pagesIn('docs/adr')];

function pagesIn(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`)
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);
}

function read(page: string): string {
  return readFileSync(ROOT + page, 'utf8');
}

function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (match) => match[1]!,
  );
}

function settingsOf(yaml: string): Readonly<Record<string, unknown>> {
  return YamlFile.parse('docs/policy.md', yaml).value() as Record<string, unknown>;
}

describe('the pages', () => {
  test('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = PAGES.flatMap((page) =>
      [...read(page).matchAll(/npm run (?:--silent )?([a-z][a-z:-]*)/g)].map((match) => match[1]!),
    );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });

  test('name only verbs that exist', () => {
    const help = spawnSync(process.execPath, ['cli/gauze.ts', '--help'], {
      cwd: ROOT,
      encoding: 'utf8',
    }).stdout;
    const verbs = new Set([...help.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]!));
    const named = PAGES.flatMap((page) =>
      [...read(page).matchAll(/`gauze ([a-z]+)/g)].map((match) => match[1]!),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((verb) => !verbs.has(verb))).toEqual([]);
  });

  test('link only to files that exist', () => {
    const broken = PAGES.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)]
        .map((match) => new URL(match[1]!, `file://${ROOT}${page}`))
        .filter((target) => !existsSync(target))
        .map((target) => `${page}: ${target.pathname}`),
    );
    expect(broken).toEqual([]);
  });

  test('show a policy that is one', () => {
    const [policy] = blocks('README.md', 'yaml').map((text) => parsePolicy(text, 'README.md'));
    expect(policy?.audience).toBe('research');
    expect(policy?.methods.size).toBe(6);
    const shown = ['docs/policy.md', 'docs/encryption.md'].flatMap((page) => blocks(page, 'yaml'));
    const [first, ...parts] = shown.map((text) => settingsOf(text));
    const whole = parsePolicy(JSON.stringify(first), 'docs/policy.md');
    expect(whole?.fields.get('clinical.encounters')?.has('reasonText')).toBe(true);
    expect(whole?.examples).toHaveLength(1);
    // The blocks after it are parts, to be read as if they stood in it.
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) {
      const methods = { ...Object(first?.['methods']), ...Object(part['methods']) } as object;
      const policy = parsePolicy(JSON.stringify({ ...first, ...part, methods }), 'docs/policy.md');
      expect(policy.audience).toBe('research');
    }
  });

  test('show a schema whose leaves all have a tag', () => {
    const [text = ''] = blocks('docs/tags.md', 'json');
    const leaves = leavesOf(parseAvroSchema(text));
    expect(leaves.map(({ path, tags }) => [path, ...tags])).toEqual([
      ['id', 'PHI_ID'],
      ['mrn', 'PHI_MRN'],
      ['state', 'PHI_NONE'],
    ]);
  });

  test('show access rules that are some', () => {
    const siteTags = mapSiteTags({}, 'gauze.yaml');
    const roles = {
      clinicians: ['g'],
      'data-owners': ['g'],
      'privacy-officers': ['g'],
      'emergency-physicians': ['g'],
    };
    const shown = blocks('docs/access.md', 'yaml')
      .filter((text) => /^rules:/m.test(text))
      .map((text) => parseAccessRules(text, 'docs/access.md', { roles, siteTags }));
    expect(shown.map(({ rules }) => rules.map(({ name }) => name))).toEqual([
      ['visits-raw'],
      ['encounters-raw'],
    ]);
  });

  test('show commands with options that exist', () => {
    const commands = [
      'docs/access.md',
      'docs/audit.md',
      'docs/encryption.md',
      'docs/policy.md',
      'docs/tags.md',
    ]
      .flatMap((page) => blocks(page, 'sh'))
      .join('\n')
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line.startsWith('gauze '));
    expect(commands.length).toBeGreaterThan(5);
    for (const command of commands) {
      const [, verb = '', second = ''] = command.split(' ');
      const verbs = ['audit', 'keys', 'witness'].includes(verb) ? [verb, second] : [verb];
      const { stdout } = spawnSync(process.execPath, ['cli/gauze.ts', ...verbs, '--help'], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      const options = [...command.matchAll(/ (--[a-z-]+)/g)].map((match) => match[1]!);
      expect([verb, options.filter((option) => !stdout.includes(option))]).toEqual([verb, []]);
    }
  });

  test('that errors send their readers to exist', () => {
    const named = Object.values(ERRORS).flatMap(({ action }) => [...action.matchAll(/docs\/[a-z/-]+\.md/g)]);
    expect(named.length).toBeGreaterThan(3);
    expect(named.map(([page]) => page).filter((page) => !existsSync(ROOT + page))).toEqual([]);
  });
});
