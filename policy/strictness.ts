/**
 * The order of instructions: which of two tells no more than the other. After the order that also decides between
 * several tags on one leaf; where two cannot be ordered, neither is taken for the stricter one.
 */
import { METHODS, isAsStrictWithin } from '../processors/method-table.ts';
import type { Instruction } from '../processors/plan.ts';
import { sameInstruction } from './instruction.ts';

/**
 * Does `a` tell no more than `b`, whatever the value? A partial order: reflexive and transitive, and false for what
 * cannot be compared (another generalising method, another domain of pseudonyms).
 */
export function isAsStrict(a: Instruction, b: Instruction): boolean {
  const [rankA, rankB] = [METHODS[a.method].strictness, METHODS[b.method].strictness];
  if (rankA !== rankB) return rankA < rankB;
  return sameInstruction(a, b) || isAsStrictWithin(a, b);
}

/** Of what several tags ask for, what tells no more than any of them; null where they cannot be ordered. */
export function strictestOf(asked: readonly Instruction[]): Instruction | null {
  return asked.find((one) => asked.every((other) => isAsStrict(one, other))) ?? null;
}
