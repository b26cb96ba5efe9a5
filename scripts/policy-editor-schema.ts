/**
 * The JSON Schema of a policy: settings from the policy's parser, methods and their parameters from the method table,
 * so that a new method is in it by itself.
 */
import { z } from 'zod';
import { AUDIENCE, POLICY_SETTINGS, PRINCIPAL, RESERVED_AUDIENCES } from '../policy/policy-file.ts';
import { TOPIC_SETTINGS } from '../policy/topics-file.ts';
import { REGIMES } from '../policy/regimes.ts';
import { NORMALIZERS } from '../processors/identifier-form.ts';
import { METHODS } from '../processors/method-table.ts';
import { TAGS } from '../schemas/tags.ts';
import { choices } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';

/** Text with something in it. */
const TEXT: JsonSchema = { type: 'string', pattern: String.raw`\S` };
const TEXTS: JsonSchema = { anyOf: [TEXT, { type: 'array', items: TEXT }] };
const REASON: JsonSchema = { ...TEXT, description: 'Why; people read it when the policy changes.' };
const VALUE: JsonSchema = { type: ['string', 'number', 'boolean', 'null'] };
const TAG: JsonSchema = choices(TAGS, ({ doc }) => doc);

/** All of a policy that can be said without knowing schemas, topics and keys. */
export function policySchema(): JsonSchema {
  const properties = settingsOf(POLICY_SETTINGS, {
    audience: {
      type: 'string',
      pattern: AUDIENCE.source,
      not: { enum: [...RESERVED_AUDIENCES] },
      description: 'Name of the audience: small letters, digits and hyphens.',
    },
    regime: {
      ...choices(REGIMES, ({ doc, paragraph }) => `${doc} ${paragraph}.`),
      description: 'The legal regime that the policy claims; methods are held against it.',
    },
    description: { type: 'string', description: 'What the audience is for; some regimes rest on it.' },
    owner: { ...TEXT, description: 'Who answers for this policy.' },
    readers: { type: 'array', items: reader(), description: 'Kafka principals that get READ.' },
    topics: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^[A-Za-z0-9._-]+$' },
      additionalProperties: topic(),
      description: 'The raw topics that this audience gets.',
    },
    keys: {
      description: 'Which keys are used: see key epochs.',
      ...closed({
        epoch: { type: 'integer', minimum: 1, description: "Which epoch of the audience's keys is used." },
        live: {
          type: 'array',
          maxItems: 16,
          items: { type: 'integer', minimum: 1 },
          description: 'Older epochs under which records still stand in compacted topics.',
        },
      }),
    },
    persons: persons(),
    timestamp: {
      enum: ['append', 'keep', 'shift'],
      default: 'append',
      description:
        'append: no event time leaves, the broker stamps. keep: the time of the raw record. shift: that time, moved with the dates of the person.',
    },
    untagged: {
      enum: ['hold', 'drop'],
      default: 'hold',
      description: 'A leaf without an instruction holds the lane, or is not in the derived schema.',
    },
    methods: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(TAGS).map(([tag, { doc }]) => [tag, { description: doc, ...INSTRUCTION }]),
      ),
      additionalProperties: false,
      description: 'What is done to the values of each tag.',
    },
    fields: perTopic(
      { type: 'object', additionalProperties: { $ref: '#/$defs/exception' } },
      'Exceptions by topic and path from the root of the value, each with a reason.',
    ),
    sensitive: perTopic(
      { type: 'array', items: sensitiveRule() },
      'By topic: records that are sensitive by a code that they hold.',
    ),
    examples: { type: 'array', items: example(), description: 'Run by `gauze check` and `gauze apply`.' },
  });
  return {
    type: 'object',
    properties,
    required: ['audience', 'regime', 'owner', 'readers', 'topics', 'methods'],
    additionalProperties: false,
    allOf: Object.entries(REGIMES).flatMap(([regime, row]) => regimeRules(regime, row)),
    $defs: { instruction: instruction(false), exception: instruction(true) },
  };
}

const INSTRUCTION: JsonSchema = { $ref: '#/$defs/instruction' };

