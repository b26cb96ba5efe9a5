/**
 * Promises of the summary of what a policy opens: it counts every field of a new topic once, leaves out no sentence of
 * another kind, and shortens nothing where the topic is not new.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { summarizeOpens } from '../../cli/opens-summary.ts';
import { findOpenings } from '../../policy/openings.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
/** With an exception that lets something through. */
const text = read('examples/hospital/policies/research.yaml').replace(
  /(accountNumber: \{ method: )drop/,
  '$1redact',
);
const research = parsePolicy(text, 'research.yaml');
const known = new Map([
  ['clinical.patients', pathTags(parseAvroSchema(read('schemas/clinical/patient.avsc')))],
  ['clinical.encounters', pathTags(parseAvroSchema(read('schemas/clinical/encounter.avsc')))],
]);
const after = { policy: research, asOfDay: 20_000 };
const opens = findOpenings(null, after, known);
const summary = summarizeOpens(research, opens);
const isField = (sentence: string): boolean =>
  sentence.endsWith(' instead of nothing') && !sentence.includes(': record key: ');

describe('of a new audience', () => {
  test('every field is counted once, by its method', () => {
    for (const topic of known.keys()) {
      const start = `research: ${topic}: `;
      const [line = '', ...more] = summary.filter(
        (each) => /: \d+ fields: /.test(each) && each.startsWith(start),
      );
      expect(more).toEqual([]);
      const [, total] = / (\d+) fields: /.exec(line) ?? [];
      const counted = [...line.matchAll(/(\d+) ([a-z0-9-]+)(?:,|$)/g)];
      const fields = opens.filter((each) => each.startsWith(start) && isField(each));
      const named = summary.filter((each) => each.startsWith(start) && isField(each));
      expect(counted.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(Number(total));
      expect(Number(total)).toBe(fields.length - named.length);
      for (const [, count, method] of counted)
        expect(fields.filter((each) => !named.includes(each) && each.includes(`: ${method} `))).toHaveLength(
          Number(count),
        );
    }
  });

  test('readers, topics, record keys and fields with a rule of their own are told one by one', () => {
    for (const sentence of opens.filter((each) => !isField(each))) expect(summary).toContain(sentence);
    const exceptions = [...research.fields.get('clinical.patients')!.keys()];
    const told = exceptions.filter((each) => opens.some((sentence) => sentence.includes(`: ${each}: `)));
    expect(told.length).toBeGreaterThan(0);
    for (const each of told)
      expect(summary.filter((sentence) => sentence.includes(`clinical.patients: ${each}: `))).toHaveLength(1);
    expect(summary.length).toBeLessThan(opens.length / 2);
  });
});

test('of a topic that the audience has already, every sentence stays', () => {
  // Without a method the places were held: they told nothing.
  const old = text.replace(/^ +PHI_ZIP: zip3\n/m, '');
  expect(old).not.toBe(text);
  const before = { policy: parsePolicy(old, 'research.yaml'), asOfDay: 20_000 };
  const changed = findOpenings(before, after, known);
  expect(changed.filter(isField).length).toBeGreaterThan(1);
  expect(summarizeOpens(research, changed)).toEqual(changed);
});
