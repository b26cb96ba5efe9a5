/**
 * What a policy says of a record inside itself alone. It is treated as the record around it, and deeper levels have no
 * paths of their own: an exception for it can take it away, and must never be taken to say anything else.
 */
import type { AvroType } from '../schemas/avro-schema.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import { placesAgain } from '../schemas/recursion.ts';
import { exceptionFor, problemIn } from './leaf-decision.ts';
import type { LeafDecision, Report } from './leaf-decision.ts';
import type { Policy } from './policy.ts';

/** Adds a decision for each place that an exception takes away; reports the other exceptions. */
export function decideAgain(
  policy: Policy,
  topic: string,
  schema: AvroType,
  decisions: Map<string, LeafDecision>,
  report: Report,
): void {
  for (const [path, record] of placesAgain(schema)) {
    const [written, exception] = exceptionFor(policy, topic, path) ?? [];
    if (written === undefined || !exception || isAtOrBelow(record, written)) continue;
    const { instruction, reason } = exception;
    const { method } = instruction;
    if (method === 'drop') decisions.set(path, { instruction, why: `fields: ${reason}` });
    else {
      const context = { path, method, actual: 'a record inside itself' };
      report(problemIn(policy, topic)('ERR_POLICY_METHOD_TYPE', ['fields', topic, written], context));
    }
  }
}
