/**
 * Prints the hashes of plans of the example policies, one a line: run as a process of its own, so that a test can give
 * it another language, time zone and order of settings. `reversed` turns every map of a policy and every list of tags
 * around, which says the same.
 */
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { compilePlan } from '../../policy/compile-plan.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';

const SCHEMAS = {
  patient: 'patients',
  encounter: 'encounters',
  observation: 'observations',
  claim: 'claims',
};
const isReversed = process.argv[2] === 'reversed';

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

function turned(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(
    Object.entries(json)
      .reverse()
      .map(([name, value]) => [name, turned(value)]),
  );
}

for (const audience of ['analytics', 'billing', 'research']) {
  const text = read(`examples/hospital/policies/${audience}.yaml`);
  const policy = parsePolicy(isReversed ? stringify(turned(parse(text))) : text, `${audience}.yaml`);
  for (const [file, topic] of Object.entries(SCHEMAS)) {
    const schema = parseAvroSchema(read(`schemas/clinical/${file}.avsc`));
    const places = [...pathTags(schema)].map(
      ([path, words]) => [path, new Set([...words].reverse())] as const,
    );
    const plan = compilePlan({
      policy,
      policyVersion: 1,
      asOfDay: 20_000,
      topic: `clinical.${topic}`,
      schemaId: 7,
      schema,
      tagsInForce: new Map(isReversed ? places.reverse() : places),
    });
    if (Array.isArray(plan)) throw new Error(plan.map(({ message }) => message).join('\n'));
    process.stdout.write(`${audience} ${topic} ${plan.hash}\n`);
  }
}
