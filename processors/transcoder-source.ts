/**
 * Writes the source of a plan's transcoder: a walk over the writer's bytes that checks every bound, keeps a
 * pending span of bytes to copy, and hands the leaves that change to their maskers.
 * The source holds names and numbers made here: no text of a schema, policy or record may ever enter it.
 *
 * Names in the source: b input, p position, end, k start of the pending span, out, w write position,
 * n scratch, r RecordState, m0.. maskers, c0.. constants, f0.. parts of the function.
 */
import { GauzeError } from '../platform/errors.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroLeaf, AvroType } from '../schemas/avro-schema.ts';
import { holdsItself } from '../schemas/recursion.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { derivedUnionBranches, isEmpty } from './derived-unions.ts';
import { emptyBytes, indexBytes } from './empty-value.ts';
import { guardedBytes } from './guarded.ts';
import { FAULT_TRAILING, FAULT_TRUNCATED } from './fault.ts';
import { compileLeaf } from './method-table.ts';
import { leastBytes } from './least-bytes.ts';
import { personComesFirst } from './person-order.ts';
import { inParts, stepInto, WalkSource } from './walk-source.ts';
import type { LeafMasker } from './method.ts';
import type { Plan, PlanNode } from './plan.ts';
import type { PersonPath } from './walk-source.ts';

/** What the generated source refers to. */
export interface TranscoderSource {
  /** Body of a factory: takes `h` (functions), `r`, `maskers`, `constants`; returns the function. */
  readonly text: string;
  readonly maskers: readonly LeafMasker[];
  readonly constants: readonly Buffer[];
  /** Does the state say, after each record, whom it is about? */
  readonly findsPerson: boolean;
}

/** Writes the source of `plan`. Throws as compileTranscoder does. */
export function generateTranscoder(plan: Plan, keys: AudienceKeys): TranscoderSource {
  return new Generator(plan, keys).generate();
}

class Generator {
  readonly #plan: Plan;
  readonly #keys: AudienceKeys;
  readonly #maskers: LeafMasker[] = [];
  readonly #constants: Buffer[] = [];
  readonly #source: WalkSource;
  /** Functions of the records around this point of the plan that hold themselves. */
  readonly #around = new Map<string, string>();
  /** True where no byte can be pending at this point of the source. */
  #nothingPending = true;

  constructor(plan: Plan, keys: AudienceKeys) {
    this.#plan = plan;
    this.#keys = keys;
    this.#source = new WalkSource(plan.root.schema);
  }

