/**
 * Whether the person's field stands before the first value that depends on the person, in a record's bytes:
 * if not, the transcoder has to look for it first. It must never say "person first" of a plan where a record
 * can have it the other way round.
 */
import { GauzeError } from '../platform/errors.ts';
import { METHODS } from './method-table.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import type { PlanNode } from './plan.ts';

export type PersonOrder = 'not needed' | 'person first' | 'shift first';

/** Throws ERR_SCHEMA_PERSON where `person` leads to no string, int or long outside arrays and maps. */
export function personComesFirst(root: PlanNode, person: readonly string[]): PersonOrder {
  if (!needsPerson(root)) return 'not needed';
  if (!leadsToPerson(root.schema, person)) throw new GauzeError('ERR_SCHEMA_PERSON', { count: 0 });
  return firstOf(root, person) === 'shift' ? 'shift first' : 'person first';
}

/** Whether any value of the plan depends on the person. */
export function needsPerson(node: PlanNode): boolean {
  switch (node.kind) {
    case 'leaf':
      return METHODS[node.instruction.method].needsPerson;
    case 'record':
      return node.fields.some(needsPerson);
    case 'array':
      return needsPerson(node.items);
    case 'map':
      return METHODS[node.key.method].needsPerson || needsPerson(node.values);
    case 'union':
      return node.branches.some(needsPerson);
    case 'guarded':
      return needsPerson(node.node);
    default:
      return false;
  }
}

/** Does a record come again anywhere in it? What that needs, only the record around it tells. */
function comesAgain(node: PlanNode): boolean {
  switch (node.kind) {
    case 'again':
      return true;
    case 'guarded':
      return comesAgain(node.node);
    case 'record':
      return node.fields.some(comesAgain);
    case 'array':
      return comesAgain(node.items);
    case 'map':
      return comesAgain(node.values);
    case 'union':
      return node.branches.some(comesAgain);
    default:
      return false;
  }
}

function leadsToPerson(type: AvroType, person: readonly string[]): boolean {
  if (type.kind === 'union') return type.branches.some((branch) => leadsToPerson(branch, person));
  if (type.kind === 'record') {
    const field = type.fields.find(({ name }) => name === person[0]);
    return field !== undefined && leadsToPerson(field.type, person.slice(1));
  }
  const isNumber = (type.kind === 'int' || type.kind === 'long') && type.logical === null;
  return person.length === 0 && (type.kind === 'string' || isNumber);
}

/**
 * What comes first in the order of the bytes. Branches of a union are taken one after the other: a value that
 * is of a branch without the person never meets one anyway.
 */
function firstOf(node: PlanNode, person: readonly string[] | null): 'person' | 'shift' | null {
  if (node.kind === 'record') {
    for (const [i, child] of node.fields.entries()) {
      const below = person !== null && node.schema.fields[i]!.name === person[0] ? person.slice(1) : null;
      const first = firstOf(child, below);
      if (first !== null) return first;
    }
    return null;
  }
  if (node.kind === 'guarded') return firstOf(node.node, person);
  if (node.kind === 'union') {
    const firsts = node.branches.map((branch) => firstOf(branch, person));
    return firsts.includes('shift') ? 'shift' : (firsts.find((first) => first !== null) ?? null);
  }
  if (person !== null && leadsToPerson(node.schema, person)) return 'person';
  return needsPerson(node) || comesAgain(node) ? 'shift' : null;
}
