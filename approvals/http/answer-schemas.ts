/**
 * What the API answers, as schemas and as the functions that fill them from the folded state. Persons appear as a
 * number only: neither an identifier nor a subject token leaves here.
 */
import { z } from 'zod';
import type { AccessActor, Scope } from '../../schemas/access-codecs.ts';
import type { GrantRecord, HistoryLine, PlacedLock, RequestState } from '../access-state.ts';
import { mayDecide } from '../people.ts';
import { hashText, idText, momentText, named } from './api-schemas.ts';

const MINUTE_MS = 60_000;

const historySchema = z.object({
  offset: z.int(),
  at: momentText,
  by: z.string().nullable(),
  type: z.string(),
  cause: z.string().nullable(),
  reason: z.string().nullable(),
});

const scopeSchema = named(
  'Scope',
  z.object({
    topic: z.string(),
    topicId: z.string(),
    baseAudience: z.string(),
    policyVersion: z.int(),
    fields: z.array(z.object({ path: z.string(), tags: z.array(z.string()) })),
    ranges: z.array(z.object({ partition: z.int(), firstOffset: z.int(), nextOffset: z.int() })),
    persons: z
      .int()
      .nullable()
      .meta({ description: 'how many persons are named; null: records about anybody' }),
    beneficiary: z.string(),
    purpose: z.string(),
    maxRecords: z.int(),
    maxPersons: z.int().nullable(),
    durationMinutes: z.number(),
    window: z
      .object({ zone: z.string(), days: z.array(z.int()), fromMinute: z.int(), toMinute: z.int() })
      .nullable(),
    replay: z
      .object({
        event: z.string().meta({ description: '<partition>/<offset> of the audit topic' }),
        eventSha256: hashText,
        recipient: z.string(),
        grant: idText.nullable(),
        planHash: hashText,
        keyEpoch: z.int(),
        outputTopic: z.string(),
      })
      .nullable()
      .meta({ description: 'the event whose records are masked again and compared; nothing is revealed' }),
  }),
);

const requestFields = {
  id: idText,
  state: z.enum(['PENDING', 'APPROVED', 'DENIED', 'EXPIRED', 'WITHDRAWN', 'CANCELLED', 'SUPERSEDED']),
  subject: z.enum(['ACCESS', 'POLICY']),
  requester: z.string(),
  beneficiaryOwner: z.string(),
  rule: z.string(),
  scope: scopeSchema.nullable(),
  policy: z.object({ audience: z.string(), opens: z.array(z.string()) }).nullable(),
  scopeHash: hashText,
  stages: z.array(z.object({ role: z.string(), count: z.int() })),
  stage: z.int(),
  approvals: z.array(
    z.object({ by: z.string(), stage: z.int(), at: momentText, reason: z.string().nullable() }),
  ),
  denial: z.object({ by: z.string(), at: momentText, reason: z.string().nullable() }).nullable(),
  reason: z.string().nullable(),
  ticket: z.string().nullable(),
  extendsGrant: idText.nullable(),
  emergency: z.object({ code: z.string() }).nullable(),
  submittedAt: momentText,
  pendingUntil: momentText,
  mayDecide: z.boolean().meta({ description: 'whether a decision of the caller could count now' }),
};

export const requestSchema = named('Request', z.object(requestFields));
export const requestWithHistorySchema = named(
  'RequestWithHistory',
  z.object({ ...requestFields, history: z.array(historySchema) }),
);

const grantFields = {
  id: idText,
  requestId: idText,
  state: z.enum([
    'SCHEDULED',
    'ACTIVATING',
    'ACTIVE',
    'SUSPENDED',
    'ENDING',
    'REVOKING',
    'LAPSED',
    'ACTIVATION_FAILED',
    'ENDED',
    'EXHAUSTED',
    'REVOKED',
  ]),
  cause: z.string().nullable(),
  exhausted: z.boolean(),
  externallyModified: z.boolean(),
  grantTopic: z.string().meta({ description: 'what the beneficiary reads while the grant is active' }),
  scope: scopeSchema,
  scopeHash: hashText,
  requester: z.string(),
  approvedBy: z.array(z.string()),
  emergency: z.boolean(),
  activateBefore: momentText,
  notBefore: momentText.nullable(),
  notAfter: momentText.nullable(),
  review: z.object({
    state: z.enum(['NONE', 'DUE', 'DONE', 'OVERDUE']),
    due: momentText.nullable(),
    by: z.string().nullable(),
    justified: z.boolean().nullable(),
  }),
  revokedBy: z.string().nullable(),
  replayed: z
    .object({
      outcome: z.enum(['EQUAL', 'DIFFERENT', 'UNVERIFIABLE']),
      code: z.string().nullable(),
      records: z.int(),
      differsAt: z
        .int()
        .nullable()
        .meta({ description: 'first raw record whose published form differs, where that can be told' }),
    })
    .nullable()
    .meta({ description: 'what a replay has found' }),
};

export const grantSchema = named('Grant', z.object(grantFields));
export const grantWithHistorySchema = named(
  'GrantWithHistory',
  z.object({ ...grantFields, history: z.array(historySchema) }),
);

