/**
 * The events of a sample: newest records were read and masked by a policy that is in force for nobody, and nothing was
 * published. Built from coordinates, counts and codes.
 */
import type { SampleResultEntry } from '../schemas/control-codecs.ts';
import type { EventBody } from './audit-chain.ts';
import { replayRead } from './replay-events.ts';

/** Which question it was. */
export interface SampleFacts {
  readonly id: string;
  /** Kafka principal that asked. */
  readonly by: string;
  /** Offset of the question in the policy log. */
  readonly logOffset: number;
}

/** The same event as one of a sample: no group has a position in it, and nobody got anything. */
export function underSample(body: EventBody, { id, by, logOffset }: SampleFacts): EventBody {
  const facts = { 'sample.asked_by': by, 'sample.id': id, 'sample.log_offset': String(logOffset) };
  const more = Object.entries(facts).map(([k, v]) => ({ k, v }));
  return { ...body, recipient: null, accounting: 'NOT_PHI', group: null, ext: [...body.ext, ...more] };
}

/** Records were read for a sample. */
export function sampleRead(batch: EventBody, facts: SampleFacts): EventBody {
  return underSample(replayRead(batch), facts);
}

/** What the sample came to. `about` is an event of the same sample. */
export function sampled(about: EventBody, result: SampleResultEntry): EventBody {
  const { code, records, published, persons, groups, smallest } = result;
  const counts = { groups, persons, published, records, smallest: smallest[0] ?? 0 };
  return {
    ...about,
    type: 'policy.sampled',
    action: 'E',
    outcome: code === null ? 'SUCCESS' : 'MINOR_FAILURE',
    outcome_reason: code,
    range: null,
    view: null,
    ext: [...about.ext, ...Object.entries(counts).map(([k, v]) => ({ k: `sample.${k}`, v: String(v) }))],
  };
}
