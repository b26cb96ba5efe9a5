/**
 * What examples in a policy are made of: values that go in, and what is expected of what comes out.
 */
import type { ExampleValue, Expectation, PolicyExample } from './policy.ts';

/** What is wrong at some steps below an example, and what was expected there. */
export interface ExampleProblem {
  readonly steps: readonly string[];
  readonly expected: string;
}

type Settings = Readonly<Record<string, unknown>>;

/** Values by path, as far as they can be read, and all that is wrong with the others. */
export function exampleValues(
  given: Settings,
  expect: Settings,
): Pick<PolicyExample, 'given' | 'expect'> & { readonly problems: readonly ExampleProblem[] } {
  const problems: ExampleProblem[] = [];
  const values = new Map<string, ExampleValue>();
  for (const [name, value] of Object.entries(given))
    if (isExampleValue(value)) values.set(name, value);
    else problems.push({ steps: ['given', name], expected: 'one value' });
  const expectations = new Map<string, Expectation>();
  for (const [name, value] of Object.entries(expect)) {
    const steps = ['expect', name];
    const expectation = expectationOf(value);
    if (expectation) expectations.set(name, expectation);
    else problems.push({ steps, expected: 'a value, { not: value } or { absent: true }' });
    if (expectation && expectation.kind !== 'absent' && !values.has(name))
      problems.push({ steps, expected: 'among the values under given: too' });
  }
  return { given: values, expect: expectations, problems };
}

/** A value, `{ not: value }` or `{ absent: true }`; null for anything else. */
function expectationOf(written: unknown): Expectation | null {
  if (isExampleValue(written)) return { kind: 'value', value: written };
  if (typeof written !== 'object' || written === null || Object.keys(written).length !== 1) return null;
  if ('absent' in written && written.absent === true) return { kind: 'absent' };
  return 'not' in written && isExampleValue(written.not) ? { kind: 'not', value: written.not } : null;
}

function isExampleValue(value: unknown): value is ExampleValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
