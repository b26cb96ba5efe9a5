/**
 * What a change of the rules on sensitive codes opens, in words. What cannot be compared counts as opened:
 * every code of the policy before must still be looked for, in the same leaves, with no less emptied.
 */
import { isAtOrBelow } from '../schemas/field-path.ts';
import type { SensitiveByValue } from './policy.ts';

/** The sentences for one topic; none where the rules only close. */
export function sensitiveOpenings(
  before: readonly SensitiveByValue[],
  after: readonly SensitiveByValue[],
): readonly string[] {
  const told = new Set<string>();
  for (const rule of before) {
    const ofTag = after.filter((other) => other.tag === rule.tag);
    for (const path of rule.where) {
      const there = ofTag.filter((other) => other.where.includes(path));
      if (there.length === 0) told.add(`${path}: its codes make no record ${rule.tag} any more`);
      else if (!haveCodes(there, rule)) told.add(`${path}: fewer codes make a record ${rule.tag}`);
      else if (
        !haveCodes(
          there.filter((other) => emptiesAsMuch(other, rule)),
          rule,
        )
      )
        told.add(`${path}: less is emptied in a record that is ${rule.tag}`);
    }
    // A schema that has another of the leaves is held no more.
    const holds = ofTag.some(
      ({ ifAbsent, where }) => ifAbsent === 'hold' && where.every((path) => rule.where.includes(path)),
    );
    if (rule.ifAbsent === 'hold' && ofTag.length > 0 && !holds)
      told.add(`more schemas without the codes of ${rule.tag} are published`);
  }
  return [...told];
}

/** Is every code of the rule one of theirs? */
function haveCodes(rules: readonly SensitiveByValue[], { codes, startsWith }: SensitiveByValue): boolean {
  const prefixes = rules.flatMap((rule) => rule.startsWith);
  const whole = new Set(rules.flatMap((rule) => rule.codes));
  const begins = (code: string): boolean => prefixes.some((prefix) => code.startsWith(prefix));
  return codes.every((code) => whole.has(code) || begins(code)) && startsWith.every(begins);
}

/** A rule that empties nothing withholds the record. */
function emptiesAsMuch(after: SensitiveByValue, before: SensitiveByValue): boolean {
  if (after.redact.length === 0) return true;
  return (
    before.redact.length > 0 &&
    before.redact.every((path) => after.redact.some((above) => isAtOrBelow(path, above)))
  );
}
