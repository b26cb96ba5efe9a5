/**
 * The pages of docs/reference/ that are made from tables in the code, as text. A test compares them with
 * the files, so a table cannot change without its page. Writes nothing itself.
 */
import { z } from 'zod';
import { settingRows } from '../platform/config-rows.ts';
import { ERRORS, errorRow } from '../platform/errors.ts';
import type { ErrorCode, ErrorKind } from '../platform/errors.ts';
import { METHODS } from '../processors/method-table.ts';
import { LABELS, METRICS } from '../platform/metric-table.ts';
import type { MetricRow } from '../platform/metric-table.ts';
import type { MaskingMethod } from '../processors/method.ts';
import { TAGS } from '../schemas/tags.ts';
import { renderCli } from './cli-page.ts';
import { page, table } from './markdown.ts';
import { regimesOfMethod, renderRegimes } from './regimes-page.ts';

/** A generated page: its file below docs/reference/, and its text. */
export interface ReferencePage {
  readonly file: string;
  readonly render: () => string;
}

export const REFERENCE_PAGES: readonly ReferencePage[] = [
  { file: 'errors.md', render: renderErrors },
  { file: 'config.md', render: renderConfig },
  { file: 'methods.md', render: renderMethods },
  { file: 'regimes.md', render: renderRegimes },
  { file: 'tags.md', render: renderTags },
  { file: 'metrics.md', render: renderMetrics },
  { file: 'cli.md', render: renderCli },
];

const KIND_DOCS: Readonly<Record<ErrorKind, string>> = {
  usage: 'A person must change a file or a command. Raised before anything runs.',
  withhold: 'A fault of one record: it is not published, and the lane goes on.',
  hold: 'A fault of a schema, policy, topic or right: the lane stops at that offset; nothing is lost.',
  outage: 'Something outside does not answer. Waited out with retries.',
  stop: 'The state of this instance is in doubt: it gives up what it holds and starts over, or ends.',
};

const HOLD_END_DOCS = {
  policy: 'a policy that covers the case',
  recheck: 'the missing thing being there again',
  resume: '`gauze resume`',
} as const;

/** All errors by kind, with what to do. */
export function renderErrors(): string {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const sections = (Object.keys(KIND_DOCS) as ErrorKind[]).map((kind) => {
    const ofKind = codes.filter((code) => errorRow(code).kind === kind);
    const heads = ['code', 'message', 'what to do', ...(kind === 'hold' ? ['what ends it'] : [])];
    const rows = ofKind.map((code) => {
      const { message, action, ends } = errorRow(code);
      return [`\`${code}\``, message, action, ...(ends ? [HOLD_END_DOCS[ends]] : [])];
    });
    return `## ${kind}\n\n${KIND_DOCS[kind]}\n\n${table(heads, rows)}`;
  });
  const intro =
    'Every error of gauze. Words in braces are filled in; no message ever holds a value of a record. A name that is a slip away from one of a closed list (settings, tags, methods, audiences, topics) is asked about: `Did you mean ...?`';
  return page('Errors', intro, sections);
}

/** All settings of gauze.yaml. */
export function renderConfig(): string {
  const rows = settingRows().map(({ name, type, default: preset, unit, doc }) => [
    `\`${name}\``,
    type,
    preset === null ? '**needed**' : preset === '' ? '' : `\`${preset}\``,
    unit,
    doc,
  ]);
  const intro = [
    'Settings of `gauze.yaml` (`--config`). A value may be `${NAME}`, taken from the environment; passwords are',
    'only ever named as files. Paths are relative to the file. Unknown settings, missing variables and',
    'contradictions are errors, told all at once with their lines; nothing is corrected silently.',
    '"needed" inside a group counts where the group is there.',
  ].join('\n');
  return page('Config file', intro, [table(['setting', 'type', 'default', 'unit', 'meaning'], rows)]);
}

