/**
 * What a policy opens, shorter for the terminal: of a topic that an audience has not had before, how many fields come out
 * by which method, and by name only those that the policy names itself. Who decides still gets every sentence.
 */
import type { Policy } from '../policy/policy.ts';

/** How a sentence ends about a place that told nothing before; policy/openings.ts writes them. */
const NEW_PLACE = ' instead of nothing';

/** The sentences of one policy, in their order; those of the fields of a new topic become one, at the end. */
export function summarizeOpens(
  { audience, topics, fields }: Pick<Policy, 'audience' | 'topics' | 'fields'>,
  opens: readonly string[],
): readonly string[] {
  const isNew = (topic: string): boolean => opens.includes(`${audience}: ${topic}: a new topic`);
  const counts = new Map([...topics.keys()].filter(isNew).map((topic) => [topic, new Map<string, number>()]));
  const kept = opens.filter((sentence) => {
    for (const [topic, methods] of counts) {
      const field = fieldOf(sentence, `${audience}: ${topic}: `);
      if (field === null || fields.get(topic)?.has(field.path)) continue;
      methods.set(field.method, (methods.get(field.method) ?? 0) + 1);
      return false;
    }
    return true;
  });
  const summaries = [...counts]
    .filter(([, methods]) => methods.size > 0)
    .map(([topic, methods]) => `${audience}: ${topic}: ${inWords(methods)}`);
  return [...kept, ...summaries];
}

/** The field that a sentence is about, with its method; null for what is no field of that topic, or has a rule more. */
function fieldOf(sentence: string, start: string): { readonly path: string; readonly method: string } | null {
  if (!sentence.startsWith(start) || !sentence.endsWith(NEW_PLACE)) return null;
  const [path = '', words = ''] = sentence.slice(start.length, -NEW_PLACE.length).split(': ');
  const [method = ''] = words.split(' ');
  return path === 'record key' || method === '' ? null : { path, method };
}

/** `40 fields: 25 keep, 9 pseudonym, 6 redact`, the most frequent first. */
function inWords(methods: ReadonlyMap<string, number>): string {
  const sorted = [...methods].toSorted(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  return `${total === 1 ? '1 field' : `${total} fields`}: ${sorted.map(([method, count]) => `${count} ${method}`).join(', ')}`;
}
