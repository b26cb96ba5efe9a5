/**
 * `gauze explain --diff`: what the present policy files open and close against an older file, or against what is in
 * force. What counts as opened is judged by policy/openings.ts, as for approvals; fields are compared one by one.
 */
import { readFile } from 'node:fs/promises';
import { GauzeError } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { sameInstruction } from '../policy/instruction.ts';
import { findOpenings } from '../policy/openings.ts';
import type { PolicyVersion } from '../policy/openings.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { Policy } from '../policy/policy.ts';
import { isAsStrict } from '../policy/strictness.ts';
import type { Instruction } from '../processors/plan.ts';
import { unionTags } from '../schemas/tags.ts';
import type { ExplainOptions, ExplainSource, PolicyToExplain, TopicToExplain } from './explain-source.ts';
import { stateOf, usage } from './explain-source.ts';
import { explain } from './explanation.ts';
import type { Treatment } from './explanation.ts';
import { Site } from './site.ts';
import { print, styled, terminalWidth } from './terminal.ts';
import { columnWidths, wrap, wrappedTable } from './wrapped-table.ts';

/** What became of one field. `opens`: it may tell more than before; `closes`: it tells less. */
export interface FieldChange {
  readonly topic: string;
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly change: 'opens' | 'closes';
}

export interface PolicyDifference {
  readonly audience: string;
  /** A file, `version 3, in force`, or null for an audience that is new. */
  readonly against: string | null;
  readonly opens: readonly string[];
  /** What is not of a field; those are in `fields`. */
  readonly closes: readonly string[];
  readonly fields: readonly FieldChange[];
}

interface OldPolicy {
  readonly against: string | null;
  readonly version: PolicyVersion | null;
}

interface DifferenceOptions extends ExplainOptions {
  readonly diff: string | true;
}

/**
 * Prints the difference of each policy concerned.
 * @returns what stands in the way of plans, of the present policies
 * @throws GauzeErrors of the older policy, and Kafka's where that is in force
 */
export async function explainDifference(
  source: ExplainSource,
  audience: string | undefined,
  options: DifferenceOptions,
): Promise<readonly GauzeError[]> {
  const { present, oldOf } = await pairs(source, audience, options);
  const problems: GauzeError[] = [];
  const differences: object[] = [];
  for (const [at, policy] of present.entries()) {
    const difference = differenceOf(source, oldOf(policy), policy, problems);
    differences.push(difference);
    if (options.json) continue;
    if (at > 0) print();
    for (const line of differenceLines(difference, terminalWidth())) print(line);
  }
  if (options.json) print(JSON.stringify({ differences }));
  return problems;
}

async function pairs(
  source: ExplainSource,
  audience: string | undefined,
  { diff, config }: DifferenceOptions,
): Promise<{ present: readonly PolicyToExplain[]; oldOf: (policy: PolicyToExplain) => OldPolicy }> {
  const named = source.policies.filter(({ policy }) => (audience ?? policy.audience) === policy.audience);
  const names = source.policies.map(({ policy }) => policy.audience);
  if (named.length === 0 && source.problems.length === 0)
    throw usage('audience', `one of ${names.join(', ')}`, nearestOf(audience ?? '', names));
  if (diff === true) {
    const { versions } = await stateOf(await Site.load(config));
    const oldOf = ({ policy }: PolicyToExplain): OldPolicy => {
      const version = versions.base(policy.audience);
      const applied = versions.inForce.get(policy.audience);
      return { version, against: version ? `version ${applied?.version ?? '?'}, in force` : null };
    };
    return { present: named, oldOf };
  }
  const text = await readFile(diff, 'utf8').catch(() => {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file: diff });
  });
  const old = parsePolicy(text, diff);
  const present = named.filter(({ policy }) => policy.audience === old.audience);
  if (present.length === 0 && source.problems.length === 0)
    throw usage('--diff', `an older policy of ${audience ?? 'an audience that has a file'}`);
  const oldOf = ({ asOfDay }: PolicyToExplain): OldPolicy => ({
    version: { policy: old, asOfDay },
    against: diff,
  });
  return { present, oldOf };
}

function differenceOf(
  { topics }: ExplainSource,
  { against, version: before }: OldPolicy,
  after: PolicyToExplain,
  problems: GauzeError[],
): PolicyDifference {
  const { policy } = after;
  const known = new Map(topics.map((topic) => [topic.topic, placesOf(topic)]));
  const left = new Set([...policy.topics.keys()].filter((topic) => !known.has(topic)));
  const opens = findOpenings(before, after, known)
    .map((sentence) => sentence.slice(policy.audience.length + 2))
    .filter((sentence) => ![...left].some((topic) => sentence.startsWith(`${topic}: `)));
  return {
    audience: policy.audience,
    against,
    opens,
    closes: before ? settingsClosed(before.policy, policy, new Set(known.keys())) : [],
    fields: topics.flatMap((topic) => fieldChanges(topic, before, after, problems)),
  };
}

