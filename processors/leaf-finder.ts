/**
 * Finds where wanted leaves stand in a record's bytes: one generated walk with the same checks as the transcoder's.
 * It keeps positions only, and those until the next record. It never throws for what a record holds, never reads
 * outside the record, and allocates nothing for one once its list has grown.
 */
import { GauzeError } from '../platform/errors.ts';
import { isLeaf } from '../schemas/avro-schema.ts';
import type { AvroLeaf, AvroMap, AvroRecord, AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import { ROOT_PATH, branchPath, fieldPath, itemsPath, keyPath, valuesPath } from '../schemas/field-path.ts';
import { holdsItself, isRecursive } from '../schemas/recursion.ts';
import * as avroBytes from './avro-bytes.ts';
import { FAULT_TRAILING, FAULT_TRUNCATED } from './fault.ts';
import { leastBytes } from './least-bytes.ts';
import { RecordState } from './record-state.ts';
import { WalkSource, inParts } from './walk-source.ts';

/** Numbers that one occurrence takes in `spans`: index of the wanted path, start, end. */
export const SPAN_NUMBERS = 3;

type Find = (input: Uint8Array, start: number, end: number) => number;
type Note = (leaf: number, from: number, to: number) => void;
type Factory = (helpers: typeof avroBytes, state: RecordState, note: Note) => Find;

const MAP_KEY: AvroLeaf = { kind: 'string', logical: null, tags: [] };

export class LeafFinder {
  /**
   * The type of each wanted leaf; a string for the keys of a map. Content of a string or bytes is without its
   * length, of all others the whole encoding.
   */
  readonly types: readonly AvroLeaf[];
  readonly #state = new RecordState(0);
  readonly #find: Find;
  #spans = new Int32Array(SPAN_NUMBERS * 16);
  #count = 0;

  /**
   * `wanted`: paths of leaves as `leavesOf` writes them, each once.
   * Throws ERR_INTERNAL for a path that is no leaf of `schema`: looking for nothing would find nothing wrong.
   */
  constructor(schema: AvroType, wanted: readonly string[]) {
    const source = new FinderSource(schema, wanted);
    const text = source.write(schema);
    this.types = wanted.map((path, at) => {
      const type = source.types.get(at);
      if (!type) throw new GauzeError('ERR_INTERNAL', { path, causeName: 'NoSuchLeaf' });
      return type;
    });
    // oxlint-disable-next-line typescript/no-implied-eval -- the source holds names and numbers of our own only
    const factory = new Function('h', 'r', 'note', text) as Factory;
    this.#find = factory(avroBytes, this.#state, (leaf, from, to) => this.#note(leaf, from, to));
  }

  /**
   * Looks into the Avro body input[start, end) (without the registry's 5-byte prefix). Returns how many occurrences
   * there are, in the order of the bytes; or a negative number, which is a fault (`faultCode`): then `spans` holds
   * nothing that may be used.
   */
  find(input: Uint8Array, start: number, end: number): number {
    this.#count = 0;
    const fault = this.#find(input, start, end);
    return fault < 0 ? fault : this.#count;
  }

  /** The occurrences of the last call, SPAN_NUMBERS each: index in `wanted`, start and end. Another array after growth. */
  get spans(): Int32Array {
    return this.#spans;
  }

  #note(leaf: number, from: number, to: number): void {
    const at = this.#count * SPAN_NUMBERS;
    if (at === this.#spans.length) {
      const grown = new Int32Array(at * 2);
      grown.set(this.#spans);
      this.#spans = grown;
    }
    this.#spans[at] = leaf;
    this.#spans[at + 1] = from;
    this.#spans[at + 2] = to;
    this.#count += 1;
  }
}

/** Names in the source: as in walk-source.ts, and note(index of the wanted path, start, end). */
class FinderSource {
  readonly types = new Map<number, AvroLeaf>();
  readonly #wanted: ReadonlyMap<string, number>;
  readonly #source: WalkSource;
  /** Functions of the records around this point that hold themselves. */
  readonly #around = new Map<string, string>();
  /** Does anything wanted stand at or below a place? Prefixes of the wanted paths. */
  readonly #above: ReadonlySet<string>;

  constructor(schema: AvroType, wanted: readonly string[]) {
    this.#source = new WalkSource(schema);
    this.#wanted = new Map(wanted.map((path, at) => [path, at]));
    this.#above = new Set(wanted.flatMap(placesAbove));
  }

  /** Body of a factory: takes `h` (functions), `r` (the state) and `note`. */
  write(schema: AvroType): string {
    const main = this.#source.captured(() => this.#visit(schema, ROOT_PATH));
    return [
      `'use strict';`,
      `const { skipInt, skipLong, readLength, readIndex, readBlock } = h;`,
      ...this.#source.functions,
      `return function find(b, start, end) {`,
      `let p = start, n = 0;`,
      `if (!(start >= 0 && end <= b.length)) return ${FAULT_TRUNCATED};`,
      `r.begin(-1, null);`,
      ...main,
      `return p === end ? 0 : ${FAULT_TRAILING};`,
      `};`,
    ].join('\n');
  }

  #visit(type: AvroType, path: string): void {
    if (isLeaf(type)) return this.#leaf(type, path);
    const comesAgain = this.#around.size > 0 && isRecursive(type);
    if (!this.#above.has(path) && !comesAgain) return this.#source.walk(type, null);
    switch (type.kind) {
      case 'record':
        return this.#record(type, path);
      case 'union':
        return this.#union(type, path);
      case 'array':
        return this.#source.blockLoop(
          leastBytes(type.items),
          null,
          () => () => this.#visit(type.items, itemsPath(path)),
        );
      case 'map':
        return this.#map(type, path);
      case 'reference': {
        const name = this.#around.get(type.fullName);
        return name === undefined
          ? this.#source.walk(type, null)
          : this.#source.deeper(() => this.#call(name));
      }
    }
  }

  #leaf(type: AvroLeaf, path: string): void {
    const wanted = this.#wanted.get(path);
    if (wanted === undefined || type.kind === 'null') return this.#source.walk(type, null);
    this.types.set(wanted, type);
    if (type.kind === 'string' || type.kind === 'bytes') {
      this.#source.walk(type, null);
      return this.#source.add(`note(${wanted}, p - n, p);`);
    }
    const from = this.#source.name('s');
    this.#source.add(`const ${from} = p;`);
    this.#source.walk(type, null);
    this.#source.add(`note(${wanted}, ${from}, p);`);
  }

  /** What is inside itself has one function for all depths: its leaves have the same paths there. */
  #record(type: AvroRecord, path: string): void {
    if (!holdsItself(type)) return this.#fields(type, path);
    const name = this.#source.name('f');
    const outer = this.#around.get(type.fullName);
    this.#around.set(type.fullName, name);
    this.#function(
      name,
      this.#source.captured(() => this.#fields(type, path)),
    );
    if (outer === undefined) this.#around.delete(type.fullName);
    else this.#around.set(type.fullName, outer);
    this.#call(name);
  }

  /** In functions of their own where they are large: V8 does not optimise beyond a certain size. */
  #fields(type: AvroRecord, path: string): void {
    const fields = type.fields.map((field) =>
      this.#source.captured(() => this.#visit(field.type, fieldPath(path, field.name))),
    );
    const parts = inParts(fields);
    if (parts.length <= 1) return this.#source.add(...parts.flat());
    for (const part of parts) {
      const name = this.#source.name('f');
      this.#function(name, part);
      this.#call(name);
    }
  }

  #function(name: string, lines: readonly string[]): void {
    this.#source.functions.push(
      [`function ${name}(b, p, end) {`, `let n = 0;`, ...lines, `return p;`, `}`].join('\n'),
    );
  }

  #call(name: string): void {
    this.#source.add(`p = ${name}(b, p, end); if (p < 0) return p;`);
  }

  #union(type: AvroUnion, path: string): void {
    const index = this.#source.name('u');
    this.#source.index(type.branches.length);
    this.#source.add(`const ${index} = n;`);
    type.branches.forEach((branch, at) => {
      const lines = this.#source.captured(() => this.#visit(branch, branchPath(path, type, branch)));
      if (lines.length > 0) this.#source.add(`if (${index} === ${at}) {`, ...lines, `}`);
    });
  }

  #map(type: AvroMap, path: string): void {
    this.#source.blockLoop(1 + leastBytes(type.values), null, () => () => {
      this.#leaf(MAP_KEY, keyPath(path));
      this.#visit(type.values, valuesPath(path));
    });
  }
}

/** The places on the way from the root to `path`, itself too. */
function placesAbove(path: string): string[] {
  const ends = [...path.matchAll(/[.[{<]/g)].map(({ index }) => index).filter((index) => index > 0);
  return [ROOT_PATH, ...ends.map((index) => path.slice(0, index)), path];
}
