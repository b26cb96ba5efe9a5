/**
 * A plan for a flat schema, from instructions by field name: what a benchmark needs of policy/.
 */
import { deriveSchema } from '../processors/derive-schema.ts';
import type { Instruction, Plan, PlanNode } from '../processors/plan.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { isLeaf } from '../schemas/avro-schema.ts';
import type { AvroType } from '../schemas/avro-schema.ts';

/** A plan for the record `schema` (JSON); fields without an instruction are kept. */
export function planFor(
  schema: object,
  instructions: Readonly<Record<string, Instruction>>,
  personPath: readonly string[],
): Plan {
  const record = parseAvroSchema(JSON.stringify(schema));
  if (record.kind !== 'record') throw new Error('not a record');
  const fields = record.fields.map(({ name, type }) => fieldNode(name, type, instructions[name]));
  const root: PlanNode = { kind: 'record', schema: record, fields };
  return {
    audience: 'bench',
    topic: 'bench',
    schemaId: 1,
    root,
    key: { method: 'drop' },
    headers: [],
    timestamp: 'append',
    personPath,
    personSpace: 'patient',
    asOfDay: 20_454,
    derivedSchema: deriveSchema(root, 'bench'),
    policyVersion: 1,
    hash: '0'.repeat(64),
  };
}

function fieldNode(path: string, schema: AvroType, instruction: Instruction | undefined): PlanNode {
  if (!instruction) return { kind: 'keep', schema };
  if (instruction.method === 'drop') return { kind: 'drop', schema };
  if (instruction.method === 'redact') return { kind: 'empty', schema };
  if (isLeaf(schema)) {
    return schema.kind === 'null' ? { kind: 'keep', schema } : { kind: 'leaf', schema, path, instruction };
  }
  if (schema.kind !== 'union') throw new Error('only leaves and unions of leaves');
  const branches = schema.branches.map((branch) => fieldNode(path, branch, instruction));
  return { kind: 'union', schema, branches };
}
