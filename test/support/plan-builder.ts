/**
 * Builds plans for tests of the engine, without a policy: schemas by hand or from JSON, instructions by path.
 */
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { isLeaf } from '../../schemas/avro-schema.ts';
import type { AvroType } from '../../schemas/avro-schema.ts';
import { deriveSchema } from '../../processors/derive-schema.ts';
import type { RecordPlace } from '../../processors/method.ts';
import { PathCounts } from '../../processors/path-counts.ts';
import type { Instruction, Plan, PlanNode } from '../../processors/plan.ts';

/** A place for records that stand in no log. */
export const NOWHERE: RecordPlace = { topicId: 'a'.repeat(32), partition: 3, offset: 7 };

/** The context of a value by itself. */
export const AT = {
  place: NOWHERE,
  path: 'value',
  audience: 'research',
  // Anew for each context that is made of it.
  get sealed() {
    return new PathCounts();
  },
} as const;

/** A plan around a root node. */
export function planOf(root: PlanNode, more: Partial<Plan> = {}): Plan {
  return {
    audience: 'research',
    topic: 'clinical.tests',
    schemaId: 1,
    root,
    key: { method: 'drop' },
    headers: [],
    timestamp: 'append',
    personPath: null,
    personSpace: 'patient',
    asOfDay: 20_000,
    derivedSchema: deriveSchema(root, 'research'),
    policyVersion: 1,
    hash: '0'.repeat(64),
    ...more,
  };
}

/** Instructions by path (`address.zip`, `codes[]`, `notes{}`, `notes{key}`); leaves that have none are kept. */
export type Instructions = Readonly<Record<string, Instruction>>;

/** A plan for a schema in JSON: `keep`, `redact` and `drop` of anything, other methods of leaves, also below unions. */
export function planFor(schema: unknown, instructions: Instructions, more: Partial<Plan> = {}): Plan {
  return planOf(nodeOf(parseAvroSchema(JSON.stringify(schema)), '', instructions), more);
}

function nodeOf(schema: AvroType, path: string, instructions: Instructions): PlanNode {
  const instruction = instructions[path];
  if (instruction?.method === 'drop') return { kind: 'drop', schema };
  if (instruction?.method === 'keep') return { kind: 'keep', schema };
  if (instruction?.method === 'redact') return { kind: 'empty', schema };
  if (isLeaf(schema)) {
    return instruction && schema.kind !== 'null'
      ? { kind: 'leaf', schema, path, instruction }
      : { kind: 'keep', schema };
  }
  switch (schema.kind) {
    case 'record': {
      const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
      const fields = schema.fields.map(({ name, type }) => nodeOf(type, below(name), instructions));
      return { kind: 'record', schema, fields };
    }
    case 'array':
      return { kind: 'array', schema, items: nodeOf(schema.items, `${path}[]`, instructions) };
    case 'map': {
      const key = instructions[`${path}{key}`] ?? { method: 'keep' };
      return {
        kind: 'map',
        schema,
        key,
        keyPath: `${path}{key}`,
        values: nodeOf(schema.values, `${path}{}`, instructions),
      };
    }
    case 'reference':
      return { kind: 'again', schema };
    default:
      return {
        kind: 'union',
        schema,
        branches: schema.branches.map((branch) => nodeOf(branch, path, instructions)),
      };
  }
}
