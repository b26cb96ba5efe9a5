/**
 * The order of instructions: which of two tells no more than the other. After the order that also decides between
 * several tags on one leaf; where two cannot be ordered, neither is taken for the stricter one.
 */
import { METHODS } from '../processors/method-table.ts';
import type { Instruction } from '../processors/plan.ts';
import { sameInstruction } from './instruction.ts';

/**
 * Does `a` tell no more than `b`, whatever the value? A partial order: reflexive and transitive, and false for what
 * cannot be compared (another generalising method, another domain of pseudonyms).
 */
export function isAsStrict(a: Instruction, b: Instruction): boolean {
  const [rankA, rankB] = [METHODS[a.method].strictness, METHODS[b.method].strictness];
  if (rankA !== rankB) return rankA < rankB;
  return sameInstruction(a, b) || isWithin(a, b);
}

/** One method with other parameters. A method that is not named here has none that could be ordered. */
function isWithin(a: Instruction, b: Instruction): boolean {
  // A wider range of shifts leaves more days possible.
  if (a.method === 'date-shift' && b.method === 'date-shift') return a.maxDays >= b.maxDays;
  if (a.method === 'age-cap' && b.method === 'age-cap') return a.over <= b.over;
  if (a.method === 'date-truncate' && b.method === 'date-truncate')
    return (a.unit === 'year' || b.unit === 'month') && (a.over89 === 'cap' || b.over89 === 'keep');
  return false;
}
