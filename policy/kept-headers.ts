/**
 * Headers that a policy keeps, held against its regime. A header has no schema and no tag, only a name and the reason
 * somebody gave: where the name speaks of an identifier, it is treated as one, whatever the reason says.
 */
import { GauzeError } from '../platform/errors.ts';
import type { TagName } from '../schemas/tags.ts';
import { suspectedTag } from './lint.ts';
import type { Policy } from './policy.ts';
import { regimeObjection } from './regimes.ts';

/**
 * Words of headers that tracing, messaging and signing libraries set: a number of this very record, under which others
 * (logs, traces, the sender) hold the rest. 45 CFR 164.514(b)(2)(i)(R).
 */
const CODES =
  /(^|[^a-z])(traceparent|tracestate|trace-?id|span-?id|baggage|b3|correlation-?id|request-?id|message-?id|event-?id|transaction-?id|session-?id|idempotency-?key|jwt|authorization|cookie|signature)([^a-z]|$)/;

/** ERR_POLICY_REGIME for each kept header that the regime would not let stay. */
export function headerProblems(policy: Policy): readonly GauzeError[] {
  const { file, regime, topics } = policy;
  return [...topics].flatMap(([topic, { headers }]) =>
    [...headers.keys()].flatMap((name) => {
      const tag = tagOfHeader(name);
      const objection = tag && regimeObjection(regime, tag, { method: 'keep' }, false);
      if (!tag || !objection) return [];
      const place = {
        file,
        line: policy.lineOf('topics', topic, 'headers', name),
        topic,
        path: `header ${name}`,
      };
      const { paragraph } = objection;
      const method = 'keep';
      const expected = 'a header without it: headers that are not named are dropped';
      return new GauzeError('ERR_POLICY_REGIME', { ...place, regime, tag, method, paragraph, expected });
    }),
  );
}

/** Which identifier a header's name speaks of; null for a name that looks harmless. */
export function tagOfHeader(name: string): TagName | null {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
  const spaced = words.replace(/[^a-z0-9]+/g, '-');
  return CODES.test(spaced) ? 'PHI_ID' : suspectedTag(spaced.replaceAll('-', '_'));
}
