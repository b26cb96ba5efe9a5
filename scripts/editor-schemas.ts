/**
 * JSON Schemas (draft 2020-12) of the files that people write, for editors: made from the tables that the parsers
 * themselves use. They know the shape of a file; what depends on other files (a topic, a role, a key) or on the law is
 * for `gauze check` to say.
 */
import { z } from 'zod';
import { ruleSchema } from '../approvals/access-rules-file.ts';
import { PURPOSES } from '../approvals/purposes.ts';
import { settingTexts } from '../platform/config-setting-kinds.ts';
import { configSchema } from '../platform/config-settings.ts';
import { TAGS } from '../schemas/tags.ts';
import { choices } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import { policySchema } from './policy-editor-schema.ts';

/** A generated schema: its file below docs/schemas/, and its text. */
export interface EditorSchema {
  readonly file: string;
  readonly render: () => string;
}

export const EDITOR_SCHEMAS: readonly EditorSchema[] = [
  {
    file: 'config.schema.json',
    render: () => text('Config file of gauze (gauze.yaml)', configEditorSchema()),
  },
  {
    file: 'access.schema.json',
    render: () => text('Access rules of gauze (access.yaml)', accessEditorSchema()),
  },
  {
    file: 'policy.schema.json',
    render: () => text('Policy of gauze (policies/<audience>.yaml)', policySchema()),
  },
];

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

function text(title: string, schema: JsonSchema): string {
  const { $schema: _draft, ...rest } = schema;
  return `${JSON.stringify({ $schema: DRAFT, title, ...rest }, null, 2)}\n`;
}

function configEditorSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (!(zodSchema instanceof z.ZodType)) return;
      const found = settingTexts.get(zodSchema);
      if (found) jsonSchema.description = found.unit ? `${found.doc} In ${found.unit}.` : found.doc;
    },
  });
  return withVariables(schema) as JsonSchema;
}

/** Any value that is checked may also be taken from the environment, as `${NAME}`. */
const VARIABLE: JsonSchema = { type: 'string', pattern: String.raw`\$\{[A-Za-z_][A-Za-z0-9_]*\}` };
/** What makes a schema one of a single value that a variable's text would not meet. */
const VALUE_KEYWORDS = ['pattern', 'enum', 'format'];

function withVariables(node: unknown): unknown {
  if (Array.isArray(node)) return node.map((each) => withVariables(each));
  if (!isSchema(node)) return node;
  const schema = Object.fromEntries(
    Object.entries(node).map(([keyword, value]) => [
      keyword,
      keyword === 'enum' || keyword === 'default' ? value : withVariables(value),
    ]),
  );
  const isNumber = schema['type'] === 'integer' || schema['type'] === 'boolean';
  const isChecked = schema['type'] === 'string' && VALUE_KEYWORDS.some((keyword) => keyword in schema);
  if (!isNumber && !isChecked) return schema;
  const { description, default: preset, ...value } = schema;
  return {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
    anyOf: [value, VARIABLE],
  };
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the settings of a rule mean; a test sees that none is without. */
const RULE_DOCS: Readonly<Record<string, string>> = {
  name: 'Name of the rule, as requests and events tell it.',
  topics: 'Raw topics that may be asked for.',
  fields: 'Paths or tags that may be asked for; others never. Absent where replay is true.',
  requesters: 'Roles (config `roles`) that may ask.',
  stages: 'Who decides, in order; counts are distinct people over all stages.',
  purposes: 'Codes of HL7 PurposeOfUse that may be given.',
  pendingFor: 'How long a request waits for decisions: 90m, 8h, 2d.',
  activateWithin: 'How long an approved request may wait to be taken up.',
  maxDuration: 'Longest time that a grant may last.',
  maxRecords: 'Most records that a grant may deliver.',
  maxPersons: 'Most persons that a grant may be about.',
  window: 'Days and times of day in which a grant may be used.',
  autoApprove: 'Nobody has to decide; only for fields that are tagged PHI_NONE.',
  replay: 'For replays of what the requester may read anyway: nothing is revealed.',
  breakGlass: 'Who may help themselves in an emergency, for how long, and by when that is reviewed.',
};

function accessEditorSchema(): JsonSchema {
  const rule = z.toJSONSchema(ruleSchema({ roles: {}, siteTags: new Map() }), { io: 'input' }) as JsonSchema;
  const { $schema: _draft, ...body } = rule;
  const properties = body['properties'] as Record<string, JsonSchema>;
  for (const [name, doc] of Object.entries(RULE_DOCS))
    if (properties[name]) properties[name]['description'] = doc;
  properties['purposes']!['items'] = choices(PURPOSES, ({ display }) => display);
  properties['fields']!['items'] = {
    type: 'string',
    minLength: 1,
    description: 'A tag, a word that the config maps to one, or a path.',
    examples: Object.keys(TAGS),
  };
  return {
    type: 'object',
    properties: { rules: { type: 'array', minItems: 1, items: body, description: 'Who may ask for what.' } },
    required: ['rules'],
    additionalProperties: false,
  };
}
