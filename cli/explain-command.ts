/**
 * `gauze explain`: what every audience gets of every field, and why; by category of the law, as a plan, or as the
 * difference that a changed policy makes. It changes nothing and shows names and methods, never a value.
 */
import { errorRow } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { canonicalJson } from '../policy/canonical-json.ts';
import { placeOf, wordsOf } from './check-report.ts';
import { categoriesOf, categoryLines } from './explain-categories.ts';
import { explainDifference } from './explain-difference.ts';
import { pseudonymsOf } from './explain-pseudonyms.ts';
import { readExplainSource, usage } from './explain-source.ts';
import type { ExplainOptions, ExplainSource, TopicToExplain } from './explain-source.ts';
import { explain, planOf } from './explanation.ts';
import type { AudienceView, Explanation } from './explanation.ts';
import { explanationLines } from './explain-view.ts';
import { EXIT, note, print, styled, terminalWidth } from './terminal.ts';

export interface ExplainCommandOptions extends ExplainOptions {
  readonly regime: boolean;
  readonly plan: boolean;
  /** A policy file, or true for what is in force. */
  readonly diff?: string | true;
}

/** Exit code 1 where something does not compile or cannot be read. */
export async function explainCommand(
  topic: string | undefined,
  audience: string | undefined,
  options: ExplainCommandOptions,
): Promise<number> {
  const modes = [options.regime, options.plan, options.diff !== undefined].filter(Boolean);
  if (modes.length > 1) throw usage('--regime, --plan, --diff', 'one of them at a time');
  if (options.diff !== undefined && options.inForce)
    throw usage('--in-force', 'without --diff, which compares with what is in force by itself');
  const source = await readExplainSource(topic ?? null, options);
  const problems =
    options.diff === undefined
      ? explainTopics(source, audience, options)
      : await explainDifference(source, audience, { ...options, diff: options.diff });
  const all = uniqueProblems([...source.problems, ...problems]);
  for (const problem of all) tell(problem, options.json);
  return all.length === 0 ? EXIT.ok : EXIT.problems;
}

/** Prints each topic; what stands in the way of plans is told at the end. */
function explainTopics(
  source: ExplainSource,
  audience: string | undefined,
  options: ExplainCommandOptions,
): readonly GauzeError[] {
  const problems: GauzeError[] = [];
  const documents: object[] = [];
  for (const [at, topic] of source.topics.entries()) {
    const policies = source.policies.filter(
      ({ policy }) => policy.topics.has(topic.topic) && (audience ?? policy.audience) === policy.audience,
    );
    if (policies.length === 0) throw noSuchAudience(source, topic, audience);
    if (options.plan) {
      for (const policy of policies) {
        const plan = planOf(policy, topic);
        if (Array.isArray(plan)) problems.push(...plan);
        else print(canonicalJson(plan));
      }
      continue;
    }
    const explanation = explain(topic, policies);
    problems.push(...explanation.audiences.flatMap((each) => each.problems));
    if (options.json) documents.push(jsonOf(explanation, options.regime));
    else {
      if (at > 0) print();
      const lines = options.regime ? categoryLines : explanationLines;
      for (const line of lines(explanation, terminalWidth())) print(line);
    }
  }
  if (options.json && !options.plan) print(JSON.stringify({ topics: documents }));
  return problems;
}

function noSuchAudience({ policies }: ExplainSource, { topic }: TopicToExplain, audience = ''): GauzeError {
  const names = policies
    .filter(({ policy }) => policy.topics.has(topic))
    .map(({ policy }) => policy.audience);
  return usage('audience', `an audience of ${topic}: ${names.join(', ')}`, nearestOf(audience, names));
}

function jsonOf(explanation: Explanation, isRegime: boolean): object {
  const { topic, fields, audiences } = explanation;
  const head = { topic: topic.topic, schema: topic.source, schemaId: topic.schemaId };
  if (isRegime) return { ...head, categories: categoriesOf(explanation) };
  return {
    ...head,
    audiences: audiences.map((view) => ({
      ...audienceJson(view),
      pseudonyms: pseudonymsOf(view, topic.topic),
    })),
    fields: fields.map(({ path, type, tags }) => {
      const each = audiences.map((view) => [view.policy.policy.audience, view.fields.get(path)]);
      return { path, type, tags, audiences: Object.fromEntries(each) };
    }),
  };
}

function audienceJson({ policy: { policy, version, asOfDay }, plan, ...rest }: AudienceView): object {
  const { key, timestamp, headers, sensitive, problems } = rest;
  return {
    audience: policy.audience,
    regime: policy.regime,
    version,
    asOfDay,
    planHash: plan?.hash ?? null,
    key,
    timestamp,
    headers: Object.fromEntries(headers),
    sensitive: Object.fromEntries(sensitive),
    problems: problems.map((problem) => problem.toJSON()),
  };
}

function uniqueProblems(problems: readonly GauzeError[]): readonly GauzeError[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

function tell(problem: GauzeError, isJson: boolean): void {
  if (isJson) return note(JSON.stringify(problem));
  const place = placeOf(problem);
  note(`${styled('red', problem.code)}  ${place === '' ? '' : `${place}: `}${wordsOf(problem)}`);
  if (errorRow(problem.code).action !== '') note(`    ${problem.action}`);
}
