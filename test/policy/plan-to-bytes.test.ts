import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Schema, Type as AvscType } from 'avsc';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { compile, field, planned, policyWith } from '../support/policy-fixture.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const { Type } = createRequire(import.meta.url)('avsc') as { Type: { forSchema(schema: Schema): AvscType } };

/** Random records through the plan: every one that is not withheld must be read by the derived schema. */
function published(plan: CompiledPlan, text: string, records: number): unknown[] {
  const raw = Type.forSchema(JSON.parse(text) as Schema);
  const derived = Type.forSchema(JSON.parse(plan.derivedSchema) as Schema);
  const transcoder = compileTranscoder(plan, testKeys());
  const out = Buffer.alloc(1 << 20);
  const values: unknown[] = [];
  for (let i = 0; i < records; i++) {
    const bytes = raw.toBuffer(raw.random());
    const end = transcoder.mask(bytes, 0, bytes.length, out, 0, 0, NOWHERE);
    // Random numbers lie outside of what dates and ages can be: such records are withheld.
    if (end >= 0) values.push(derived.fromBuffer(out.subarray(0, end)));
  }
  return values;
}

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

const tagged = (type: object, tag: string): object => ({ ...type, 'confluent:tags': [tag] });

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('what a plan writes is what its derived schema says', () => {
  const kind = { type: 'enum', name: 'Kind', symbols: ['A', 'B'] };
  const hash = { type: 'fixed', name: 'Hash', size: 3 };
  const NONE = ['PHI_NONE'];
  const TEXT = ['PHI_FREE_TEXT'];
  const inner = {
    type: 'record',
    name: 'Inner',
    fields: [
      field('kept', 'string', NONE),
      field('gone', 'string', ['PHI_NAME']),
      field('blank', ['null', 'Kind'], TEXT),
      field('replaced', 'string', ['PHI_MRN']),
    ],
  };
  const text = JSON.stringify({
    type: 'record',
    name: 'Corner',
    fields: [
      field('kind', kind, NONE),
      field('hash', hash, NONE),
      field('nullKind', ['null', 'Kind'], TEXT),
      field('kindNull', ['Kind', 'null'], TEXT),
      field('kinds', { type: 'array', items: 'Kind' }, TEXT),
      field('kindTable', { type: 'map', values: 'Kind' }, TEXT),
      field('choice', ['string', 'long'], TEXT),
      field('mixed', [
        tagged({ type: 'enum', name: 'Third', symbols: ['X'] }, 'PHI_FREE_TEXT'),
        tagged({ type: 'string' }, 'PHI_MRN'),
        'null',
        tagged({ type: 'double' }, 'PHI_NONE'),
        tagged({ type: 'bytes' }, 'PHI_FREE_TEXT'),
      ]),
      field('firm', [tagged({ type: 'string' }, 'PHI_FREE_TEXT'), tagged({ type: 'int' }, 'PHI_NONE')]),
      field('money', { type: 'bytes', logicalType: 'decimal', precision: 4 }, TEXT),
      field('uuid', { type: 'string', logicalType: 'uuid' }, TEXT),
      field('inner', inner),
      field('inners', { type: 'array', items: 'Inner' }),
      field('table', { type: 'map', values: 'Inner' }, ['PHI_ID']),
      field('allGone', { type: 'map', values: 'string' }, ['PHI_NAME']),
      field('last', 'long', NONE),
    ],
  });

  test('where unions, enums, maps and nested records are treated in every way', () => {
    // The tag of `table` reaches all of Inner below it: drop, redact and keep become the strictest each.
    const policy = policyWith({
      fields: {
        'clinical.tests': {
          'table{}.replaced': { method: 'pseudonym', domain: 'mrn', reason: 'two tags, one number' },
        },
      },
    });
    const plan = planned(compile(policy, parseAvroSchema(text)));
    const values = published(plan, text, 300);
    expect(values).toHaveLength(300);
    for (const value of values as Record<string, unknown>[]) {
      expect(value).toMatchObject({
        nullKind: null,
        kindNull: null,
        kinds: [],
        kindTable: {},
        uuid: NIL_UUID,
      });
      expect(value).not.toHaveProperty('allGone');
      expect(value).toHaveProperty('last');
    }
  });

  const topics = {
    patient: 'patients',
    encounter: 'encounters',
    observation: 'observations',
    claim: 'claims',
  };
  test.each(['research', 'analytics', 'billing'])('for %s with each clinical schema', (audience) => {
    const policy = parsePolicy(read(`examples/hospital/policies/${audience}.yaml`), `${audience}.yaml`);
    for (const [name, topic] of Object.entries(topics)) {
      const schema = read(`schemas/clinical/${name}.avsc`);
      const plan = planned(compile(policy, parseAvroSchema(schema), { topic: `clinical.${topic}` }));
      expect(published(plan, schema, 200).length).toBeGreaterThan(0);
    }
  });
});
