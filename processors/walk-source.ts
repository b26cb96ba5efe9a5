/**
 * Writes the part of a transcoder's source that steps over a value and checks every bound, without writing anything:
 * the position p moves, and what is not a value of its type ends the function with a fault.
 * The source holds names and numbers made here: no text of a schema, policy or record may ever enter it.
 */
import { isLeaf } from '../schemas/avro-schema.ts';
import type { AvroLeaf, AvroRecord, AvroReference, AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import { isRecursive, recordsOf } from '../schemas/recursion.ts';
import { GauzeError } from '../platform/errors.ts';
import { FAULT_DEPTH, FAULT_TRUNCATED, FAULT_VALUE } from './fault.ts';
import { leastBytes } from './least-bytes.ts';

/** Field names from here to the person's field; null where it is not below. */
export type PersonPath = readonly string[] | null;

/**
 * V8 does not optimise functions beyond a certain size (60 KiB of bytecode), so a record with many fields is cut
 * into parts of about this many characters of source.
 */
const PART_CHARACTERS = 12_000;
/** A record may be inside itself so many times. */
export const DEPTH_LIMIT = 64;

/** Source being written: names in it are those that transcoder-source.ts lists. */
export class WalkSource {
  /** Functions beside the main one. */
  readonly functions: string[] = [];
  /** Functions that step over a record type, so that a type used often is written once. */
  readonly #recordWalks = new Map<AvroRecord, string>();
  /** What references stand for. */
  readonly #records: ReadonlyMap<string, AvroRecord>;
  #lines: string[] = [];
  #names = 0;

  /** `root` is the whole schema: a part of it may refer to what is around it. */
  constructor(root: AvroType) {
    this.#records = isRecursive(root) ? recordsOf(root) : new Map();
  }

  /** Does the schema hold a record inside itself? */
  get isRecursive(): boolean {
    return this.#records.size > 0;
  }

  /** Adds lines at the end of what is being written. */
  add(...lines: string[]): void {
    this.#lines.push(...lines);
  }

  /** A name that nothing else in the source has. */
  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** The lines that `write` adds, taken out of the stream. */
  captured(write: () => void): string[] {
    const before = this.#lines;
    this.#lines = [];
    write();
    const captured = this.#lines;
    this.#lines = before;
    return captured;
  }

  // ---- the walk: steps over a value and checks it; p moves, nothing is written

  /** Steps over a value; notes the person where `person` leads to it. Leaves the content's length of a string in n. */
  walk(schema: AvroType, person: PersonPath): void {
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
      case 'reference':
        return this.#walkAgain(schema);
    }
  }

  #walkLeaf(leaf: AvroLeaf, isPerson: boolean): void {
    switch (leaf.kind) {
      case 'null':
        return;
      case 'boolean':
        return this.add(`if (p >= end) return ${FAULT_TRUNCATED};`, `if (b[p++] > 1) return ${FAULT_VALUE};`);
      case 'int':
        return this.#walkNumber('skipInt', isPerson);
      case 'long':
        return this.#walkNumber('skipLong', isPerson);
      case 'float':
        return this.#walkBytes(4);
      case 'double':
        return this.#walkBytes(8);
      case 'fixed':
        return this.#walkBytes(leaf.size);
      case 'enum':
        return this.index(leaf.symbols.length);
      case 'string':
      case 'bytes':
        this.#walkContent();
        if (isPerson && leaf.kind === 'string')
          this.add(`r.personInput = b; r.personView = r.inputView; r.personStart = p - n; r.personEnd = p;`);
    }
  }

  #walkBytes(size: number): void {
    this.add(`p += ${size};`, `if (p > end) return ${FAULT_TRUNCATED};`);
  }

  #walkVarint(skip: 'skipInt' | 'skipLong'): void {
    this.add(
      `if (p >= end) return ${FAULT_TRUNCATED};`,
      `if (b[p] < 0x80) p++; else { p = ${skip}(b, p, end); if (p < 0) return p; }`,
    );
  }

  #walkNumber(skip: 'skipInt' | 'skipLong', isPerson: boolean): void {
    if (!isPerson) return this.#walkVarint(skip);
    const from = this.name('s');
    this.add(`const ${from} = p;`);
    this.#walkVarint(skip);
    this.add(`notePersonLong(b, ${from}, p, r);`);
  }

  /** Steps over a string or bytes; leaves the length of the content in n. Even single bytes are lengths below 64. */
  #walkContent(): void {
    this.add(
      `if (p >= end) return ${FAULT_TRUNCATED};`,
      `n = b[p];`,
      `if ((n & 0x81) === 0) { n >>= 1; p += 1 + n; if (p > end) return ${FAULT_TRUNCATED}; }`,
      `else { p = readLength(b, p, end, r); if (p < 0) return p; n = r.count; p += n; }`,
    );
  }

  /** Reads a branch or symbol number below `size` into n. */
  index(size: number): void {
    this.add(
      `if (p >= end) return ${FAULT_TRUNCATED};`,
      `n = b[p];`,
      `if ((n & 0x81) === 0) { n >>= 1; p++; if (n >= ${size}) return ${FAULT_VALUE}; }`,
      `else { p = readIndex(b, p, end, ${size}, r); if (p < 0) return p; n = r.count; }`,
    );
  }

  #walkRecord(schema: AvroRecord, person: PersonPath): void {
    if (person !== null) {
      for (const field of schema.fields) this.walk(field.type, stepInto(person, field.name));
      return;
    }
    this.add(this.#callWalk(this.#recordWalk(schema)));
  }

  #walkAgain({ fullName }: AvroReference): void {
    const record = this.#records.get(fullName);
    if (!record) throw new GauzeError('ERR_INTERNAL', { causeName: 'UnknownReference' });
    const name = this.#recordWalk(record);
    this.deeper(() => this.add(this.#callWalk(name)));
  }

  /** What `write` adds is one level deeper in a record inside itself. */
  deeper(write: () => void): void {
    this.add(`if (++r.depth > ${DEPTH_LIMIT}) return ${FAULT_DEPTH};`);
    write();
    this.add(`r.depth--;`);
  }

  #recordWalk(schema: AvroRecord): string {
    const known = this.#recordWalks.get(schema);
    if (known) return known;
    const name = this.name('f');
    this.#recordWalks.set(schema, name);
    const parts = inParts(schema.fields.map(({ type }) => this.captured(() => this.walk(type, null))));
    if (parts.length <= 1) this.#walkFunction(name, parts.flat());
    else
      this.#walkFunction(
        name,
        parts.map((lines) => this.#callWalk(this.#walkFunction(this.name('f'), lines))),
      );
    return name;
  }

  /** Adds a function that steps over something; returns its name. */
  #walkFunction(name: string, lines: readonly string[]): string {
    this.functions.push(
      [`function ${name}(b, p, end) {`, `let n = 0;`, ...lines, `return p;`, `}`].join('\n'),
    );
    return name;
  }

  #callWalk(name: string): string {
    return `p = ${name}(b, p, end); if (p < 0) return p;`;
  }

  #walkUnion(schema: AvroUnion, person: PersonPath): void {
    const index = this.name('u');
    this.index(schema.branches.length);
    this.add(`const ${index} = n;`);
    schema.branches.forEach((branch, i) => {
      const lines = this.captured(() => this.walk(branch, person));
      if (lines.length > 0) this.add(`if (${index} === ${i}) {`, ...lines, `}`);
    });
  }

  #walkBlocks(item: AvroType, hasKeys: boolean): void {
    this.blockLoop(leastBytes(item) + (hasKeys ? 1 : 0), null, () => () => {
      if (hasKeys) this.#walkContent();
      this.walk(item, null);
    });
  }

  /** Blocks up to the one of count 0. `header` runs after each block's header and gives what to do per item. */
  blockLoop(itemBytes: number, from: string | null, header: () => () => void): void {
    const count = this.name('n');
    const blockEnd = this.name('e');
    this.add(`for (;;) {`);
    if (from !== null) this.add(`const ${from} = p;`);
    this.add(
      `if (p < end && b[p] === 0) { p++; break; }`,
      `p = readBlock(b, p, end, ${itemBytes}, r);`,
      `if (p < 0) return p;`,
      `let ${count} = r.count; const ${blockEnd} = r.blockEnd;`,
    );
    const item = header();
    this.add(`if (${count} === 0) break;`);
    this.add(`while (${count}-- > 0) {`);
    item();
    this.add(`}`, `if (${blockEnd} >= 0 && p !== ${blockEnd}) return ${FAULT_VALUE};`, `}`);
  }

  // ---- the walk that only looks for the person

  /** Writes the function `findPerson(b, p, end)`: notes the person or returns a fault. */
  findPersonFunction(schema: AvroType, person: readonly string[]): void {
    const lines = this.captured(() => this.#seek(schema, person));
    this.functions.push(
      [`function findPerson(b, p, end) {`, `let n = 0;`, ...lines, `return 0;`, `}`].join('\n'),
    );
  }

  /** Like the walk, but goes no further than the person's field. */
  #seek(schema: AvroType, person: readonly string[]): void {
    if (schema.kind === 'record') {
      for (const field of schema.fields) {
        if (field.name === person[0]) return this.#seek(field.type, person.slice(1));
        this.walk(field.type, null);
      }
    } else if (schema.kind === 'union') {
      const index = this.name('u');
      this.index(schema.branches.length);
      this.add(`const ${index} = n;`);
      schema.branches.forEach((branch, i) => {
        const lines = this.captured(() => this.#seek(branch, person));
        if (lines.length > 0) this.add(`if (${index} === ${i}) {`, ...lines, `}`);
      });
    } else if (isLeaf(schema)) {
      this.#walkLeaf(schema, person.length === 0);
    }
  }
}

/** The path below a field; null where the person is not below it. */
export function stepInto(person: PersonPath, fieldName: string): PersonPath {
  return person !== null && person[0] === fieldName ? person.slice(1) : null;
}

/** Puts the lines of fields together into parts that V8 optimises. */
export function inParts(fields: readonly (readonly string[])[]): string[][] {
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
