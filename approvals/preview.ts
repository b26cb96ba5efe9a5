/**
 * What a request would reveal, before anybody decides: how many records and persons, which fields, in words, and the
 * narrower request that would do. No raw record is read. Each preview is an audit event, written before it is given.
 */
import { GauzeError } from '../platform/errors.ts';
import { nowMs } from '../platform/clock.ts';
import type { AccessEventFacts } from '../audit/access-events.ts';
import type { AccessActor, Scope, ScopeField } from '../schemas/access-codecs.ts';
import type { RequestState } from './access-state.ts';
import { tagWords } from './askable.ts';
import { moment } from './http/answer-schemas.ts';
import type { PreviewAnswer } from './http/preview-schema.ts';
import type { SampleRecord } from './sanitized-sample.ts';
import type { SubjectCounts } from './subject-index.ts';
import { topicView } from './topic-view.ts';
import type { TopicView, TopicViewSources, ViewLeaf } from './topic-view.ts';

export interface PreviewOptions extends Omit<TopicViewSources, 'policies'> {
  readonly policies: () => TopicViewSources['policies'];
  readonly index: { count(scope: Scope): Promise<SubjectCounts> };
  readonly samples: { latest(rawTopic: string, audience: string): Promise<readonly SampleRecord[]> };
  readonly record: (event: AccessEventFacts) => Promise<void>;
  /** Humans by Kafka principal. */
  readonly owners: Readonly<Record<string, string>>;
}

export class Preview {
  private readonly options: PreviewOptions;

  constructor(options: PreviewOptions) {
    this.options = options;
  }

  /**
   * The preview of a request that `by` may see.
   * @throws GauzeError ERR_ACCESS_NO_SCOPE for a policy's request, ERR_ACCESS_SAMPLE_READER; those of the registry,
   *   of Kafka and of the log
   */
  async of(by: AccessActor, request: RequestState, withSample: boolean): Promise<PreviewAnswer> {
    const { scope } = request;
    if (!scope) throw new GauzeError('ERR_ACCESS_NO_SCOPE', {});
    const { registry, siteTags, policies, index, samples, record } = this.options;
    const sources = { registry, siteTags, policies: policies() };
    const view = await topicView(sources, scope.topic, scope.base_audience);
    if (withSample) this.assertReader(by, view);
    const counts = await index.count(scope);
    const sample = withSample ? await samples.latest(scope.topic, scope.base_audience) : null;
    await record(previewed(by, request, scope, sample));
    return {
      scopeHash: request.scopeSha256.toString('hex'),
      at: moment(nowMs()),
      ...numbers(scope, counts),
      reveals: scope.fields.map((field) => revealed(field, view.leaves.get(field.path))),
      staysMasked: staysMasked(scope, view),
      narrower: narrower(scope, counts),
      sample: sample && [...sample],
    };
  }

  /** The audience's readers are principals; those of a person are the ones that person answers for. */
  private assertReader(by: AccessActor, { policy }: TopicView): void {
    const { owners } = this.options;
    const reads = policy.readers.some(
      ({ principal }) => Object.hasOwn(owners, principal) && owners[principal] === by.id,
    );
    if (!reads) throw new GauzeError('ERR_ACCESS_SAMPLE_READER', {});
  }
}

function previewed(
  by: AccessActor,
  request: RequestState,
  scope: Scope,
  sample: readonly SampleRecord[] | null,
): AccessEventFacts {
  const places = sample?.map(({ partition, offset }) => `${partition}:${offset}`).join(' ');
  return {
    type: 'request.previewed',
    actor: by,
    action: 'R',
    phase: 'BEFORE_RELEASE',
    requestId: request.id,
    purpose: scope.purpose,
    rule: { name: request.body.rule, sha256: request.body.rules_sha256 },
    ext: {
      topic: scope.topic,
      base_audience: scope.base_audience,
      sample: sample ? String(sample.length) : 'none',
      ...(places ? { sample_places: places } : {}),
    },
  };
}

function inRange(scope: Scope): number {
  return scope.partitions.reduce((sum, range) => sum + range.next_offset - range.first_offset, 0);
}

