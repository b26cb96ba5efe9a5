/**
 * Makes what a person asks for exact: topic id, policy version, leaves with their tags, frozen offsets, subject tokens
 * in place of persons, the rule with its stages and caps; then the hash that approvers sign. Identifiers of persons
 * are turned into tokens here and go no further; no record is read.
 */
import { GauzeError } from '../platform/errors.ts';
import { tokensOfPerson } from '../keys/person-aliases.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import type { SubjectTokens } from '../keys/subject-tokens.ts';
import type { AccessActor, LockTarget, RequestBody, Scope, ScopeField } from '../schemas/access-codecs.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import { isTagName } from '../schemas/tags.ts';
import type { SiteTags } from '../schemas/tags.ts';
import type { Drafting } from './access-desk.ts';
import type { AccessRules, RuleAnswer } from './access-rules.ts';
import { assertTicketOnly } from './free-text.ts';
import { patientLock } from './locks.ts';
import type { RawOffsets } from './offsets-between.ts';
import { replayBody, replayFacts, replayRuleQuestion, replayScope } from './replay-request.ts';
import type { ReplayQuestion } from './replay-request.ts';
import type { Narrowing, RequestDraft, RequestQuestion } from './request-draft.ts';
import { buildScope, narrowScope, personTokens } from './scope.ts';
import { scopeHash } from './scope-hash.ts';
import { topicView } from './topic-view.ts';
import type { TopicView, TopicViewSources } from './topic-view.ts';

export interface SubmissionOptions extends Omit<TopicViewSources, 'policies'> {
  readonly clusterId: () => string;
  readonly offsets: Pick<RawOffsets, 'topicId' | 'between'>;
  /** The policy log as folded now. */
  readonly policies: () => TopicViewSources['policies'];
  readonly rules: AccessRules;
  /** Of the key epoch in use, then those of the others. */
  readonly tokens: SubjectTokens;
  readonly tokenEpochs: readonly SubjectTokens[];
  /** Which ids of persons were merged. */
  readonly aliases: PersonAliases;
  /** Humans by Kafka principal. */
  readonly owners: Readonly<Record<string, string>>;
}

export class Submission implements Drafting {
  private readonly options: SubmissionOptions;

  constructor(options: SubmissionOptions) {
    this.options = options;
  }

  /**
   * @throws GauzeError ERR_ACCESS_TOPIC_UNKNOWN, ERR_ACCESS_OWNER_UNKNOWN, ERR_ACCESS_FIELD_UNKNOWN,
   *   ERR_ACCESS_NOTHING_TO_REVEAL, ERR_ACCESS_RANGE_EMPTY, ERR_ACCESS_REASON_PHI (of the ticket), those of the rules;
   *   those of the registry and of Kafka
   */
  async draft(by: AccessActor, question: RequestQuestion): Promise<RequestDraft> {
    const { topic, beneficiary, ticket } = question;
    if (ticket !== null) assertTicketOnly(ticket, 'ticket');
    const owner = this.ownerOf(beneficiary);
    const view = await this.view(topic, question.baseAudience);
    const fields = revealedFields(view, question.fields, this.options.siteTags);
    const rule = this.options.rules.find({
      requester: { id: by.id, roles: by.roles },
      topic,
      fields,
      purpose: question.purpose,
      durationMs: question.durationMs,
      maxRecords: question.maxRecords,
      maxPersons: question.maxPersons,
      namedPersons: question.persons ? this.options.aliases.peopleAmong(question.persons) : null,
      emergency: question.emergencyCode !== null,
    });
    const scope = await this.scope(question, view, fields, rule);
    return { request: bodyOf(question, owner, rule, scope), events: factsOf(scope) };
  }

  /**
   * @throws GauzeError ERR_ACCESS_TOPIC_UNKNOWN where the raw topic is not the one that the event was about,
   *   ERR_ACCESS_SCOPE_INVALID, ERR_ACCESS_REASON_PHI (of the ticket), those of the rules; Kafka's
   */
  async draftReplay(by: AccessActor, question: ReplayQuestion): Promise<RequestDraft> {
    const { offsets, rules, clusterId, tokens } = this.options;
    const { topic, ticket } = question;
    if (ticket !== null) assertTicketOnly(ticket, 'ticket');
    const rule = rules.find(replayRuleQuestion(by, question));
    if ((await offsets.topicId(topic)) !== question.topicId)
      throw new GauzeError('ERR_ACCESS_TOPIC_UNKNOWN', { topic });
    const scope = replayScope(question, rule, { clusterId: clusterId(), tokenEpoch: tokens.epoch });
    return { request: replayBody(by, question, rule, scope), events: replayFacts(question) };
  }

  /** Throws ERR_ACCESS_NOT_NARROWER, ERR_ACCESS_RANGE_EMPTY, Kafka's errors. */
  async narrow(
    scope: Scope,
    { persons, fromMs, toMs, ...caps }: Narrowing,
  ): Promise<{ scope: Scope; sha256: Buffer }> {
    const ranges =
      fromMs === undefined && toMs === undefined ? null : await this.rangesIn(scope, fromMs, toMs);
    const narrowed = narrowScope(scope, {
      ...caps,
      ...(persons ? { persons: personTokens(persons, this.options.tokens, this.options.aliases) } : {}),
      ...(ranges ? { partitions: ranges } : {}),
    });
    return { scope: narrowed, sha256: scopeHash(narrowed) };
  }

