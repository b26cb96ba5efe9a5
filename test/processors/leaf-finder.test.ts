/**
 * The finder of leaves against avsc: what stands in the spans is what decoding gives, for every leaf of random schemas.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { faultCode } from '../../processors/fault.ts';
import { LeafFinder, SPAN_NUMBERS } from '../../processors/leaf-finder.ts';
import { avscTypes, wrapName } from '../../processors/value-oracle.ts';
import { isLeaf } from '../../schemas/avro-schema.ts';
import type { AvroLeaf, AvroType } from '../../schemas/avro-schema.ts';
import { branchPath, fieldPath, itemsPath, keyPath, valuesPath } from '../../schemas/field-path.ts';
import { leavesOf } from '../../schemas/tags.ts';
import { arbitraryCase } from '../support/arbitrary-plan.ts';
import { planFor } from '../support/plan-builder.ts';

/** `path content` of each value in the order of the bytes; content in hex. */
type Found = string[];
type Wrapped = Readonly<Record<string, unknown>>;

/** The content of one value, encoded by hand. */
function contentOf(leaf: AvroLeaf, value: unknown): string {
  switch (leaf.kind) {
    case 'string':
      return Buffer.from(value as string).toString('hex');
    case 'bytes':
    case 'fixed':
      return (value as Buffer).toString('hex');
    case 'boolean':
      return value === true ? '01' : '00';
    case 'enum':
      return varint(BigInt(leaf.symbols.indexOf(value as string)));
    case 'float':
    case 'double': {
      const bytes = Buffer.alloc(8);
      if (leaf.kind === 'float') bytes.writeFloatLE(value as number);
      else bytes.writeDoubleLE(value as number);
      return bytes.toString('hex', 0, leaf.kind === 'float' ? 4 : 8);
    }
    default:
      return varint(BigInt(value as number | bigint));
  }
}

function varint(value: bigint): string {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]).toString('hex');
}

type Around = Map<string, readonly [AvroType, string]>;

function expected(
  type: AvroType,
  value: unknown,
  path: string,
  found: Found,
  around: Around = new Map(),
): Found {
  if (value === null || type.kind === 'null') return found;
  if (isLeaf(type)) {
    found.push(`${path} ${contentOf(type, value)}`);
    return found;
  }
  if (type.kind === 'reference') {
    const [record, outer] = around.get(type.fullName)!;
    return expected(record, value, outer, found, around);
  }
  if (type.kind === 'record') {
    around.set(type.fullName, [type, path]);
    for (const { name, type: of } of type.fields)
      expected(of, (value as Wrapped)[name], fieldPath(path, name), found, around);
  } else if (type.kind === 'array') {
    for (const item of value as unknown[]) expected(type.items, item, itemsPath(path), found, around);
  } else if (type.kind === 'map') {
    for (const [key, entry] of Object.entries(value as Wrapped)) {
      found.push(`${keyPath(path)} ${Buffer.from(key).toString('hex')}`);
      expected(type.values, entry, valuesPath(path), found, around);
    }
  } else {
    const [[name, inner]] = Object.entries(value as Wrapped) as [[string, unknown]];
    const branch = type.branches.find((each) => wrapName(each) === name)!;
    expected(branch, inner, branchPath(path, type, branch), found, around);
  }
  return found;
}

function found(
  finder: LeafFinder,
  wanted: readonly string[],
  input: Buffer,
  start: number,
  end: number,
): Found {
  const count = finder.find(input, start, end);
  if (count < 0) return [faultCode(count)];
  return Array.from({ length: count }, (_, i) => {
    const [leaf, from, to] = finder.spans.subarray(i * SPAN_NUMBERS, (i + 1) * SPAN_NUMBERS);
    return `${wanted[leaf!]} ${input.toString('hex', from, to)}`;
  });
}

const LIST = {
  type: 'record',
  name: 'R',
  fields: [
    { name: 'codes', type: { type: 'array', items: 'string' } },
    { name: 'by', type: { type: 'map', values: ['null', 'int', 'string'] } },
  ],
};

