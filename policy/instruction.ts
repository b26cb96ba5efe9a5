/**
 * Reads one instruction as written in a policy: `drop`, or `{ method: date-shift, maxDays: 182 }`.
 * Parameters are checked by the method's own schema; one that the method does not know is never ignored.
 */
import { z } from 'zod';
import { METHODS } from '../processors/method-table.ts';
import type { Instruction, MethodName } from '../processors/plan.ts';
import { canonicalJson } from './canonical-json.ts';
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';

/** What is wrong with an instruction: code, context, and the step to the setting in it. */
export interface InstructionFault {
  readonly code: ErrorCode;
  readonly context: ErrorContext;
  readonly step: string | null;
}

/** The instruction, or all that is wrong with it. `besides`: settings that stand beside its parameters. */
export function readInstruction(
  written: unknown,
  besides: readonly string[] = [],
): Instruction | readonly InstructionFault[] {
  const isShort = typeof written === 'string';
  if (!isShort && !isObject(written)) return [wrong('a method, or { method: ... } with its parameters')];
  const name = isShort ? written : written['method'];
  if (typeof name !== 'string') return [wrong('a method')];
  if (!isMethodName(name))
    return [
      {
        code: 'ERR_POLICY_METHOD_UNKNOWN',
        context: { method: name, ...nearestOf(name, Object.keys(METHODS)) },
        step: isShort ? null : 'method',
      },
    ];
  const parameters = isShort
    ? {}
    : Object.fromEntries(
        Object.entries(written).filter(([key]) => key !== 'method' && !besides.includes(key)),
      );
  const parsed = METHODS[name].parameters.safeParse(parameters);
  if (!parsed.success) return parsed.error.issues.flatMap((issue) => faultsOf(issue, name));
  const known = isObject(parsed.data) ? parsed.data : {};
  const ignored = Object.keys(parameters).filter((key) => !Object.hasOwn(known, key));
  if (ignored.length > 0) return ignored.map((key) => unknownParameter(key, name));
  // The method's own schema has checked its parameters: with the name they are its instruction.
  return { method: name, ...known } as Instruction;
}

/** Is it a method of gauze? */
export function isMethodName(word: string): word is MethodName {
  return Object.hasOwn(METHODS, word);
}

/** Are two instructions the same, parameters and all? */
export function sameInstruction(a: Instruction, b: Instruction): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/** For people: `keep`, `date-shift (maxDays 182)`. */
export function instructionInWords({ method, ...parameters }: Instruction): string {
  const words = Object.entries(parameters).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : canonicalJson(value)}`,
  );
  return words.length > 0 ? `${method} (${words.join(', ')})` : method;
}

function faultsOf(issue: z.core.$ZodIssue, method: MethodName): InstructionFault[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownParameter(key, method));
  const setting = issue.path.map(String).join('.');
  const context = { method, setting, expected: expectedBy(issue) };
  return [{ code: 'ERR_POLICY_METHOD_PARAMETER', context, step: setting === '' ? null : setting }];
}

function unknownParameter(setting: string, method: MethodName): InstructionFault {
  const { parameters } = METHODS[method];
  const known = parameters instanceof z.ZodObject ? Object.keys(parameters.shape) : [];
  return {
    code: 'ERR_POLICY_SETTING_UNKNOWN',
    context: { setting, ...nearestOf(setting, known) },
    step: setting,
  };
}

/** What a zod issue expects, without what it found. */
function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `of type ${issue.expected}`;
    case 'too_small':
      return `at least ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'invalid_value':
      return issue.values.map(String).join(' or ');
    case 'invalid_format':
      return `of the form ${issue.pattern ?? issue.format}`;
    default:
      return 'another value';
  }
}

function wrong(expected: string): InstructionFault {
  return { code: 'ERR_POLICY_SYNTAX', context: { expected }, step: null };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
