/**
 * Writes the source of a plan's transcoder: a walk over the writer's bytes that checks every bound, keeps a
 * pending span of bytes to copy, and hands the leaves that change to their maskers.
 * The source holds names and numbers made here: no text of a schema, policy or record may ever enter it.
 *
 * Names in the source: b input, p position, end, k start of the pending span, out, w write position,
 * n scratch, r RecordState, m0.. maskers, c0.. constants, f0.. parts of the function.
 */
import { isLeaf } from '../schemas/avro-schema.ts';
import type { AvroLeaf, AvroRecord, AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { derivedUnionBranches } from './derive-schema.ts';
import { emptyBytes, indexBytes } from './empty-value.ts';
import { FAULT_TRAILING, FAULT_TRUNCATED, FAULT_VALUE } from './fault.ts';
import { compileLeaf } from './method-table.ts';
import { leastBytes } from './least-bytes.ts';
import { personComesFirst } from './person-order.ts';
import type { LeafMasker } from './method.ts';
import type { Plan, PlanNode } from './plan.ts';

/** What the generated source refers to. */
export interface TranscoderSource {
  /** Body of a factory: takes `h` (functions), `r`, `maskers`, `constants`; returns the function. */
  readonly text: string;
  readonly maskers: readonly LeafMasker[];
  readonly constants: readonly Buffer[];
}

/** Field names from here to the person's field; null where it is not below. */
type PersonPath = readonly string[] | null;

/**
 * V8 does not optimise functions beyond a certain size (60 KiB of bytecode), so a record with many fields is cut
 * into parts of about this many characters of source.
 */
const PART_CHARACTERS = 12_000;

export function generateTranscoder(plan: Plan, keys: AudienceKeys): TranscoderSource {
  return new Generator(plan, keys).generate();
}

class Generator {
  readonly #plan: Plan;
  readonly #keys: AudienceKeys;
  readonly #maskers: LeafMasker[] = [];
  readonly #constants: Buffer[] = [];
  /** Functions beside the main one. */
  readonly #functions: string[] = [];
  /** Functions that step over a record type, so that a type used often is written once. */
  readonly #recordWalks = new Map<AvroRecord, string>();
  #lines: string[] = [];
  #names = 0;
  /** True where no byte can be pending at this point of the source. */
  #nothingPending = true;

  constructor(plan: Plan, keys: AudienceKeys) {
    this.#plan = plan;
    this.#keys = keys;
  }

  generate(): TranscoderSource {
    const { root } = this.#plan;
    const person = this.#plan.personPath;
    const order = person === null ? 'not needed' : personComesFirst(root, person);
    if (order === 'shift first') this.#findPersonFunction(root.schema, person!);
    this.#node(root, order === 'person first' ? person : null);
    this.#flush();
    const main = this.#lines;
    return { text: this.#factory(main, order === 'shift first'), ...this.#parts() };
  }

  #parts(): Pick<TranscoderSource, 'maskers' | 'constants'> {
    return { maskers: this.#maskers, constants: this.#constants };
  }

  #factory(main: readonly string[], findPersonFirst: boolean): string {
    const find = `n = findPerson(b, start, end); if (n < 0) return n; r.emptyItems = 0;`;
    return [
      `'use strict';`,
      `const { skipInt, skipLong, readLength, readIndex, readBlock, writeLong, copySpan, copyKept, notePersonLong } = h;`,
      ...this.#maskers.map((_, i) => `const m${i} = maskers[${i}];`),
      ...this.#constants.map((_, i) => `const c${i} = constants[${i}];`),
      ...this.#functions,
      `return function mask(b, start, end, out, at, recordTimeMs) {`,
      `let p = start, k = start, w = at, n = 0;`,
      `if (!(start >= 0 && end <= b.length)) return ${FAULT_TRUNCATED};`,
      `r.use(b, out);`,
      `r.begin(recordTimeMs);`,
      findPersonFirst ? find : '',
      ...main,
      `return p === end ? w : ${FAULT_TRAILING};`,
      `};`,
    ].join('\n');
  }

  // ---- pieces

  #add(...lines: string[]): void {
    this.#lines.push(...lines);
  }

  #name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** The lines that `write` adds, taken out of the stream. */
  #captured(write: () => void): string[] {
    const before = this.#lines;
    this.#lines = [];
    write();
    const captured = this.#lines;
    this.#lines = before;
    return captured;
  }

  /** Writes the pending span up to `to` and begins a new one at p. */
  #flush(to = 'p'): void {
    if (!this.#nothingPending) this.#add(`if (k < ${to}) w = copyKept(b, k, ${to}, out, w, r);`);
  }

  #pendingFromHere(): void {
    this.#add('k = p;');
    this.#nothingPending = true;
  }

  #writeConstant(bytes: readonly number[]): void {
    if (bytes.length <= 4) {
      for (const byte of bytes) this.#add(`out[w++] = ${byte};`);
      return;
    }
    this.#constants.push(Buffer.from(bytes));
    const name = `c${this.#constants.length - 1}`;
    this.#add(`w = copySpan(${name}, 0, ${bytes.length}, out, w);`);
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
    }
  }

  #keep(schema: AvroType, person: PersonPath): void {
    this.#walk(schema, person);
    this.#nothingPending = false;
  }

  /** Steps over a value and writes `bytes` in its place. */
  #replace(schema: AvroType, bytes: readonly number[], person: PersonPath): void {
    this.#flush();
    this.#walk(schema, person);
    this.#writeConstant(bytes);
    this.#pendingFromHere();
  }

  #leaf({ schema, instruction }: Extract<PlanNode, { kind: 'leaf' }>, person: PersonPath): void {
    if (schema.kind === 'null' || instruction.method === 'keep') return this.#keep(schema, person);
    if (instruction.method === 'drop') return this.#replace(schema, [], person);
    const masker = compileLeaf(schema, instruction, this.#keys);
    if (masker === null) return this.#replace(schema, emptyBytes(schema), person);
    this.#flush();
    const hasLength = schema.kind === 'string' || schema.kind === 'bytes';
    const from = this.#name('s');
    if (!hasLength) this.#add(`const ${from} = p;`);
    this.#walk(schema, person);
    this.#maskers.push(masker);
    const content = hasLength ? 'p - n' : from;
    this.#add(`w = m${this.#maskers.length - 1}(b, ${content}, p, out, w, r);`, `if (w < 0) return w;`);
    this.#pendingFromHere();
  }

  #record(node: Extract<PlanNode, { kind: 'record' }>, person: PersonPath): void {
    const parts = inParts(
      node.fields.map((child, i) =>
        this.#captured(() => this.#node(child, stepInto(person, node.schema.fields[i]!.name))),
      ),
    );
    if (parts.length <= 1) return this.#add(...parts.flat());
    for (const part of parts) this.#part(part);
  }

  /** Moves lines into a function of their own; positions travel through the record's state. */
  #part(lines: readonly string[]): void {
    const name = this.#name('f');
    this.#functions.push(
      [
        `function ${name}(b, end, out) {`,
        `let p = r.position, k = r.keptFrom, w = r.writeAt, n = 0;`,
        ...lines,
        `r.position = p; r.keptFrom = k; r.writeAt = w;`,
        `return 0;`,
        `}`,
      ].join('\n'),
    );
    this.#add(
      `r.position = p; r.keptFrom = k; r.writeAt = w;`,
      `n = ${name}(b, end, out);`,
      `if (n < 0) return n;`,
      `p = r.position; k = r.keptFrom; w = r.writeAt;`,
    );
  }

  #map({ schema, key, values }: Extract<PlanNode, { kind: 'map' }>): void {
    const leaf: AvroLeaf = { kind: 'string', logical: null, tags: [] };
    this.#blocks(schema.values, 1, () => {
      this.#node({ kind: 'leaf', schema: leaf, path: '', instruction: key }, null);
      this.#node(values, null);
    });
  }

  /**
   * The blocks of an array or map whose items change. A header with a size in bytes would become untrue,
   * so it is written anew as a count alone.
   */
  #blocks(item: AvroType, keyBytes: number, items: () => void): void {
    const from = this.#name('s');
    this.#nothingPending = false;
    this.#blockLoop(keyBytes + leastBytes(item), from, () => {
      this.#add(`if (r.blockEnd >= 0) {`);
      this.#flush(from);
      this.#add(`w = writeLong(out, w, r.count); k = p;`, `}`);
      return items;
    });
    this.#nothingPending = false;
  }

  #union(node: Extract<PlanNode, { kind: 'union' }>, person: PersonPath): void {
    const { branches } = node.schema;
    const from = this.#name('s');
    const index = this.#name('u');
    this.#add(`const ${from} = p;`);
    this.#index(branches.length);
    this.#add(`const ${index} = n;`);
    const derived = derivedUnionBranches(node);
    const ofNull = branches.findIndex((branch) => branch.kind === 'null');
    node.branches.forEach((branch, i) => {
      this.#nothingPending = false;
      const becomesNull = ofNull >= 0 && i !== ofNull && isEmptied(branch);
      const lines = this.#captured(() => {
        if (becomesNull) this.#writeBranch(derived[ofNull]!, from, () => this.#walk(branch.schema, person));
        else if (derived[i] !== i) this.#writeBranch(derived[i]!, from, () => {});
        if (!becomesNull) this.#node(branch, person);
      });
      if (lines.length > 0) this.#add(`if (${index} === ${i}) {`, ...lines, `}`);
    });
    this.#nothingPending = false;
  }

  /** Writes a union's branch number in place of the one at `from`, and of what `walk` steps over. */
  #writeBranch(index: number, from: string, walk: () => void): void {
    this.#flush(from);
    walk();
    this.#writeConstant(indexBytes(index));
    this.#pendingFromHere();
  }

  // ---- the walk: steps over a value and checks it; p moves, nothing is written

  #walk(schema: AvroType, person: PersonPath): void {
    if (isLeaf(schema)) return this.#walkLeaf(schema, person?.length === 0);
    switch (schema.kind) {
      case 'record':
        return this.#walkRecord(schema, person);
      case 'union':
        return this.#walkUnion(schema, person);
      case 'array':
        return this.#walkBlocks(schema.items, false);
      case 'map':
        return this.#walkBlocks(schema.values, true);
    }
  }

  #walkLeaf(leaf: AvroLeaf, isPerson: boolean): void {
    switch (leaf.kind) {
      case 'null':
        return;
      case 'boolean':
        return this.#add(
          `if (p >= end) return ${FAULT_TRUNCATED};`,
          `if (b[p++] > 1) return ${FAULT_VALUE};`,
        );
      case 'int':
        return this.#walkVarint('skipInt');
      case 'long':
        return this.#walkLong(isPerson);
      case 'float':
        return this.#walkBytes(4);
      case 'double':
        return this.#walkBytes(8);
      case 'fixed':
        return this.#walkBytes(leaf.size);
      case 'enum':
        return this.#index(leaf.symbols.length);
      case 'string':
      case 'bytes':
        this.#walkContent();
        if (isPerson && leaf.kind === 'string')
          this.#add(`r.personInput = b; r.personView = r.inputView; r.personStart = p - n; r.personEnd = p;`);
    }
  }

  #walkBytes(size: number): void {
    this.#add(`p += ${size};`, `if (p > end) return ${FAULT_TRUNCATED};`);
  }

  #walkVarint(skip: 'skipInt' | 'skipLong'): void {
    this.#add(
      `if (p >= end) return ${FAULT_TRUNCATED};`,
      `if (b[p] < 0x80) p++; else { p = ${skip}(b, p, end); if (p < 0) return p; }`,
    );
  }

  #walkLong(isPerson: boolean): void {
    if (!isPerson) return this.#walkVarint('skipLong');
    const from = this.#name('s');
    this.#add(`const ${from} = p;`);
    this.#walkVarint('skipLong');
    this.#add(`notePersonLong(b, ${from}, p, r);`);
  }

  /** Steps over a string or bytes; leaves the length of the content in n. Even single bytes are lengths below 64. */
  #walkContent(): void {
    this.#add(
      `if (p >= end) return ${FAULT_TRUNCATED};`,
      `n = b[p];`,
      `if ((n & 0x81) === 0) { n >>= 1; p += 1 + n; if (p > end) return ${FAULT_TRUNCATED}; }`,
      `else { p = readLength(b, p, end, r); if (p < 0) return p; n = r.count; p += n; }`,
    );
  }

  /** Reads a branch or symbol number below `size` into n. */
  #index(size: number): void {
    this.#add(
      `if (p >= end) return ${FAULT_TRUNCATED};`,
      `n = b[p];`,
      `if ((n & 0x81) === 0) { n >>= 1; p++; if (n >= ${size}) return ${FAULT_VALUE}; }`,
      `else { p = readIndex(b, p, end, ${size}, r); if (p < 0) return p; n = r.count; }`,
    );
  }

  #walkRecord(schema: AvroRecord, person: PersonPath): void {
    if (person !== null) {
      for (const field of schema.fields) this.#walk(field.type, stepInto(person, field.name));
      return;
    }
    this.#add(this.#callWalk(this.#recordWalk(schema)));
  }

  #recordWalk(schema: AvroRecord): string {
    const known = this.#recordWalks.get(schema);
    if (known) return known;
    const name = this.#name('f');
    this.#recordWalks.set(schema, name);
    const parts = inParts(schema.fields.map(({ type }) => this.#captured(() => this.#walk(type, null))));
    if (parts.length <= 1) this.#walkFunction(name, parts.flat());
    else
      this.#walkFunction(
        name,
        parts.map((lines) => this.#callWalk(this.#walkFunction(this.#name('f'), lines))),
      );
    return name;
  }

  /** Adds a function that steps over something; returns its name. */
  #walkFunction(name: string, lines: readonly string[]): string {
    this.#functions.push(
      [`function ${name}(b, p, end) {`, `let n = 0;`, ...lines, `return p;`, `}`].join('\n'),
    );
    return name;
  }

  #callWalk(name: string): string {
    return `p = ${name}(b, p, end); if (p < 0) return p;`;
  }

  #walkUnion(schema: AvroUnion, person: PersonPath): void {
    const index = this.#name('u');
    this.#index(schema.branches.length);
    this.#add(`const ${index} = n;`);
    schema.branches.forEach((branch, i) => {
      const lines = this.#captured(() => this.#walk(branch, person));
      if (lines.length > 0) this.#add(`if (${index} === ${i}) {`, ...lines, `}`);
    });
  }

  #walkBlocks(item: AvroType, hasKeys: boolean): void {
    this.#blockLoop(leastBytes(item) + (hasKeys ? 1 : 0), null, () => () => {
      if (hasKeys) this.#walkContent();
      this.#walk(item, null);
    });
  }

  /** Blocks up to the one of count 0. `header` runs after each block's header and gives what to do per item. */
  #blockLoop(itemBytes: number, from: string | null, header: () => () => void): void {
    const count = this.#name('n');
    const blockEnd = this.#name('e');
    this.#add(`for (;;) {`);
    if (from !== null) this.#add(`const ${from} = p;`);
    this.#add(
      `if (p < end && b[p] === 0) { p++; break; }`,
      `p = readBlock(b, p, end, ${itemBytes}, r);`,
      `if (p < 0) return p;`,
      `let ${count} = r.count; const ${blockEnd} = r.blockEnd;`,
    );
    const item = header();
    this.#add(`if (${count} === 0) break;`);
    this.#add(`while (${count}-- > 0) {`);
    item();
    this.#add(`}`, `if (${blockEnd} >= 0 && p !== ${blockEnd}) return ${FAULT_VALUE};`, `}`);
  }

  // ---- the walk that only looks for the person

  #findPersonFunction(schema: AvroType, person: readonly string[]): void {
    const lines = this.#captured(() => this.#seek(schema, person));
    this.#functions.push(
      [`function findPerson(b, p, end) {`, `let n = 0;`, ...lines, `return 0;`, `}`].join('\n'),
    );
  }

  /** Like the walk, but goes no further than the person's field. */
  #seek(schema: AvroType, person: readonly string[]): void {
    if (schema.kind === 'record') {
      for (const field of schema.fields) {
        if (field.name === person[0]) return this.#seek(field.type, person.slice(1));
        this.#walk(field.type, null);
      }
    } else if (schema.kind === 'union') {
      const index = this.#name('u');
      this.#index(schema.branches.length);
      this.#add(`const ${index} = n;`);
      schema.branches.forEach((branch, i) => {
        const lines = this.#captured(() => this.#seek(branch, person));
        if (lines.length > 0) this.#add(`if (${index} === ${i}) {`, ...lines, `}`);
      });
    } else if (isLeaf(schema)) {
      this.#walkLeaf(schema, person.length === 0);
    }
  }
}

/** The path below a field; null where the person is not below it. */
function stepInto(person: PersonPath, fieldName: string): PersonPath {
  return person !== null && person[0] === fieldName ? person.slice(1) : null;
}

/** Whether a branch is written without looking at its value. */
function isEmptied(node: PlanNode): boolean {
  return node.kind === 'empty' || (node.kind === 'leaf' && node.instruction.method === 'redact');
}

/** Puts the lines of fields together into parts that V8 optimises. */
function inParts(fields: readonly (readonly string[])[]): string[][] {
  const parts: string[][] = [];
  let size = Infinity;
  for (const lines of fields) {
    const characters = lines.reduce((sum, line) => sum + line.length, 0);
    if (size + characters > PART_CHARACTERS) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)!.push(...lines);
    size += characters;
  }
  return parts;
}