  generate(): TranscoderSource {
    const { root } = this.#plan;
    const person = this.#plan.personPath;
    const order = person === null ? 'not needed' : personComesFirst(root, person);
    if (order === 'shift first') this.#source.findPersonFunction(root.schema, person!);
    const main = this.#source.captured(() => {
      this.#node(root, order === 'person first' ? person : null);
      this.#flush();
    });
    const text = this.#factory(main, order === 'shift first');
    return { text, maskers: this.#maskers, constants: this.#constants, findsPerson: order !== 'not needed' };
  }

  #factory(main: readonly string[], findPersonFirst: boolean): string {
    const find = `n = findPerson(b, start, end); if (n < 0) return n; r.emptyItems = 0;`;
    return [
      `'use strict';`,
      `const { skipInt, skipLong, readLength, readIndex, readBlock, writeLong, copySpan, copyKept, notePersonLong } = h;`,
      ...this.#maskers.map((_, i) => `const m${i} = maskers[${i}];`),
      ...this.#constants.map((_, i) => `const c${i} = constants[${i}];`),
      ...this.#source.functions,
      `return function mask(b, start, end, out, at, recordTimeMs, place) {`,
      `let p = start, k = start, w = at, n = 0;`,
      `if (!(start >= 0 && end <= b.length)) return ${FAULT_TRUNCATED};`,
      `r.use(b, out);`,
      `r.begin(recordTimeMs, place);`,
      findPersonFirst ? find : '',
      ...main,
      `return p === end ? w : ${FAULT_TRAILING};`,
      `};`,
    ].join('\n');
  }

  // ---- pieces

  /** Writes the pending span up to `to` and begins a new one at p. */
  #flush(to = 'p'): void {
    if (!this.#nothingPending) this.#source.add(`if (k < ${to}) w = copyKept(b, k, ${to}, out, w, r);`);
  }

  #pendingFromHere(): void {
    this.#source.add('k = p;');
    this.#nothingPending = true;
  }

  #writeConstant(bytes: readonly number[]): void {
    if (bytes.length <= 4) {
      for (const byte of bytes) this.#source.add(`out[w++] = ${byte};`);
      return;
    }
    this.#constants.push(Buffer.from(bytes));
    const name = `c${this.#constants.length - 1}`;
    this.#source.add(`w = copySpan(${name}, 0, ${bytes.length}, out, w);`);
  }

  // ---- plan nodes: what happens to a value

  #node(node: PlanNode, person: PersonPath): void {
    switch (node.kind) {
      case 'keep':
        return this.#keep(node.schema, person);
      case 'drop':
        return this.#replace(node.schema, [], person);
      case 'empty':
        return this.#replace(node.schema, emptyBytes(node.schema), person);
      case 'leaf':
        return this.#leaf(node, person);
      case 'record':
        return this.#record(node, person);
      case 'array':
        return this.#blocks(node.schema.items, 0, () => this.#node(node.items, null));
      case 'map':
        return this.#map(node);
      case 'union':
        return this.#union(node, person);
      case 'guarded':
        return this.#guarded(node, person);
      case 'again':
        return this.#source.deeper(() => this.#callPart(this.#around.get(node.schema.fullName)!));
    }
  }

  #keep(schema: AvroType, person: PersonPath): void {
    this.#source.walk(schema, person);
    this.#nothingPending = false;
  }

  /** Steps over a value and writes `bytes` in its place. */
  #replace(schema: AvroType, bytes: readonly number[], person: PersonPath): void {
    this.#flush();
    this.#source.walk(schema, person);
    this.#writeConstant(bytes);
    this.#pendingFromHere();
  }

  #leaf({ schema, instruction, path }: Extract<PlanNode, { kind: 'leaf' }>, person: PersonPath): void {
    if (schema.kind === 'null' || instruction.method === 'keep') return this.#keep(schema, person);
    if (instruction.method === 'drop') return this.#replace(schema, [], person);
    const { audience, personPath } = this.#plan;
    const where = { path, audience, isPerson: path === personPath?.join('.') };
    const masker = compileLeaf(schema, instruction, this.#keys, where);
    if (masker === null) return this.#replace(schema, emptyBytes(schema), person);
    this.#flush();
    const hasLength = schema.kind === 'string' || schema.kind === 'bytes';
    const from = this.#source.name('s');
    if (!hasLength) this.#source.add(`const ${from} = p;`);
    this.#source.walk(schema, person);
    this.#maskers.push(masker);
    const content = hasLength ? 'p - n' : from;
    this.#source.add(
      `w = m${this.#maskers.length - 1}(b, ${content}, p, out, w, r);`,
      `if (w < 0) return w;`,
    );
    this.#pendingFromHere();
  }

  #record(node: Extract<PlanNode, { kind: 'record' }>, person: PersonPath): void {
    if (!this.#source.isRecursive || !holdsItself(node.schema)) return this.#fields(node, person);
    const name = this.#source.name('f');
    this.#around.set(node.schema.fullName, name);
    this.#nothingPending = false;
    // The person is never in a record that holds itself.
    this.#function(
      name,
      this.#source.captured(() => this.#fields(node, null)),
    );
    this.#callPart(name);
    this.#nothingPending = false;
  }

  #fields(node: Extract<PlanNode, { kind: 'record' }>, person: PersonPath): void {
    const parts = inParts(
      node.fields.map((child, i) =>
        this.#source.captured(() => this.#node(child, stepInto(person, node.schema.fields[i]!.name))),
      ),
    );
    if (parts.length <= 1) return this.#source.add(...parts.flat());
    for (const part of parts) this.#part(part);
  }

  /** Moves lines into a function of their own; positions travel through the record's state. */
  #part(lines: readonly string[]): void {
    const name = this.#source.name('f');
    this.#function(name, lines);
    this.#callPart(name);
  }

  #function(name: string, lines: readonly string[]): void {
    this.#source.functions.push(
      [
        `function ${name}(b, end, out) {`,
        `let p = r.position, k = r.keptFrom, w = r.writeAt, n = 0;`,
        ...lines,
        `r.position = p; r.keptFrom = k; r.writeAt = w;`,
        `return 0;`,
        `}`,
      ].join('\n'),
    );
  }

  #callPart(name: string): void {
    this.#source.add(
      `r.position = p; r.keptFrom = k; r.writeAt = w;`,
      `n = ${name}(b, end, out);`,
      `if (n < 0) return n;`,
      `p = r.position; k = r.keptFrom; w = r.writeAt;`,
    );
  }

  #map({ schema, key, keyPath = '', values }: Extract<PlanNode, { kind: 'map' }>): void {
    const leaf: AvroLeaf = { kind: 'string', logical: null, tags: [] };
    this.#blocks(schema.values, 1, () => {
      this.#node({ kind: 'leaf', schema: leaf, path: keyPath, instruction: key }, null);
      this.#node(values, null);
    });
  }

  /**
   * The blocks of an array or map whose items change. A header with a size in bytes would become untrue,
   * so it is written anew as a count alone.
   */
  #blocks(item: AvroType, keyBytes: number, items: () => void): void {
    const from = this.#source.name('s');
    this.#nothingPending = false;
    this.#source.blockLoop(keyBytes + leastBytes(item), from, () => {
      this.#source.add(`if (r.blockEnd >= 0) {`);
      this.#flush(from);
      this.#source.add(`w = writeLong(out, w, r.count); k = p;`, `}`);
      return items;
    });
    this.#nothingPending = false;
  }

  #union(node: Extract<PlanNode, { kind: 'union' }>, person: PersonPath): void {
    const { branches } = node.schema;
    const from = this.#source.name('s');
    const index = this.#source.name('u');
    this.#source.add(`const ${from} = p;`);
    this.#source.index(branches.length);
    this.#source.add(`const ${index} = n;`);
    const derived = derivedUnionBranches(node);
    const ofNull = branches.findIndex((branch) => branch.kind === 'null');
    node.branches.forEach((branch, i) => {
      this.#nothingPending = false;
      const becomesNull = ofNull >= 0 && i !== ofNull && isEmpty(branch);
      const lines = this.#source.captured(() => {
        if (becomesNull)
          this.#writeBranch(derived[ofNull]!, from, () => this.#source.walk(branch.schema, person));
        else if (derived[i] !== i) this.#writeBranch(derived[i]!, from, () => {});
        if (!becomesNull) this.#node(branch, person);
      });
      if (lines.length > 0) this.#source.add(`if (${index} === ${i}) {`, ...lines, `}`);
    });
    this.#nothingPending = false;
  }

  /** Either the part as the plan says, or nothing where the record meets one of the rules. */
  #guarded(node: Extract<PlanNode, { kind: 'guarded' }>, person: PersonPath): void {
    const bytes = guardedBytes(node.node);
    if (bytes === null)
      throw new GauzeError('ERR_POLICY_METHOD_TYPE', { method: 'redact', actual: typeWord(node.schema) });
    this.#flush();
    const emptied = this.#source.captured(() => {
      this.#source.walk(node.schema, person);
      this.#writeConstant(bytes);
      this.#pendingFromHere();
    });
    this.#source.add(`k = p;`, `if ((r.sensitive & ${node.rules}) !== 0) {`, ...emptied, `} else {`);
    this.#nothingPending = true;
    this.#node(node.node, person);
    this.#flush();
    this.#source.add(`}`);
    this.#pendingFromHere();
  }

  /** Writes a union's branch number in place of the one at `from`, and of what `walk` steps over. */
  #writeBranch(index: number, from: string, walk: () => void): void {
    this.#flush(from);
    walk();
    this.#writeConstant(indexBytes(index));
    this.#pendingFromHere();
  }
}
