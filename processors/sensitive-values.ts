/**
 * Which sensitive rules a decoded record meets: the slow and clear way, which the check on bytes is held against.
 * It must never be used where records are published: it allocates for each.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AvroRecord, AvroType } from '../schemas/avro-schema.ts';
import { ROOT_PATH, branchPath, fieldPath, itemsPath, keyPath, valuesPath } from '../schemas/field-path.ts';
import { rulesFor, withholdingBits } from './sensitive-codes.ts';
import type { SensitiveRule } from './plan.ts';

type Wrapped = Readonly<Record<string, unknown>>;

/**
 * The bits of the rules that `value` meets, decoded as avsc gives it with every union wrapped.
 * Throws ERR_WITHHELD_SENSITIVE where one of them withholds the record.
 */
export function sensitiveBits(schema: AvroType, value: unknown, rules: readonly SensitiveRule[]): number {
  const bits = new Search(rules).bits(schema, value, ROOT_PATH);
  if ((bits & withholdingBits(rules)) !== 0) throw new GauzeError('ERR_WITHHELD_SENSITIVE');
  return bits;
}

class Search {
  readonly #rules: readonly SensitiveRule[];
  /** Records that were gone into, with their paths. */
  readonly #around = new Map<string, readonly [AvroRecord, string]>();

  constructor(rules: readonly SensitiveRule[]) {
    this.#rules = rules;
  }

  bits(type: AvroType, value: unknown, path: string): number {
    if (value === null) return 0;
    switch (type.kind) {
      case 'record':
        this.#around.set(type.fullName, [type, path]);
        return any(
          type.fields.map((field) =>
            this.bits(field.type, (value as Wrapped)[field.name], fieldPath(path, field.name)),
          ),
        );
      case 'reference':
        return this.bits(...this.#again(type.fullName, value));
      case 'array':
        return any((value as unknown[]).map((item) => this.bits(type.items, item, itemsPath(path))));
      case 'map':
        return any(
          Object.entries(value as Wrapped).map(
            ([key, entry]) =>
              rulesFor(this.#rules, keyPath(path), key) | this.bits(type.values, entry, valuesPath(path)),
          ),
        );
      case 'union': {
        const [name, inner] = Object.entries(value as Wrapped)[0]!;
        const branch = type.branches.find(
          (each) => ('fullName' in each ? each.fullName : each.kind) === name,
        )!;
        return this.bits(branch, inner, branchPath(path, type, branch));
      }
      default:
        return rulesFor(this.#rules, path, `${value as string | number | bigint}`);
    }
  }

  #again(fullName: string, value: unknown): [AvroType, unknown, string] {
    const [record, path] = this.#around.get(fullName)!;
    return [record, value, path];
  }
}

function any(bits: readonly number[]): number {
  return bits.reduce((all, each) => all | each, 0);
}