  /** Throws ERR_ACCESS_LOCK_VALUE where the value cannot be what the target says. */
  lockValue(target: LockTarget, value: string): string {
    const { siteTags } = this.options;
    if (target === 'PATIENT') return patientLock(this.allTokensOf(value));
    if (target === 'TAG') {
      const tag = siteTags.get(value) ?? value;
      if (isTagName(tag)) return tag;
    } else if (target === 'PRINCIPAL' ? /^User:[^\s,*]+$/.test(value) : isOneName(target, value))
      return value;
    throw new GauzeError('ERR_ACCESS_LOCK_VALUE', { expected: target });
  }

  private allTokensOf(person: string): Parameters<typeof patientLock>[0] {
    const { tokenEpochs, aliases } = this.options;
    return tokenEpochs.flatMap((tokens) =>
      tokensOfPerson(tokens, aliases, person).map((token) => ({ epoch: tokens.epoch, token })),
    );
  }

  private async view(topic: string, audience: string): Promise<TopicView> {
    const { registry, siteTags, policies } = this.options;
    return await topicView({ registry, siteTags, policies: policies() }, topic, audience);
  }

  private async scope(
    question: RequestQuestion,
    view: TopicView,
    fields: readonly ScopeField[],
    rule: RuleAnswer,
  ): Promise<Scope> {
    const { offsets, tokens, aliases, clusterId } = this.options;
    const { topic, baseAudience, fromMs, toMs, persons, beneficiary, purpose } = question;
    const { policyVersion, policySha256, schemas } = view;
    const { durationMs, maxRecords, maxPersons, window } = rule;
    return await buildScope(
      {
        clusterId: clusterId(),
        topic,
        topicId: await offsets.topicId(topic),
        baseAudience,
        policyVersion,
        policySha256,
        schemas,
        fields,
        fromMs,
        toMs,
        persons,
        beneficiary,
        purpose,
        maxRecords,
        maxPersons,
        durationMs,
        window,
      },
      async (name, from, to) => await offsets.between(name, from, to),
      tokens,
      aliases,
    );
  }

  /** Offsets of times name records of one topic only; under its name there may be another one by now. */
  private async rangesIn(scope: Scope, fromMs: number | undefined, toMs: number | undefined) {
    const { offsets } = this.options;
    if ((await offsets.topicId(scope.topic)) !== scope.topic_id)
      throw new GauzeError('ERR_ACCESS_NOT_NARROWER', { setting: 'from' });
    return await offsets.between(scope.topic, fromMs ?? null, toMs ?? null);
  }

  private ownerOf(beneficiary: string): string {
    const { owners } = this.options;
    const owner = Object.hasOwn(owners, beneficiary) ? owners[beneficiary] : undefined;
    if (owner === undefined) throw new GauzeError('ERR_ACCESS_OWNER_UNKNOWN', {});
    return owner;
  }
}

/**
 * The leaves that the words mean: a path all leaves at or below it, a tag all leaves that have it. What the audience
 * sees in clear anyway is left out: nothing is to be decided about it.
 */
export function revealedFields(
  { leaves }: Pick<TopicView, 'leaves'>,
  words: readonly string[],
  siteTags: SiteTags,
): readonly ScopeField[] {
  const all = [...leaves.values()];
  const meant = new Map<string, ScopeField>();
  let isAnyMasked = false;
  for (const [i, word] of words.entries()) {
    const tag = siteTags.get(word) ?? word;
    const found = all.filter(({ path, tags }) =>
      isTagName(tag) ? tags.includes(tag) : isAtOrBelow(path, word),
    );
    if (found.length === 0) throw new GauzeError('ERR_ACCESS_FIELD_UNKNOWN', { setting: `fields[${i}]` });
    for (const { path, tags, isClear } of found) {
      if (isClear) continue;
      isAnyMasked = true;
      meant.set(path, { path, tags });
    }
  }
  if (!isAnyMasked) throw new GauzeError('ERR_ACCESS_NOTHING_TO_REVEAL', {});
  return [...meant.values()];
}

function bodyOf(question: RequestQuestion, owner: string, rule: RuleAnswer, scope: Scope): RequestBody {
  const { ticket, extendsGrant, emergencyCode } = question;
  return {
    subject: 'ACCESS',
    beneficiary_owner: owner,
    rule: rule.rule,
    rules_sha256: rule.rulesSha256,
    scope,
    policy: null,
    scope_sha256: scopeHash(scope),
    stages: rule.stages,
    ticket,
    pending_ms: rule.pendingMs,
    activation_ms: rule.activationMs,
    rule_duration_ms: rule.ruleDurationMs,
    extends_grant: extendsGrant,
    emergency:
      emergencyCode !== null && rule.emergency
        ? { code: emergencyCode, review_ms: rule.emergency.reviewMs }
        : null,
  };
}

/** What the audit event says of a request: names and counts, no token. */
function factsOf(scope: Scope): Readonly<Record<string, string>> {
  return {
    topic: scope.topic,
    topic_id: scope.topic_id,
    base_audience: scope.base_audience,
    beneficiary: scope.beneficiary,
    fields: scope.fields.map(({ path }) => path).join(' '),
    tags: [...new Set(scope.fields.flatMap(({ tags }) => tags))].sort().join(' '),
    max_records: String(scope.max_records),
    persons: scope.persons === null ? 'any' : String(scope.persons.length),
  };
}

function isOneName(target: LockTarget, value: string): boolean {
  return target === 'TOPIC' ? /^[a-zA-Z0-9._-]{1,249}$/.test(value) : /^[^\p{Cc}]{1,200}$/u.test(value);
}
