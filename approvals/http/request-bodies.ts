/**
 * The bodies of requests and decisions as schemas, and what they become at the desk. Strict: a member that nobody
 * reads is refused, never passed over.
 */
import { z } from 'zod';
import { PURPOSES } from '../purposes.ts';
import type { ReplayQuestion } from '../replay-request.ts';
import type { Narrowing, RequestQuestion } from '../request-draft.ts';
import {
  audienceText,
  countNumber,
  fieldList,
  hashText,
  idText,
  minutesNumber,
  momentText,
  named,
  personList,
  principalText,
  reasonText,
  ticketText,
  topicText,
} from './api-schemas.ts';

const MINUTE_MS = 60_000;

const purposeCode = z
  .enum(Object.keys(PURPOSES))
  .meta({ description: 'HL7 v3-ActReason, below PurposeOfUse' });
const emergencyPurpose = z.enum(['ETREAT', 'ERTREAT', 'BTG']);

const asked = {
  topic: topicText,
  fields: fieldList.meta({ description: 'paths or tags' }),
  baseAudience: audienceText,
  beneficiary: principalText,
  reason: reasonText,
  ticket: ticketText.optional(),
  durationMinutes: minutesNumber,
  maxRecords: countNumber,
  maxPersons: countNumber.optional(),
  from: momentText.optional(),
  to: momentText.optional(),
  persons: personList.optional(),
};

export const submitBody = named(
  'NewRequest',
  z.strictObject({ ...asked, purpose: purposeCode, extendsGrant: idText.optional() }),
);
export const breakGlassBody = named(
  'BreakGlass',
  z.strictObject({
    ...asked,
    purpose: emergencyPurpose,
    emergencyCode: z
      .string()
      .regex(/^[A-Z][A-Z0-9_-]{1,31}$/)
      .meta({ description: "the site's word for the kind of emergency" }),
  }),
);

const partitionNumber = z.int().min(0).max(1_000_000);
const offsetNumber = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
export const replayBody = named(
  'NewReplay',
  z.strictObject({
    event: z.strictObject({ partition: partitionNumber, offset: offsetNumber, sha256: hashText }),
    topic: topicText,
    topicId: z.string().regex(/^[0-9a-f]{32}$/),
    partition: partitionNumber,
    firstOffset: offsetNumber,
    nextOffset: offsetNumber,
    records: countNumber,
    audience: audienceText,
    policyVersion: z.int().min(0),
    policySha256: hashText,
    recipient: z.string().min(1).max(256),
    grant: idText.nullable(),
    planHash: hashText,
    keyEpoch: z.int().min(0),
    outputTopic: topicText,
    purpose: purposeCode,
    reason: reasonText,
    ticket: ticketText.optional(),
    durationMinutes: minutesNumber,
  }),
);

const narrowBody = z.strictObject({
  fields: fieldList.optional(),
  persons: personList.optional(),
  maxRecords: countNumber.optional(),
  maxPersons: countNumber.optional(),
  durationMinutes: minutesNumber.optional(),
  from: momentText.optional(),
  to: momentText.optional(),
});
export const decisionBody = named(
  'Decision',
  z.strictObject({
    decision: z.enum(['approve', 'deny']),
    scopeHash: hashText.meta({ description: 'of the scope that the approver has seen' }),
    narrow: narrowBody.optional(),
    reason: reasonText,
  }),
);
export const withdrawBody = named('Withdrawal', z.strictObject({ reason: reasonText.optional() }));

/** What is asked for; what only one of the two kinds of request has is left to the caller. */
export function questionOf(
  body: z.infer<typeof submitBody> | z.infer<typeof breakGlassBody>,
): Omit<RequestQuestion, 'extendsGrant' | 'emergencyCode'> {
  return {
    topic: body.topic,
    fields: body.fields,
    baseAudience: body.baseAudience,
    beneficiary: body.beneficiary,
    purpose: body.purpose,
    reason: body.reason,
    ticket: body.ticket ?? null,
    durationMs: body.durationMinutes * MINUTE_MS,
    maxRecords: body.maxRecords,
    maxPersons: body.maxPersons ?? null,
    fromMs: body.from === undefined ? null : Date.parse(body.from),
    toMs: body.to === undefined ? null : Date.parse(body.to),
    persons: body.persons ?? null,
  };
}

/** The event that is to be replayed, as the asker says it is. */
export function replayOf(body: z.infer<typeof replayBody>): ReplayQuestion {
  const { event, policySha256, planHash, grant, ticket, durationMinutes, ...same } = body;
  return {
    ...same,
    event: { ...event, sha256: Buffer.from(event.sha256, 'hex') },
    policySha256: Buffer.from(policySha256, 'hex'),
    planHash: Buffer.from(planHash, 'hex'),
    grantId: grant,
    ticket: ticket ?? null,
    durationMs: durationMinutes * MINUTE_MS,
  };
}

/** What an approver lets stand. */
export function narrowingOf(narrow: z.infer<typeof narrowBody>): Narrowing {
  const { fields, persons, maxRecords, maxPersons, durationMinutes, from, to } = narrow;
  return {
    ...(fields ? { fields } : {}),
    ...(persons ? { persons } : {}),
    ...(maxRecords ? { maxRecords } : {}),
    ...(maxPersons ? { maxPersons } : {}),
    ...(durationMinutes ? { durationMs: durationMinutes * MINUTE_MS } : {}),
    ...(from ? { fromMs: Date.parse(from) } : {}),
    ...(to ? { toMs: Date.parse(to) } : {}),
  };
}