function isComplete(scope: Scope, counts: SubjectCounts): boolean {
  return counts.coveredOffsets >= inRange(scope) && !counts.otherKeyEpochs;
}

function numbers(scope: Scope, counts: SubjectCounts): Pick<PreviewAnswer, 'records' | 'persons' | 'index'> {
  const complete = isComplete(scope, counts);
  const most = complete ? (counts.named?.records ?? counts.records) : inRange(scope);
  const persons = [scope.max_persons, scope.persons?.length ?? null, complete ? counts.persons : null];
  const caps = persons.filter((each) => each !== null);
  return {
    records: {
      inRange: inRange(scope),
      indexed: counts.records,
      ofNamedPersons: counts.named?.records ?? null,
      atMost: Math.min(scope.max_records, most),
    },
    persons: {
      indexed: counts.persons,
      withoutPerson: counts.withoutPerson,
      named: scope.persons?.length ?? null,
      namedFound: counts.named?.persons ?? null,
      atMost: caps.length === 0 ? null : Math.min(...caps),
    },
    index: { complete, coveredOffsets: counts.coveredOffsets, otherKeyEpochs: counts.otherKeyEpochs },
  };
}

/** One field in words: what its tags say, and what the audience sees in its place. */
function revealed(field: ScopeField, leaf: ViewLeaf | undefined): PreviewAnswer['reveals'][number] {
  return {
    path: field.path,
    tags: [...field.tags],
    says: tagWords(field.tags),
    instead: insteadOf(leaf),
  };
}

const INSTEAD: Readonly<Record<NonNullable<ViewLeaf['instruction']>['method'], string>> = {
  keep: 'the value itself',
  drop: 'nothing: the field is not there',
  redact: 'null, or an empty value',
  fixed: 'one value, the same for all',
  mask: 'the text with most of its characters replaced',
  encrypt: 'an encrypted text, another each time',
  'encrypt-deterministic': 'an encrypted text, one for each value',
  'format-preserving': 'another value of the same format',
  pseudonym: 'a pseudonym',
  'date-shift': 'a date moved by a secret number of days',
  'date-truncate': 'the first day of its month or year',
  'age-cap': 'an age, with the highest ones as one',
  bucket: 'the range that the number lies in',
  round: 'the nearest round number',
  zip3: 'the first three digits of the ZIP code',
  scrub: 'the text without what was recognised in it',
};

function insteadOf(leaf: ViewLeaf | undefined): string {
  return leaf?.instruction
    ? INSTEAD[leaf.instruction.method]
    : 'nothing: the policy has no instruction for it';
}

function staysMasked(scope: Scope, { leaves }: TopicView): number {
  const revealed = new Set(scope.fields.map(({ path }) => path));
  return [...leaves.values()].filter(({ path, isClear }) => !isClear && !revealed.has(path)).length;
}

/** Caps that are wider than what there is: lowering them takes nothing away from the purpose. */
function narrower(scope: Scope, counts: SubjectCounts): PreviewAnswer['narrower'] {
  if (!isComplete(scope, counts)) {
    const there = inRange(scope);
    return there > 0 && there < scope.max_records
      ? [{ change: 'maxRecords', to: there, because: 'No more records lie in the range.' }]
      : [];
  }
  const { named } = counts;
  const records = named?.records ?? counts.records;
  const persons = named?.persons ?? counts.persons;
  const found: PreviewAnswer['narrower'] = [];
  if (records > 0 && records < scope.max_records) {
    const because = named
      ? 'No more records are about the persons named.'
      : 'No more records lie in the range.';
    found.push({ change: 'maxRecords', to: records, because });
  }
  if (persons > 0 && persons < (scope.max_persons ?? Number.MAX_SAFE_INTEGER))
    found.push({ change: 'maxPersons', to: persons, because: 'The records are about no more persons.' });
  if (named && scope.persons && named.persons > 0 && named.persons < scope.persons.length)
    found.push({ change: 'persons', to: named.persons, because: 'The others do not occur in the range.' });
  return found;
}
