/**
 * `gauze check --sample N`: asks the running topology to take the newest records through the policies of this folder,
 * which need not be in force. Nothing is published and nothing comes back but counts; that records were read stands in
 * the audit topic like any read.
 */
import { nowMs, sleep, uuidV7 } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { wordsOf } from '../policy/name-words.ts';
import { loadPolicies } from '../policy/load-policies.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { PolicyLogEntry, SampleAskEntry, SampleResultEntry } from '../schemas/control-codecs.ts';
import { pathSegments } from '../schemas/field-path.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { leavesOf } from '../schemas/tags.ts';
import type { Leaf, SiteTags, TagName } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { appendPolicies } from './apply-command.ts';
import { wholeNumberOf } from './option-values.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { Site } from './site.ts';
import { progressLine } from './progress-line.ts';
import { EXIT, note, print, styled } from './terminal.ts';

export interface SampleOptions {
  readonly config: string;
  readonly json: boolean;
  readonly sample: string;
  readonly audience?: string;
  readonly topic?: string;
  readonly quasiIdentifiers?: string;
  /** Seconds. */
  readonly wait: string;
}

const RECORDS_MAX = 100_000;
const POLL_MS = 250;

/** What says something of a person without being an identifier: what strangers can know from elsewhere. */
const QUASI_TAGS: ReadonlySet<TagName> = new Set([
  'PHI_BIRTH_DATE',
  'PHI_DEATH_DATE',
  'PHI_AGE',
  'PHI_ZIP',
  'PHI_GEO',
]);
const QUASI_WORDS: ReadonlySet<string> = new Set(['gender', 'sex', 'race', 'ethnicity', 'marital']);

/** Exit code 1 where a sample could not be taken. */
export async function sampleCommand(options: SampleOptions): Promise<number> {
  const records = wholeNumberOf('--sample', options.sample);
  const waitMs = wholeNumberOf('--wait', options.wait) * 1000;
  if (records > RECORDS_MAX)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--sample', expected: `at most ${RECORDS_MAX}` });
  const site = await Site.load(options.config);
  const registry = await site.registry();
  const asks: SampleAskEntry[] = [];
  const policies = await chosenPolicies(site, options);
  for (const policy of policies) {
    for (const topic of policy.topics.keys()) {
      if (options.topic !== undefined && options.topic !== topic) continue;
      const written = options.quasiIdentifiers?.split(',').map((path) => path.trim());
      const quasi = written ?? (await usualQuasiIdentifiers(registry, site.siteTags, topic));
      const { audience, text } = policy;
      asks.push({ id: uuidV7().toString('hex'), topic, audience, text, records, quasi_identifiers: quasi });
    }
  }
  if (asks.length === 0)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--topic',
      expected: 'a topic of the policies',
      ...nearestOf(
        options.topic ?? '',
        policies.flatMap(({ topics }) => [...topics.keys()]),
      ),
    });
  const answers = await ask(site, registry, asks, waitMs);
  const samples = asks.map((asked) => ({ asked, answer: answers.get(asked.id) ?? null }));
  if (options.json) print(JSON.stringify({ samples: samples.map(sampleJson) }));
  else for (const { asked, answer } of samples) show(asked, answer);
  const isAnswered = asks.every(({ id }) => answers.get(id)?.code === null);
  return isAnswered ? EXIT.ok : EXIT.problems;
}

async function chosenPolicies(site: Site, { audience }: SampleOptions): Promise<readonly Policy[]> {
  const policies = await loadPolicies(site.config.policies);
  const chosen = policies.filter((policy) => audience === undefined || policy.audience === audience);
  if (chosen.length > 0) return chosen;
  throw new GauzeError('ERR_USAGE_ARGUMENT', {
    setting: '--audience',
    expected: 'an audience of the policies',
    ...nearestOf(
      audience ?? '',
      policies.map((policy) => policy.audience),
    ),
  });
}

/** By tag, and by a few names that need no tag; of the newest version of the topic's schema. */
async function usualQuasiIdentifiers(
  registry: RegistryClient,
  site: SiteTags,
  topic: string,
): Promise<readonly string[]> {
  const subject = valueSubject(topic);
  const newest = (await registry.subjectVersions(subject)).at(-1);
  if (!newest) return [];
  const schema = parseAvroSchema(newest.text, newest.references, { subject });
  const leaves = leavesOf(schema, { site, subject, metadata: newest.metadata });
  return leaves.filter(isQuasiIdentifier).map(({ path }) => path);
}

