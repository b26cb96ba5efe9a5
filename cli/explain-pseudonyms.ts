/**
 * What the pseudonyms of an audience join with, from its policy's own parameters: domain, key epoch, form, places of the
 * topic and record keys of other topics. Names of schemas and policies only; it computes no pseudonym.
 */
import { comesOut as wordsFor } from '../policy/leaf-words.ts';
import type { Policy } from '../policy/policy.ts';
import { methodForTag } from '../policy/tag-method.ts';
import type { AudienceView, Explanation, Treatment } from './explanation.ts';
import { styled } from './terminal.ts';
import { wrap } from './wrapped-table.ts';

/** Places of a topic at which one identifier has one and the same pseudonym. */
export interface JoinedPlaces {
  readonly domain: string;
  readonly keyEpoch: number;
  readonly comesOut: string;
  /** Paths, and `(record key)`. */
  readonly places: readonly string[];
  /** Other topics of the audience whose record key comes out the same way. */
  readonly keysOf: readonly string[];
}

const RECORD_KEY = '(record key)';

/** Grouped by all that makes a pseudonym what it is: places of two groups do not join. */
export function pseudonymsOf(
  { policy: { policy }, fields, key }: AudienceView,
  topic: string,
): readonly JoinedPlaces[] {
  const groups = new Map<string, { domain: string; comesOut: string; places: string[] }>();
  for (const [place, treatment] of [...fields, [RECORD_KEY, key] as const]) {
    const group = groupOf(treatment);
    if (group === null) continue;
    const known = groups.get(group) ?? {
      domain: domainOf(treatment),
      comesOut: treatment.comesOut,
      places: [],
    };
    groups.set(group, known);
    known.places.push(place);
  }
  return [...groups].map(([group, known]) => ({
    ...known,
    keyEpoch: policy.keys.epoch,
    keysOf: [...policy.topics.keys()].filter(
      (other) => other !== topic && groupOf(keyOf(policy, other)) === group,
    ),
  }));
}

/** Domain, normalisers and form; null for what is no pseudonym. */
function groupOf({ instruction, comesOut }: Pick<Treatment, 'instruction' | 'comesOut'>): string | null {
  if (instruction?.method !== 'pseudonym') return null;
  return JSON.stringify([instruction.domain, instruction.normalize ?? [], comesOut]);
}

function domainOf({ instruction }: Treatment): string {
  return instruction?.method === 'pseudonym' ? instruction.domain : '';
}

/** Record keys are text. */
function keyOf(policy: Policy, topic: string): Pick<Treatment, 'instruction' | 'comesOut'> {
  const tag = policy.topics.get(topic)?.keyTag ?? null;
  const instruction = tag && methodForTag(policy, tag);
  const words = instruction ? wordsFor({ kind: 'string', logical: null, tags: [] }, instruction) : '';
  return { instruction, comesOut: words };
}

/** A sentence for each group, below the table; none where nothing is pseudonymised. */
export function pseudonymLines({ topic, audiences }: Explanation, width: number): readonly string[] {
  const sentences = audiences.flatMap((view) => {
    const { audience, topics } = view.policy.policy;
    return pseudonymsOf(view, topic.topic).map((each) => sentenceOf(each, audience, topics.size));
  });
  if (sentences.length === 0) return [];
  const lines = sentences.flatMap((sentence) => wrap(sentence, Math.max(1, width - 2)));
  return ['', styled('bold', 'pseudonyms'), ...lines.map((line) => `  ${line}`)];
}

function sentenceOf(
  { domain, keyEpoch, places, keysOf, comesOut }: JoinedPlaces,
  audience: string,
  topics: number,
): string {
  const others =
    topics === 1
      ? 'no other topic, since the policy has this one alone,'
      : 'the record key of no other topic of the policy';
  const joins =
    keysOf.length > 0
      ? `the record keys of ${keysOf.join(', ')} and what has this domain and form there,`
      : others;
  return `${audience}: one identifier has one pseudonym at ${places.join(', ')} (domain ${domain}, key epoch ${keyEpoch}): ${comesOut}. It joins with ${joins} and with no other audience.`;
}