/** All masking methods with what they do to every type. */
export function renderMethods(): string {
  const sections = Object.values(METHODS).map((method) => renderMethod(method));
  const intro = [
    'What a policy can do with a tagged value. "derived schema" is the type that readers find in the registry.',
    'Where several tags meet on a leaf, the method of the smaller strictness number wins (0 is strictest).',
  ].join('\n');
  return page('Methods', intro, sections);
}

function renderMethod(method: Omit<MaskingMethod, 'maskValue' | 'compile'>): string {
  const facts = [
    `one-to-one: ${method.oneToOne ? 'yes' : 'no'}`,
    `keeps joins: ${method.keepsJoins ? 'yes' : 'no'}`,
    `reversible: ${method.reversible}`,
    `strictness: ${method.strictness}`,
  ];
  const types = method.rows.map(({ type, comesOut, derivedSchema }) => [type, comesOut, derivedSchema]);
  return [
    `## ${method.name}`,
    method.promise,
    `${facts.join('; ')}.`,
    ...renderParameters(method.parameters),
    table(['Avro type', 'what comes out', 'derived schema'], types),
    regimesOfMethod(method.name),
  ].join('\n\n');
}

/** What of a JSON schema says how a parameter is written. */
interface ParameterSchema {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly ParameterSchema[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

function renderParameters(parameters: z.ZodType): readonly string[] {
  const { properties = {}, required = [] } = z.toJSONSchema(parameters, { io: 'input' });
  const rows = Object.entries(properties as Readonly<Record<string, ParameterSchema>>).map(
    ([name, schema]) => [
      `\`${name}\``,
      parameterValues(schema),
      required.includes(name) ? '**needed**' : defaultOf(schema),
    ],
  );
  return rows.length === 0 ? [] : [table(['parameter', 'values', 'default'], rows)];
}

function defaultOf(schema: ParameterSchema): string {
  return schema.default === undefined ? 'none' : `\`${JSON.stringify(schema.default)}\``;
}

function parameterValues({
  type = '',
  enum: choices,
  minimum,
  maximum,
  pattern,
  anyOf,
}: ParameterSchema): string {
  if (anyOf) return anyOf.map(parameterValues).join(' or ');
  if (typeof type !== 'string') return type.join(' or ');
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ');
  if (pattern !== undefined) return `text of the form \`${pattern}\``;
  if (minimum !== undefined && maximum !== undefined) return `${type} from ${minimum} to ${maximum}`;
  return type;
}

/** All metrics. */
export function renderMetrics(): string {
  const rows = Object.entries<MetricRow>(METRICS).map(([name, { kind, labels, roles, help }]) => [
    `\`${name}\``,
    kind,
    labels.map((label) => `\`${label}\``).join(', '),
    roles.join(', '),
    help,
  ]);
  const labels = Object.entries(LABELS).map(([name, values]) => [`\`${name}\``, values]);
  const intro = [
    'What every process of `gauze run` counts, at `/metrics` of the port of `metrics.port`, in the text format of',
    'Prometheus; the approval service serves it at the port of its API as well. Metrics of the process itself',
    '(`process_*`, `nodejs_*`) stand beside them. No label ever holds a value of a record.',
  ].join('\n');
  return page('Metrics', intro, [
    table(['metric', 'kind', 'labels', 'roles', 'what it says'], rows),
    `## labels\n\n${table(['label', 'what it can say'], labels)}`,
  ]);
}

/** All tags. */
export function renderTags(): string {
  const rows = Object.entries(TAGS).map(([tag, { letter, doc }]) => [`\`${tag}\``, letter ?? '', doc]);
  const intro = [
    'Words for `"confluent:tags"` on a field, a type or a record. A tag reaches every leaf below, map keys too.',
    '"letter" is the item of the list in 45 CFR 164.514(b)(2)(i). Words of your own are mapped to these under',
    '`tags:` in the config file.',
  ].join('\n');
  return page('Tags', intro, [table(['tag', 'letter', 'what it marks'], rows)]);
}