/** A method by its name where it needs no parameter; else with its parameters. In an exception with a reason. */
function instruction(isException: boolean): JsonSchema {
  const methods = Object.values(METHODS);
  const short = methods.filter(({ parameters }) => parameters.safeParse({}).success);
  const names = Object.fromEntries(short.map((method) => [method.name, method]));
  return {
    anyOf: [
      ...(isException ? [] : [choices(names, ({ promise }) => promise)]),
      ...methods.map(({ name, promise, parameters }) => {
        const { properties = {}, required = [] } = z.toJSONSchema(parameters, { io: 'input' });
        return {
          type: 'object',
          description: promise,
          properties: { method: { const: name }, ...properties, ...(isException ? { reason: REASON } : {}) },
          required: ['method', ...required, ...(isException ? ['reason'] : [])],
          additionalProperties: false,
        };
      }),
    ],
  };
}

/** What the regime asks of the rest of the file. */
function regimeRules(regime: string, row: (typeof REGIMES)[keyof typeof REGIMES]): JsonSchema[] {
  const timestamps: readonly string[] = row.timestamps;
  const rules: JsonSchema = {
    properties: {
      timestamp: { enum: timestamps },
      ...(row.description === null ? {} : { description: { ...TEXT, description: row.description } }),
    },
    ...(row.description === null ? {} : { required: ['description'] }),
  };
  const condition = { properties: { regime: { const: regime } }, required: ['regime'] };
  return [{ anyOf: [{ not: condition }, rules] }];
}

function reader(): JsonSchema {
  const principal = { type: 'string', pattern: PRINCIPAL.source };
  return { anyOf: [principal, { ...closed({ principal, reason: REASON }), required: ['principal'] }] };
}

function topic(): JsonSchema {
  const header: JsonSchema = {
    ...closed({ keep: { const: true }, reason: REASON }),
    required: ['keep', 'reason'],
  };
  const settings = settingsOf(TOPIC_SETTINGS, {
    key: {
      ...closed({ tag: TAG }),
      required: ['tag'],
      description: 'What the record key is.',
    },
    headers: {
      type: 'object',
      additionalProperties: header,
      description: 'Headers that pass; all others are dropped.',
    },
    version: { type: 'integer', minimum: 1, maximum: 999, description: 'Version of the sanitized topic.' },
    from: { enum: ['earliest', 'committed'], description: 'Where a new version of the topic begins.' },
    compact: { type: 'boolean', description: 'Whether the sanitized topic is compacted.' },
  });
  return { anyOf: [{ type: 'null' }, closed(settings)] };
}

function persons(): JsonSchema {
  const domain = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,62}$' };
  const settings = closed({
    normalize: { type: 'array', uniqueItems: true, items: { enum: [...NORMALIZERS] } },
    aliases: {
      type: 'string',
      pattern: '^[0-9a-f]{64}$',
      description: 'SHA-256 of the file of merged persons.',
    },
    domains: { type: 'array', items: domain },
  });
  return { description: "When two identifiers are one person's.", ...settings };
}

function sensitiveRule(): JsonSchema {
  const tags = Object.fromEntries(Object.entries(TAGS).filter(([tag]) => tag.startsWith('SENSITIVE_')));
  return {
    ...closed({
      tag: choices(tags, ({ doc }) => doc),
      where: { ...TEXTS, description: 'Paths of the fields that hold the code.' },
      codes: { ...TEXTS, description: 'Codes, in quotes.' },
      startsWith: { ...TEXTS, description: 'Beginnings of codes, in quotes.' },
      redact: { ...TEXTS, description: 'Fields to empty, where methods: says redact for the tag.' },
      ifAbsent: { enum: ['hold', 'pass'], default: 'hold' },
      reason: REASON,
    }),
    required: ['tag', 'where', 'reason'],
  };
}

function example(): JsonSchema {
  const expectation: JsonSchema = {
    anyOf: [
      VALUE,
      { ...closed({ not: VALUE }), required: ['not'] },
      { ...closed({ absent: { const: true } }), required: ['absent'] },
    ],
  };
  return {
    ...closed({
      topic: TEXT,
      given: { type: 'object', additionalProperties: VALUE },
      expect: { type: 'object', additionalProperties: expectation },
    }),
    required: ['topic', 'expect'],
  };
}

function perTopic(value: JsonSchema, description: string): JsonSchema {
  return { type: 'object', additionalProperties: value, description };
}

function closed(properties: Readonly<Record<string, unknown>>): JsonSchema {
  return { type: 'object', properties, additionalProperties: false };
}

/** The settings that the parser knows; one without a schema of its own may be anything. */
function settingsOf(known: readonly string[], schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return Object.fromEntries(known.map((name) => [name, schemas[name] ?? {}]));
}
