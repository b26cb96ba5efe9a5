/**
 * Runs the examples of a policy: what the owner of the policy says comes out, against what the plan does.
 * A mismatch is told by path and line only: the values of an example may be copied from life.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import type { RecordPlace, ValueContext } from '../processors/method.ts';
import { knownValue } from '../processors/known-leaves.ts';
import { maskLeafValue } from '../processors/method-table.ts';
import { PathCounts } from '../processors/path-counts.ts';
import { KnownValues } from '../processors/text/known-values.ts';
import { wordLists } from '../processors/text/word-lists.ts';
import type { CompiledPlan } from './compile-plan.ts';
import type { PlanLeaf } from './plan-leaf.ts';
import { fromExample, toExample } from './example-value.ts';
import { problemIn } from './leaf-decision.ts';
import type { ExampleValue, Expectation, Policy, PolicyExample } from './policy.ts';

/** An example stands nowhere in a log. */
const EXAMPLE_PLACE: RecordPlace = { topicId: '0'.repeat(32), partition: 0, offset: 0 };

type Context = Omit<ValueContext, 'path'>;

/** What comes out at a path: a value, or nothing. */
type Outcome = { readonly value: ExampleValue } | 'absent';

/**
 * Runs every example that is about the plan's topic, with the audience's own keys or with keys made for the occasion
 * (then only `not:` can be said of a pseudonym). Returns a problem for each path that comes out otherwise.
 */
export function runExamples(policy: Policy, plan: CompiledPlan, keys: AudienceKeys): GauzeError[] {
  return policy.examples.flatMap((example, at) =>
    example.topic === plan.topic ? runExample(policy, plan, example, at, keys) : [],
  );
}

function runExample(
  policy: Policy,
  plan: CompiledPlan,
  example: PolicyExample,
  at: number,
  keys: AudienceKeys,
): GauzeError[] {
  const problem = problemIn(policy, plan.topic);
  const leaves = new Map(plan.leaves.map((leaf) => [leaf.path, leaf]));
  const { audience, asOfDay } = plan;
  const person = personOf(plan, example);
  const context = {
    keys,
    person,
    asOfDay,
    audience,
    place: EXAMPLE_PLACE,
    sealed: new PathCounts(),
    known: knownFrom(plan, example, leaves),
  };
  const unknown = [...example.given.keys()].filter((path) => !leaves.has(path));
  const problems = unknown.map((path) =>
    problem('ERR_POLICY_FIELD_UNKNOWN', ['examples', at, 'given', path], { path }),
  );
  for (const [path, expectation] of example.expect) {
    const leaf = leaves.get(path);
    const setting = ['examples', at, 'expect', path];
    if (!leaf) problems.push(problem('ERR_POLICY_FIELD_UNKNOWN', setting, { path }));
    else if (!comesOut(leaf, example.given.get(path), expectation, context))
      problems.push(problem('ERR_POLICY_EXAMPLE', setting, { path }));
  }
  return problems;
}

/** What the example's own values say of the person, as they would in a record; null where nothing is scrubbed. */
function knownFrom(
  { known }: CompiledPlan,
  { given }: PolicyExample,
  leaves: ReadonlyMap<string, PlanLeaf>,
): KnownValues | null {
  if (!known) return null;
  const values = known.flatMap(({ path, kind }) => {
    const written = given.get(path);
    const leaf = leaves.get(path);
    if (!leaf || written === undefined || written === null) return [];
    const value = knownValue(fromExample(written, leaf.schema), leaf.schema, kind);
    return value ? [value] : [];
  });
  return new KnownValues(values, wordLists());
}

/** An example that does not say whom it is about is about somebody all the same. */
function personOf(plan: CompiledPlan, example: PolicyExample): string | null {
  const value = plan.personPath === null ? null : example.given.get(plan.personPath.join('.'));
  return value === null ? null : String(value ?? 'somebody');
}

function comesOut(
  leaf: PlanLeaf,
  given: ExampleValue | undefined,
  expectation: Expectation,
  context: Context,
): boolean {
  try {
    const outcome = outcomeOf(leaf, given, context);
    if (expectation.kind === 'absent') return outcome === 'absent';
    if (outcome === 'absent') return expectation.kind === 'not';
    return (outcome.value === expectation.value) === (expectation.kind === 'value');
  } catch (error) {
    // A value that the leaf or its method cannot take withholds a record: nothing comes out of it.
    if (error instanceof GauzeError) return false;
    throw error;
  }
}

function outcomeOf(leaf: PlanLeaf, given: ExampleValue | undefined, context: Context): Outcome {
  const { instruction, emptied, schema, path } = leaf;
  if (instruction.method === 'drop' || emptied === 'absent') return 'absent';
  if (emptied === 'null' || (given === null && schema.kind !== 'null')) return { value: null };
  const value =
    given === undefined && instruction.method === 'redact' ? undefined : fromExample(given, schema);
  return { value: toExample(maskLeafValue(value, schema, instruction, { ...context, path }), schema) };
}
