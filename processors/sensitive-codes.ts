/**
 * Which records are sensitive by a code that they hold (42 CFR Part 2 and the like): looks at the leaves that the
 * plan's rules name, before anything is written. It must never take a code for another one because of case, dots or
 * blanks; a leaf that holds no code at all makes no record sensitive.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AvroLeaf, AvroType } from '../schemas/avro-schema.ts';
import { writeLongText } from './avro-bytes.ts';
import { FAULT_SENSITIVE } from './fault.ts';
import { LeafFinder, SPAN_NUMBERS } from './leaf-finder.ts';
import { RecordState } from './record-state.ts';
import type { SensitiveRule } from './plan.ts';

/** Rules of one plan: each has a bit of a small integer. */
export const SENSITIVE_RULES_MAX = 30;

/** A code as it is compared: ASCII letters and digits, in upper case. `F10.20`, `f1020` and `F10 20` are one code. */
export function comparedCode(code: string): string {
  return code.toUpperCase().replaceAll(/[^0-9A-Z]/g, '');
}

/** Can such a leaf hold a code? */
export function holdsCode(leaf: AvroLeaf): boolean {
  return leaf.kind === 'string' || leaf.kind === 'enum' || leaf.kind === 'int' || leaf.kind === 'long';
}

/** The bits of the rules that say `withhold`. */
export function withholdingBits(rules: readonly SensitiveRule[]): number {
  return rules.reduce((bits, rule, at) => (rule.effect === 'withhold' ? bits | (1 << at) : bits), 0);
}

/** The bits of the rules that match one code at `path`: on values, written for clearness. */
export function rulesFor(rules: readonly SensitiveRule[], path: string, code: string): number {
  const compared = comparedCode(code);
  return rules.reduce((bits, { where, codes, startsWith }, at) => {
    const matches = codes.includes(compared) || startsWith.some((prefix) => compared.startsWith(prefix));
    return where.includes(path) && matches ? bits | (1 << at) : bits;
  }, 0);
}

const SYMBOLS = 36;
/** Numbers of one node: a child for each letter and digit, bits of codes that end here, bits of prefixes that do. */
const NODE = SYMBOLS + 2;

/** A tree over codes, in one array: matching allocates nothing and takes one step per character. */
class CodeTree {
  #nodes = new Int32Array(NODE * 64);
  #count = 1;

  add(code: string, bits: number, isPrefix: boolean): void {
    let at = 0;
    for (const character of code) {
      const child = at + symbolOf(character.charCodeAt(0));
      if (this.#nodes[child] === 0) this.#nodes[child] = this.#newNode();
      at = this.#nodes[child]!;
    }
    this.#nodes[at + SYMBOLS + (isPrefix ? 1 : 0)]! |= bits;
  }

  /** The bits of what the text input[start, end) is, or begins with. */
  find(input: Uint8Array, start: number, end: number): number {
    const nodes = this.#nodes;
    let at = 0;
    let bits = nodes[SYMBOLS + 1]!;
    for (let i = start; i < end; i += 1) {
      const symbol = symbolOf(input[i]!);
      if (symbol < 0) continue;
      at = nodes[at + symbol]!;
      if (at === 0) return bits;
      bits |= nodes[at + SYMBOLS + 1]!;
    }
    return bits | nodes[at + SYMBOLS]!;
  }

  #newNode(): number {
    const at = this.#count * NODE;
    this.#count += 1;
    if (at + NODE > this.#nodes.length) {
      const grown = new Int32Array(this.#nodes.length * 2);
      grown.set(this.#nodes);
      this.#nodes = grown;
    }
    return at;
  }
}

/** 0 to 35 for a digit or a letter of either case; -1 for all else. */
function symbolOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte & 0xdf;
  return letter >= 0x41 && letter <= 0x5a && byte < 0x80 ? letter - 0x41 + 10 : -1;
}

/** What is looked at in one leaf. */
interface Watched {
  readonly type: AvroLeaf;
  readonly tree: CodeTree;
  /** Of an enum: bits by symbol. */
  readonly bySymbol: readonly number[];
}

export class SensitiveCheck {
  readonly #finder: LeafFinder;
  readonly #watched: readonly Watched[];
  readonly #withholding: number;
  readonly #state = new RecordState(0);
  readonly #digits = Buffer.alloc(24);

  /** `rules`: of the plan for `schema`. Throws ERR_INTERNAL where they name a leaf that can hold no code. */
  constructor(schema: AvroType, rules: readonly SensitiveRule[]) {
    const paths = [...new Set(rules.flatMap(({ where }) => where))];
    this.#finder = new LeafFinder(schema, paths);
    this.#withholding = withholdingBits(rules);
    this.#watched = paths.map((path, i) => watch(rules, path, this.#finder.types[i]!));
  }

  /**
   * The bits of the rules that the Avro body input[start, end) meets: what they name is to be emptied.
   * Or a fault, which is FAULT_SENSITIVE for a record that is not to be published.
   */
  find(input: Uint8Array, start: number, end: number): number {
    const count = this.#finder.find(input, start, end);
    if (count < 0) return count;
    const { spans } = this.#finder;
    let bits = 0;
    for (let at = 0; at < count * SPAN_NUMBERS; at += SPAN_NUMBERS)
      bits |= this.#bits(this.#watched[spans[at]!]!, input, spans[at + 1]!, spans[at + 2]!);
    return (bits & this.#withholding) === 0 ? bits : FAULT_SENSITIVE;
  }

  #bits({ type, tree, bySymbol }: Watched, input: Uint8Array, start: number, end: number): number {
    if (type.kind === 'string') return tree.find(input, start, end);
    const length = writeLongText(input, start, end, this.#digits, this.#state);
    return type.kind === 'enum' ? bySymbol[this.#state.value]! : tree.find(this.#digits, 0, length);
  }
}

function watch(rules: readonly SensitiveRule[], path: string, type: AvroLeaf): Watched {
  if (!holdsCode(type)) throw new GauzeError('ERR_INTERNAL', { path, causeName: 'NoCodeHere' });
  const tree = new CodeTree();
  rules.forEach(({ where, codes, startsWith }, at) => {
    if (!where.includes(path)) return;
    for (const code of codes) tree.add(code, 1 << at, false);
    for (const prefix of startsWith) tree.add(prefix, 1 << at, true);
  });
  const symbols = type.kind === 'enum' ? type.symbols : [];
  return { type, tree, bySymbol: symbols.map((symbol) => rulesFor(rules, path, symbol)) };
}
