/**
 * The request to replay an audit event: which event, and what it says of itself, so that people decide about exactly
 * that one. What the asker says of the event is no more than a claim here: the task compares it with the event before
 * it reads raw data. A replay reveals nothing and nobody reads.
 */
import type { RequestBody, Scope } from '../schemas/access-codecs.ts';
import type { RuleAnswer, RuleQuestion } from './access-rules.ts';
import { GauzeError } from '../platform/errors.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import { isUsableScope } from './narrowing.ts';
import { scopeHash } from './scope-hash.ts';

/** A replay as an auditor asks for it: the event's place and hash, and what it tells. */
export interface ReplayQuestion {
  /** Where it stands in gauze.audit.events, and its hash as the chain has it. */
  readonly event: { readonly partition: number; readonly offset: number; readonly sha256: Buffer };
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
  /** Records in that range. */
  readonly records: number;
  /** The audience whose policy applied. */
  readonly audience: string;
  readonly policyVersion: number;
  readonly policySha256: Buffer;
  readonly recipient: string;
  /** null: a lane's event. */
  readonly grantId: string | null;
  readonly planHash: Buffer;
  readonly keyEpoch: number;
  readonly outputTopic: string;
  readonly purpose: string;
  readonly reason: string;
  readonly ticket: string | null;
  readonly durationMs: number;
}

/** What rules look at. */
export function replayRuleQuestion(by: AccessActor, question: ReplayQuestion): RuleQuestion {
  return {
    requester: { id: by.id, roles: by.roles },
    topic: question.topic,
    fields: [],
    purpose: question.purpose,
    durationMs: question.durationMs,
    maxRecords: question.records,
    maxPersons: null,
    namedPersons: null,
    emergency: false,
    replay: true,
  };
}

/** The scope that people sign. Throws ERR_ACCESS_SCOPE_INVALID. */
export function replayScope(
  question: ReplayQuestion,
  rule: RuleAnswer,
  site: { readonly clusterId: string; readonly tokenEpoch: number },
): Scope {
  const { event } = question;
  const scope: Scope = {
    cluster_id: site.clusterId,
    topic: question.topic,
    topic_id: question.topicId,
    base_audience: question.audience,
    policy_version: question.policyVersion,
    policy_sha256: question.policySha256,
    schemas: [],
    fields: [],
    partitions: [
      {
        partition: question.partition,
        first_offset: question.firstOffset,
        next_offset: question.nextOffset,
      },
    ],
    persons: null,
    token_epoch: site.tokenEpoch,
    beneficiary: '',
    purpose: question.purpose,
    max_records: rule.maxRecords,
    max_persons: null,
    duration_ms: rule.durationMs,
    window: rule.window,
    replay: {
      event_partition: event.partition,
      event_offset: event.offset,
      event_sha256: event.sha256,
      recipient: question.recipient,
      grant_id: question.grantId,
      plan_hash: question.planHash,
      key_epoch: question.keyEpoch,
      output_topic: question.outputTopic,
    },
  };
  if (!isUsableScope(scope)) throw new GauzeError('ERR_ACCESS_SCOPE_INVALID', {});
  return scope;
}

/** The request; who asks answers for it, since nobody is to read. */
export function replayBody(
  by: AccessActor,
  { ticket }: ReplayQuestion,
  rule: RuleAnswer,
  scope: Scope,
): RequestBody {
  return {
    subject: 'ACCESS',
    beneficiary_owner: by.id,
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
    extends_grant: null,
    emergency: null,
  };
}

/** What the audit event says of the request. */
export function replayFacts({
  event,
  topic,
  topicId,
  audience,
  recipient,
  records,
}: ReplayQuestion): Readonly<Record<string, string>> {
  return {
    topic,
    topic_id: topicId,
    base_audience: audience,
    replays: `${event.partition}/${event.offset}`,
    served: recipient,
    max_records: String(records),
  };
}