function isQuasiIdentifier({ path, tags }: Leaf): boolean {
  const words = wordsOf(pathSegments(path).at(-1) ?? '');
  return [...tags].some((tag) => QUASI_TAGS.has(tag)) || words.some((word) => QUASI_WORDS.has(word));
}

/** Puts the questions on record and waits for the answers. */
async function ask(
  site: Site,
  registry: RegistryClient,
  asks: readonly SampleAskEntry[],
  waitMs: number,
): Promise<ReadonlyMap<string, SampleResultEntry>> {
  const schemaId = await registry.register(valueSubject(site.names.policies), policyLogCodec.schemaText);
  const entries = asks.map((each): PolicyLogEntry => ({
    kind: 'SAMPLE_ASKED',
    at: nowMs(),
    by: site.principals.admin,
    policy: null,
    tags: null,
    lane: null,
    resume: null,
    sample_ask: each,
  }));
  return await withPolicyLog(site, 'admin', async (read) => {
    await read();
    await appendPolicies(
      site,
      entries.map((entry) => policyLogCodec.encode(entry, schemaId)),
    );
    note(`Asked for ${asks.length} ${asks.length === 1 ? 'sample' : 'samples'}; the topology takes them.`);
    return await answersTo(read, asks, waitMs);
  });
}

async function answersTo(
  read: () => Promise<PolicyState>,
  asks: readonly SampleAskEntry[],
  waitMs: number,
): Promise<ReadonlyMap<string, SampleResultEntry>> {
  const untilMs = nowMs() + waitMs;
  const { tell, end } = progressLine();
  try {
    for (;;) {
      const { answered } = (await read()).samples;
      const taken = asks.filter(({ id }) => answered.has(id)).length;
      if (taken === asks.length || nowMs() >= untilMs) return answered;
      tell((seconds) => `${taken} of ${asks.length} taken, ${Math.floor(seconds)} s`);
      await sleep(POLL_MS);
    }
  } finally {
    end();
  }
}

/** A question with its answer; null where none came in time. */
interface Sample {
  readonly asked: SampleAskEntry;
  readonly answer: SampleResultEntry | null;
}

function sampleJson({ asked, answer }: Sample): object {
  const { audience, topic, quasi_identifiers: quasiIdentifiers } = asked;
  return { audience, topic, quasiIdentifiers, answer };
}

function show(asked: SampleAskEntry, answer: SampleResultEntry | null): void {
  const { audience, topic } = asked;
  if (!answer) {
    note(
      `${audience} on ${topic}: no answer. Is a topology running (gauze run), and does it hold the topic?`,
    );
    return;
  }
  if (answer.code !== null) {
    note(`${audience} on ${topic}: no sample, ${styled('red', answer.code)}. gauze check says more.`);
    return;
  }
  for (const line of answerLines(asked, answer)) print(line);
}

/** The counts for people. */
export function answerLines(asked: SampleAskEntry, answer: SampleResultEntry): string[] {
  const { audience, topic, quasi_identifiers: quasi } = asked;
  const { records, published, persons, nobody, withheld, methods, groups, smallest, below } = answer;
  const people = persons + nobody;
  const share = (count: number): string =>
    people === 0 ? '0 %' : `${((100 * count) / people).toFixed(1)} %`;
  const groupLines =
    quasi.length === 0
      ? ['  groups     no quasi-identifier: name some with --quasi-identifiers']
      : [
          `  groups     ${groups} over ${quasi.join(', ')}; smallest: ${smallest.join(', ')}`,
          ...Object.entries(below).map(([k, count]) => {
            const size = k === '2' ? 'alone in their group' : `in groups of fewer than ${k}`;
            return `             ${count} of ${people} people (${share(count)}) ${size}`;
          }),
        ];
  return [
    styled('bold', `${audience} on ${topic}: ${records} newest records, ${persons} people`),
    `  published  ${published}, if this policy were in force`,
    `  withheld   ${countsOf(withheld) || 'none'}`,
    `  methods    ${countsOf(methods)} (fields)`,
    ...groupLines,
  ];
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  const rising = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return rising.map(([name, count]) => `${name} ${count}`).join(', ');
}