export const lockSchema = named(
  'Lock',
  z.object({
    id: idText,
    target: z.enum(['PERSON', 'PRINCIPAL', 'TOPIC', 'TAG', 'PATIENT']),
    value: z.string().nullable().meta({ description: 'null for a patient' }),
    by: z.string(),
    at: momentText,
    reason: z.string().nullable(),
  }),
);

export type RequestAnswer = z.infer<typeof requestSchema>;
export type GrantAnswer = z.infer<typeof grantSchema>;
export type LockAnswer = z.infer<typeof lockSchema>;

/** A request as `by` may see it. */
export function requestAnswer(request: RequestState, by: AccessActor): RequestAnswer {
  const { body, denial } = request;
  return {
    id: request.id,
    state: request.state,
    subject: body.subject,
    requester: request.requester,
    beneficiaryOwner: body.beneficiary_owner,
    rule: body.rule,
    scope: request.scope ? scopeAnswer(request.scope) : null,
    policy: body.policy ? { audience: body.policy.audience, opens: [...body.policy.opens] } : null,
    scopeHash: request.scopeSha256.toString('hex'),
    stages: body.stages.map(({ role, count }) => ({ role, count })),
    stage: request.stage,
    approvals: request.votes.map(({ human, stage, atMs, reason }) => ({
      by: human,
      stage,
      at: moment(atMs),
      reason,
    })),
    denial: denial ? { by: denial.human, at: moment(denial.atMs), reason: denial.reason } : null,
    reason: request.reason,
    ticket: body.ticket,
    extendsGrant: body.extends_grant,
    emergency: body.emergency ? { code: body.emergency.code } : null,
    submittedAt: moment(request.submittedMs),
    pendingUntil: moment(request.pendingUntilMs),
    mayDecide: mayDecide(by, request),
  };
}

/** A grant; `grantTopic` is the name of its topic. */
export function grantAnswer(record: GrantRecord, grantTopic: string): GrantAnswer {
  const { grant, review, revokedBy, replayed } = record;
  return {
    id: grant.grant_id,
    requestId: grant.request_id,
    state: grant.state,
    cause: grant.cause,
    exhausted: grant.exhausted,
    externallyModified: grant.externally_modified,
    grantTopic,
    scope: scopeAnswer(grant.scope),
    scopeHash: grant.scope_sha256.toString('hex'),
    requester: grant.requester,
    approvedBy: [...grant.approved_by],
    emergency: grant.emergency,
    activateBefore: moment(grant.activate_before),
    notBefore: momentOrNull(grant.not_before),
    notAfter: momentOrNull(grant.not_after),
    review: {
      state: review.state,
      due: momentOrNull(review.dueMs),
      by: review.by,
      justified: review.justified,
    },
    revokedBy,
    replayed: replayed && {
      outcome: replayed.outcome,
      code: replayed.code,
      records: replayed.records,
      differsAt: replayed.differs_at,
    },
  };
}

export function lockAnswer(lock: PlacedLock): LockAnswer {
  const { id, target, value, by, atMs, reason } = lock;
  return { id, target, value: target === 'PATIENT' ? null : value, by, at: moment(atMs), reason };
}

export function historyAnswer(history: readonly HistoryLine[]): z.infer<typeof historySchema>[] {
  return history.map(({ offset, atMs, by, type, cause, reason }) => ({
    offset,
    at: moment(atMs),
    by,
    type,
    cause,
    reason,
  }));
}

function scopeAnswer(scope: Scope): z.infer<typeof scopeSchema> {
  const { window, replay } = scope;
  return {
    topic: scope.topic,
    topicId: scope.topic_id,
    baseAudience: scope.base_audience,
    policyVersion: scope.policy_version,
    fields: scope.fields.map(({ path, tags }) => ({ path, tags: [...tags] })),
    ranges: scope.partitions.map(({ partition, first_offset, next_offset }) => ({
      partition,
      firstOffset: first_offset,
      nextOffset: next_offset,
    })),
    persons: scope.persons?.length ?? null,
    beneficiary: scope.beneficiary,
    purpose: scope.purpose,
    maxRecords: scope.max_records,
    maxPersons: scope.max_persons,
    durationMinutes: scope.duration_ms / MINUTE_MS,
    window: window && {
      zone: window.zone,
      days: [...window.days],
      fromMinute: window.from_minute,
      toMinute: window.to_minute,
    },
    replay: replay
      ? {
          event: `${replay.event_partition}/${replay.event_offset}`,
          eventSha256: replay.event_sha256.toString('hex'),
          recipient: replay.recipient,
          grant: replay.grant_id,
          planHash: replay.plan_hash.toString('hex'),
          keyEpoch: replay.key_epoch,
          outputTopic: replay.output_topic,
        }
      : null,
  };
}

/** ISO 8601, UTC. */
export function moment(ms: number): string {
  return new Date(ms).toISOString();
}

function momentOrNull(ms: number): string | null {
  return ms === 0 ? null : moment(ms);
}
