/**
 * What comes out of a leaf, in words, from the tables that the methods' pages are made of: names of types and methods,
 * never a value.
 */
import type { MethodTypeRow } from '../processors/method.ts';
import { METHODS } from '../processors/method-table.ts';
import type { Instruction } from '../processors/plan.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import type { Emptied } from './plan-tree.ts';

const EMPTIED_WORDS: Readonly<Record<Emptied, string>> = {
  null: 'null',
  'empty value': 'the empty value of its type',
  absent: 'nothing: what holds it is empty',
};

/** In words of docs/reference/methods.md. `emptied`: what redacting came to; null where that is not known. */
export function comesOut(leaf: AvroLeaf, instruction: Instruction, emptied: Emptied | null = null): string {
  const { rows, promise } = METHODS[instruction.method];
  if (instruction.method === 'redact')
    return emptied === null ? 'null, or the empty value' : EMPTIED_WORDS[emptied];
  if (instruction.method === 'pseudonym' && leaf.kind === 'string' && leaf.logical === null)
    return pseudonymWords(instruction);
  const row = rows.find((each) => isFor(each, leaf)) ?? rows.find(({ type }) => type === 'any');
  return row?.comesOut ?? promise;
}

/** A pseudonym in a string, as long and with the beginning that the policy gives it. */
function pseudonymWords({
  prefix,
  encoding,
  normalize,
}: Extract<Instruction, { method: 'pseudonym' }>): string {
  const body = encoding === 'base32' ? '26 characters of base32' : '32 lower-case hex digits';
  const start = prefix === undefined ? '' : `\`${prefix}\` and `;
  return `${start}${body}${normalize?.includes('fhir-reference') ? ', behind the type of a FHIR reference' : ''}`;
}

/** `int (date)`, `string`, `long (timestamp and local-timestamp, -millis, -micros)`, `int, long, with any logical type`. */
function isFor({ type }: MethodTypeRow, leaf: AvroLeaf): boolean {
  if (type === typeWord(leaf)) return true;
  const [, bases = '', inBrackets] = /^([^(]*)(?:\((.*)\))?$/.exec(type) ?? [];
  const words = (text: string): string[] => text.split(/[^A-Za-z0-9-]+/);
  if (!words(bases).includes(leaf.kind)) return false;
  if (leaf.logical === null) return inBrackets === undefined;
  const [, base = '', unit = ''] = /^(.*?)(-(?:milli|micro|nano)s)?$/.exec(leaf.logical.name) ?? [];
  const named = words(inBrackets ?? '');
  const isNamed = named.includes(leaf.logical.name) || (named.includes(base) && named.includes(unit));
  return isNamed || type.includes('any logical type');
}
