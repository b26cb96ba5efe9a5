/**
 * Compiles a policy's rules on sensitive codes for one schema: where the codes stand, and what is emptied or withheld.
 * It must never let a record pass because a schema names things differently: a rule that finds no leaf is a problem,
 * and one that cannot empty what it names withholds. A grant lifts a rule only where people decided about its tag.
 */
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import { guardedBytes } from '../processors/guarded.ts';
import type { SensitiveRule } from '../processors/plan.ts';
import { holdsCode } from '../processors/sensitive-codes.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import type { Leaf, PathTags } from '../schemas/tags.ts';
import { nodeAt } from './guard-tree.ts';
import type { PlanTree } from './plan-tree.ts';
import type { Policy, SensitiveByValue } from './policy.ts';

export interface SensitiveInput {
  readonly policy: Policy;
  readonly topic: string;
  readonly schemaId: number;
  readonly leaves: readonly Leaf[];
  /** All places that any version of the schema has. */
  readonly known: PathTags;
  readonly tree: PlanTree;
  /** What a grant reveals: paths, each with the tags that people saw; null for an audience. */
  readonly revealed: ReadonlyMap<string, ReadonlySet<string>> | null;
}

export interface CompiledRules {
  readonly rules: readonly SensitiveRule[];
  /** Bits of the rules that empty a place, by its path. */
  readonly guarded: ReadonlyMap<string, number>;
}

export type ReportSetting = (code: ErrorCode, setting: readonly PropertyKey[], context: ErrorContext) => void;

/** The rules of the topic for this schema; problems are reported, and then the result is not to be used. */
export function compileSensitive(input: SensitiveInput, report: ReportSetting): CompiledRules {
  const rules: SensitiveRule[] = [];
  const guarded = new Map<string, number>();
  for (const [at, rule] of (input.policy.sensitive.get(input.topic) ?? []).entries()) {
    const compiled = new RuleCompilation(input, rule, ['sensitive', input.topic, at], report).compile();
    if (compiled === null) continue;
    const { guards, ...rest } = compiled;
    for (const path of guards) guarded.set(path, (guarded.get(path) ?? 0) | (1 << rules.length));
    rules.push(rest);
  }
  return { rules, guarded };
}

class RuleCompilation {
  readonly #input: SensitiveInput;
  readonly #rule: SensitiveByValue;
  readonly #setting: readonly PropertyKey[];
  readonly #report: ReportSetting;

  constructor(
    input: SensitiveInput,
    rule: SensitiveByValue,
    setting: readonly PropertyKey[],
    report: ReportSetting,
  ) {
    this.#input = input;
    this.#rule = rule;
    this.#setting = setting;
    this.#report = report;
  }

  /** Null where the rule says nothing of this schema, or has been lifted. */
  compile(): (SensitiveRule & { readonly guards: readonly string[] }) | null {
    const { tag, codes, startsWith } = this.#rule;
    const where = this.#where();
    if (where.length === 0) return null;
    const isDecided = this.#isDecided();
    const guards = this.#guards(isDecided);
    if (guards === 'lifted') return null;
    if (guards === 'withhold') return { tag, where, codes, startsWith, effect: 'withhold', guards: [] };
    if (!isDecided) this.#shown(where);
    return { tag, where, codes, startsWith, effect: 'redact', guards };
  }

  #where(): string[] {
    const { leaves, known, schemaId } = this.#input;
    const { where, tag, ifAbsent } = this.#rule;
    const found = where.filter((path) => {
      const leaf = leaves.find((each) => each.path === path);
      if (!leaf && !known.has(path)) this.#problem('ERR_POLICY_FIELD_UNKNOWN', 'where', { path });
      if (leaf && !holdsCode(leaf.type))
        this.#problem('ERR_POLICY_METHOD_TYPE', 'where', {
          path,
          method: 'sensitive',
          actual: typeWord(leaf.type),
        });
      return leaf !== undefined;
    });
    if (found.length === 0 && ifAbsent === 'hold')
      this.#problem('ERR_POLICY_SENSITIVE_WHERE', 'where', { tag, schemaId });
    return found;
  }

  /** Did people decide about leaves with this very tag? */
  #isDecided(): boolean {
    return [...(this.#input.revealed?.values() ?? [])].some((tags) => tags.has(this.#rule.tag));
  }

  #guards(isDecided: boolean): readonly string[] | 'withhold' | 'lifted' {
    const { revealed } = this.#input;
    const { redact } = this.#rule;
    if (redact.length === 0) return isDecided ? 'lifted' : 'withhold';
    // A grant adds to what the audience sees: what makes a record harmless there need not here.
    if (revealed && !isDecided) return 'withhold';
    const guards: string[] = [];
    for (const path of redact) {
      const guard = this.#guard(path);
      if (guard === 'withhold') return 'withhold';
      if (guard === 'guard') guards.push(path);
    }
    return guards;
  }

  #guard(path: string): 'guard' | 'nothing' | 'withhold' {
    const { leaves, known, tree, revealed } = this.#input;
    const below = leaves.filter((leaf) => isAtOrBelow(leaf.path, path));
    if (below.length === 0) {
      if (!known.has(path)) this.#problem('ERR_POLICY_FIELD_UNKNOWN', 'redact', { path });
      return 'withhold';
    }
    const decided = below.filter((leaf) => revealed?.has(leaf.path));
    if (decided.length > 0) return decided.length === below.length ? 'nothing' : 'withhold';
    if (below.every((leaf) => this.#isHidden(leaf.path))) return 'nothing';
    const node = nodeAt(tree.root, path);
    if (node && guardedBytes(node) !== null) return 'guard';
    const actual = node ? typeWord(node.schema) : 'a map key';
    this.#problem('ERR_POLICY_METHOD_TYPE', 'redact', { path, method: 'redact', actual });
    return 'withhold';
  }

  /** The code itself must not be left in a record that is published without the rest. */
  #shown(where: readonly string[]): void {
    const { redact, tag } = this.#rule;
    for (const path of where)
      if (!this.#isHidden(path) && !redact.some((above) => isAtOrBelow(path, above)))
        this.#problem('ERR_POLICY_SENSITIVE_SHOWN', 'redact', { path, tag });
  }

  #isHidden(path: string): boolean {
    const method = this.#input.tree.decisions.get(path)?.instruction.method;
    return method === 'drop' || method === 'redact';
  }

  #problem(code: ErrorCode, step: string, context: ErrorContext): void {
    this.#report(code, [...this.#setting, step], context);
  }
}
