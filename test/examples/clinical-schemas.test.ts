/**
 * Promises of the clinical example schemas: every leaf is tagged, one field says who, and every column
 * of a Synthea export has its place. Reads the .avsc files as plain JSON, by other code than gauze's.
 */
import { describe, expect, test } from '@jest/globals';
import { clinicalSchema } from '../../examples/hospital/clinical-codecs.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';

interface Found {
  readonly path: string;
  readonly tags: readonly string[];
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** All leaves below a type, with every tag met on the way; `named` holds the named types seen so far. */
function leaves(type: Json, path: string, tags: readonly string[], named: Map<string, Json>): Found[] {
  if (typeof type === 'string') {
    const known = named.get(type);
    if (known !== undefined) return leaves(known, path, tags, named);
    return type === 'null' ? [] : [{ path, tags }];
  }
  if (Array.isArray(type)) return type.flatMap((branch: Json) => leaves(branch, path, tags, named));
  const node = type as { readonly [name: string]: Json };
  const here = [...tags, ...((node['confluent:tags'] ?? []) as string[])];
  if (typeof node['name'] === 'string') named.set(node['name'], node);
  switch (node['type']) {
    case 'record':
      return (node['fields'] as { readonly [name: string]: Json }[]).flatMap((field) =>
        leaves(
          field['type']!,
          `${path}.${field['name'] as string}`,
          [...here, ...((field['confluent:tags'] ?? []) as string[])],
          named,
        ),
      );
    case 'array':
      return leaves(node['items']!, `${path}[]`, here, named);
    case 'map':
      return [{ path: `${path}{key}`, tags: here }, ...leaves(node['values']!, `${path}{}`, here, named)];
    default:
      return [{ path, tags: here }];
  }
}

describe.each(CLINICAL_TOPICS)('the schema of %s', (topic) => {
  const schema = JSON.parse(clinicalSchema(topic)) as Json;

  test('tags every leaf, map keys too', () => {
    const found = leaves(schema, '', [], new Map());
    expect(found.length).toBeGreaterThan(20);
    expect(found.filter(({ tags }) => tags.length === 0)).toEqual([]);
  });

  test('marks exactly one field as the person: patientId, a plain string tagged PHI_ID, first or second', () => {
    const fields = (schema as { readonly [name: string]: Json })['fields'] as {
      readonly [name: string]: Json;
    }[];
    const marked = fields.filter((field) => field['gauze:person'] === true);
    expect(marked).toHaveLength(1);
    expect(marked[0]).toMatchObject({ name: 'patientId', type: 'string', 'confluent:tags': ['PHI_ID'] });
    expect(fields.indexOf(marked[0]!)).toBeLessThan(2);
    expect(clinicalSchema(topic).match(/gauze:person/g)).toHaveLength(1);
  });

  test('has a feed sequence that was reviewed as no PHI', () => {
    const found = leaves(schema, '', [], new Map());
    expect(found).toContainEqual({ path: '.feedSequence', tags: ['PHI_NONE'] });
  });
});

test('the four schemas together use unions, maps, enums, fixed and the logical types', () => {
  const text = CLINICAL_TOPICS.map((topic) => clinicalSchema(topic)).join('\n');
  for (const word of ['date', 'timestamp-millis', 'decimal', 'uuid']) {
    expect(text).toContain(`"logicalType": "${word}"`);
  }
  for (const word of ['enum', 'map', 'array', 'fixed', 'record']) expect(text).toContain(`"type": "${word}"`);
});