/** All places of the topic's newest schema, and those that earlier versions had. */
function placesOf({ tags, leaves }: TopicToExplain): ReturnType<typeof unionTags> {
  return unionTags([tags, new Map(leaves.map((leaf) => [leaf.path, leaf.tags]))]);
}

function settingsClosed(before: Policy, after: Policy, topics: ReadonlySet<string>): readonly string[] {
  const readers = new Set(after.readers.map(({ principal }) => principal));
  const gone = before.readers.filter(({ principal }) => !readers.has(principal));
  const ofTopics = [...before.topics].flatMap(([topic, { headers }]) => {
    const rules = after.topics.get(topic);
    if (!rules) return [`${topic}: no longer a topic of this audience`];
    if (!topics.has(topic)) return [];
    return [...headers.keys()]
      .filter((header) => !rules.headers.has(header))
      .map((header) => `${topic}: the header ${header} is no longer kept`);
  });
  return [
    ...gone.map(({ principal }) => `${principal} is no longer a reader`),
    ...(before.timestamp !== 'append' && after.timestamp === 'append'
      ? ['the times of records no longer leave']
      : []),
    ...(before.timestamp === 'keep' && after.timestamp === 'shift'
      ? ['the times of records are shifted']
      : []),
    ...ofTopics,
  ];
}

function fieldChanges(
  topic: TopicToExplain,
  before: PolicyVersion | null,
  after: PolicyToExplain,
  problems: GauzeError[],
): readonly FieldChange[] {
  const covering = (each: PolicyToExplain | null): PolicyToExplain[] =>
    each?.policy.topics.has(topic.topic) ? [each] : [];
  const [is] = explain(topic, covering(after)).audiences;
  const [was] = explain(topic, covering(before && { ...before, version: after.version })).audiences;
  problems.push(...(is?.problems ?? []));
  const paths = [...topic.leaves.map(({ path }) => path), null];
  return paths.flatMap((path) => {
    const at = (view: typeof is): Treatment | undefined =>
      path === null ? view?.key : view?.fields.get(path);
    const change = changeOf(at(was)?.instruction ?? null, at(is)?.instruction ?? null);
    if (change === null) return [];
    const words = (view: typeof is): string => at(view)?.method ?? 'not covered';
    return { topic: topic.topic, path: path ?? '(record key)', before: words(was), after: words(is), change };
  });
}

/** What holds or is not covered tells nothing, as if it were dropped; what cannot be ordered counts as opened. */
function changeOf(before: Instruction | null, after: Instruction | null): FieldChange['change'] | null {
  const [was, is] = [before ?? DROP, after ?? DROP];
  if (sameInstruction(was, is)) return null;
  return isAsStrict(is, was) ? 'closes' : 'opens';
}

const DROP: Instruction = { method: 'drop' };

function differenceLines(
  { audience, against, opens, closes, fields }: PolicyDifference,
  width: number,
): string[] {
  const head = styled('bold', `${audience}, against ${against ?? 'nothing: the audience is new'}`);
  if (opens.length + closes.length + fields.length === 0)
    return [head, 'No field, key, header or reader changes.'];
  const listed = (sentences: readonly string[], title: string, style: 'yellow' | 'green'): string[] =>
    sentences.length === 0
      ? []
      : [
          styled(style, title),
          ...sentences.flatMap((each) => wrap(each, width - 2).map((line) => `  ${line}`)),
        ];
  return [
    head,
    ...listed(opens, 'opens', 'yellow'),
    ...listed(closes, 'closes', 'green'),
    ...(fields.length === 0 ? [] : ['', ...fieldLines(fields, width)]),
  ];
}

function fieldLines(fields: readonly FieldChange[], width: number): readonly string[] {
  const first = Math.max(...fields.map(({ topic, path }) => Math.max(topic.length, path.length)));
  const widths = columnWidths(width, first, 3);
  if (widths === null)
    return fields.flatMap(({ topic, path, before, after, change }) =>
      wrap(`${change}: ${topic} ${path}: ${after} instead of ${before}`, width),
    );
  const rows = fields.map(({ topic, path, before, after, change }) => [
    [{ text: path }, { text: topic, style: 'dim' } as const],
    [{ text: before }],
    [{ text: after }],
    [{ text: change, style: change === 'opens' ? 'yellow' : 'green' } as const],
  ]);
  const head = ['field', 'before', 'after', ''].map((text) => ({ text, style: 'bold' }) as const);
  return wrappedTable(head, rows, widths);
}