describe('the finder of leaves', () => {
  test('finds all wanted values where avsc decodes them, in 600 random cases', () => {
    let values = 0;
    fc.assert(
      fc.property(arbitraryCase(), fc.nat(), fc.nat(40), (one, pick, shift) => {
        const { schema } = one.plan.root;
        // Every leaf, or every third.
        const paths = [...new Set(leavesOf(schema).map(({ path }) => path))];
        const wanted = pick % 2 === 0 ? paths : paths.filter((_, i) => i % 3 === pick % 3);
        const encoded = avscTypes(one.plan).writer.toBuffer(one.value);
        const larger = Buffer.concat([Buffer.alloc(shift, 0xff), encoded, Buffer.alloc(9, 0x02)]);
        const finder = new LeafFinder(schema, wanted);
        const came = found(finder, wanted, larger, shift, shift + encoded.length);
        const all = expected(schema, one.value, '$', []);
        expect(came).toEqual(all.filter((line) => wanted.includes(line.split(' ')[0]!)));
        values += came.length;
        expect(finder.types.map(({ kind }) => kind)).toEqual(
          wanted.map((path) => leavesOf(schema).find((leaf) => leaf.path === path)!.type.kind),
        );
      }),
      { numRuns: 600 },
    );
    expect(values).toBeGreaterThan(1_500);
  });

  test('finds several occurrences, keys and branches, and forgets the record before', () => {
    const plan = planFor(LIST, {});
    const encode = (value: unknown): Buffer => avscTypes(plan).writer.toBuffer(value);
    const wanted = ['by{}<string>', 'codes[]', 'by{key}'];
    const finder = new LeafFinder(plan.root.schema, wanted);
    const input = encode({ codes: ['F10.20', ''], by: { a: { string: 'x' }, b: null, c: { int: 3 } } });
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    expect(found(finder, wanted, input, 0, input.length)).toEqual([
      `codes[] ${hex('F10.20')}`,
      `codes[] `,
      `by{key} ${hex('a')}`,
      `by{}<string> ${hex('x')}`,
      `by{key} ${hex('b')}`,
      `by{key} ${hex('c')}`,
    ]);
    const none = encode({ codes: [], by: {} });
    expect(found(finder, wanted, none, 0, none.length)).toEqual([]);
  });

  test('grows once for a record of many occurrences, and keeps its list after', () => {
    const plan = planFor(LIST, {});
    const finder = new LeafFinder(plan.root.schema, ['codes[]']);
    const many = avscTypes(plan).writer.toBuffer({
      codes: Array.from({ length: 1000 }, () => 'E11'),
      by: {},
    });
    expect(finder.find(many, 0, many.length)).toBe(1000);
    const grown = finder.spans;
    expect(finder.find(many, 0, many.length)).toBe(1000);
    expect(finder.spans).toBe(grown);
  });

  test('refuses a path that is no leaf', () => {
    const { schema } = planFor(LIST, {}).root;
    for (const path of ['codes', 'code[]', 'by{}', 'by{}<bytes>'])
      expect(() => new LeafFinder(schema, [path])).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }));
  });

  test('gives a fault for every truncation and for bytes after the record, and never throws for changed bytes', () => {
    fc.assert(
      fc.property(arbitraryCase(), fc.nat(), fc.integer({ min: 0, max: 255 }), (one, position, byte) => {
        const { schema } = one.plan.root;
        const wanted = [...new Set(leavesOf(schema).map(({ path }) => path))];
        const finder = new LeafFinder(schema, wanted);
        const encoded = avscTypes(one.plan).writer.toBuffer(one.value);
        if (encoded.length === 0) return;
        const cut = Math.floor(position % encoded.length);
        expect(finder.find(encoded, 0, cut)).toBeLessThan(0);
        expect(finder.find(Buffer.concat([encoded, Buffer.from([0])]), 0, encoded.length + 1)).toBeLessThan(
          0,
        );
        const changed = Buffer.from(encoded);
        changed[cut] = byte;
        const count = finder.find(changed, 0, changed.length);
        for (let i = 0; i < count; i += 1) {
          const [, from, to] = finder.spans.subarray(i * SPAN_NUMBERS, (i + 1) * SPAN_NUMBERS);
          expect(from! >= 0 && from! <= to! && to! <= changed.length).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('writes no text of the schema into its source', () => {
    const evil = { type: 'record', name: 'R', fields: [{ name: 'zebra', type: 'string' }] };
    const texts: string[] = [];
    const real = globalThis.Function;
    globalThis.Function = class extends real {
      constructor(...parts: string[]) {
        super(...parts);
        texts.push(parts.at(-1)!);
      }
    } as FunctionConstructor;
    try {
      expect(new LeafFinder(planFor(evil, {}).root.schema, ['zebra']).types).toHaveLength(1);
    } finally {
      globalThis.Function = real;
    }
    expect(texts.join('')).toContain('note(0');
    expect(texts.join('')).not.toContain('zebra');
  });
});
