/**
 * The section about raw access on a topic of one's own: its blocks, put together as the reader does it, are a site in which
 * nothing is wrong, and the rules allow the very request that it shows.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadAccessRules } from '../../approvals/access-rules-file.ts';
import { check } from '../../cli/check-command.ts';
import { readExplainSource } from '../../cli/explain-source.ts';
import { explain } from '../../cli/explanation.ts';
import { Site } from '../../cli/site.ts';
import { ROOT, blocksOf } from './markdown-blocks.ts';

const PAGE = 'docs/access.md';
const [, SECTION = ''] = readFileSync(ROOT + PAGE, 'utf8').split('## On a topic of your own\n');
const TEXT = SECTION.split('\n## ')[0]!;
const [CONFIG = '', RULES = ''] = blocksOf(PAGE)
  .filter(({ language, text }) => language === 'yaml' && TEXT.includes(text))
  .map(({ text }) => text);

let folder: string;

/** The example with the section's lines in it. */
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-own-access-test-'));
  cpSync(path.join(ROOT, 'examples/your-own-topic'), folder, { recursive: true });
  const roles = [...TEXT.matchAll(/`((?:approvals|provisioner): \{.*?\})`/g)].map(
    ([, line]) => `    ${line}\n`,
  );
  const file = path.join(folder, 'gauze.yaml');
  const text = readFileSync(file, 'utf8').replace('  roles:\n', `  roles:\n${roles.join('')}`);
  writeFileSync(file, `${text}${CONFIG}\n`);
  writeFileSync(path.join(folder, 'access.yaml'), RULES);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('is a site in which nothing is wrong, with the log-ins of both processes', async () => {
  const config = path.join(folder, 'gauze.yaml');
  const schema = `clinic.visits=${path.join(folder, 'visit.avsc')}`;
  const report = await check([schema], { config, offline: true });
  expect(report.problems).toEqual([]);
  expect(report.checks.find(({ name }) => name === 'access')).toMatchObject({ detail: 'visits-raw' });
  const { kafka } = (await Site.load(config, 'offline')).config;
  expect([kafka.roles.approvals?.username, kafka.roles.provisioner?.username]).toEqual([
    'gauze-approvals',
    'gauze-provisioner',
  ]);
});

test('shows a request that its rules allow, of fields that its audience does not see', async () => {
  const config = path.join(folder, 'gauze.yaml');
  const { config: settings, siteTags } = await Site.load(config, 'offline');
  const [, topic = '', fields = '', audience = '', purpose = '', hours = '', records = ''] =
    / request (\S+) --fields (\S+) --audience (\S+) --purpose (\S+) --for (\d+)h --records (\d+) /.exec(
      TEXT,
    ) ?? [];
  const source = await readExplainSource(topic, {
    config,
    json: true,
    schema: [path.join(folder, 'visit.avsc')],
    inForce: false,
  });
  const explanation = explain(source.topics[0]!, source.policies);
  const [view] = explanation.audiences.filter(({ policy }) => policy.policy.audience === audience);
  const wanted = fields.split(',').map((each) => explanation.fields.find((field) => field.path === each)!);
  for (const field of wanted) expect(view?.fields.get(field.path)?.method).not.toMatch(/^keep/);
  const rules = await loadAccessRules(settings.access!, { roles: settings.roles, siteTags });
  const answer = rules.find({
    topic,
    fields: wanted,
    purpose,
    requester: { id: 'alice', roles: ['clinicians'] },
    durationMs: Number(hours) * 3_600_000,
    maxRecords: Number(records),
    maxPersons: null,
    namedPersons: null,
    emergency: false,
  });
  expect(answer.stages).toEqual([{ role: 'privacy-officers', count: 1 }]);
});
