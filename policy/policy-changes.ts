/**
 * Which changed policies can be applied now, and which wait for people: what each opens, and what has become of the
 * question whether it may. Pure; whoever enforces policies judges again by itself.
 */
import { createHash } from 'node:crypto';
import type { PolicyApprovalEntry } from '../schemas/control-codecs.ts';
import { canonicalJson } from './canonical-json.ts';
import { findOpenings } from './openings.ts';
import type { KnownPlaces } from './openings.ts';
import type { PoliciesInForce } from './policies-in-force.ts';
import type { PolicyRequest } from './policy-approval.ts';
import type { Policy } from './policy.ts';

/** A policy file that is not the one in force. */
export interface PolicyChange {
  readonly policy: Policy;
  /** What it opens, in words; none where it only closes. */
  readonly opens: readonly string[];
  /** The decision that allows it; null where none is needed or there is none. */
  readonly approval: PolicyApprovalEntry | null;
  /** The question it waits for; null where it can be applied. */
  readonly question: PolicyQuestion | null;
}

/** `NEW`: nobody has asked yet. */
export interface PolicyQuestion {
  /** Follows from what is asked, so that the same question is not asked twice. */
  readonly id: string;
  readonly state: 'NEW' | 'PENDING' | 'DENIED';
}

export interface ChangeInput {
  readonly changed: readonly Policy[];
  readonly versions: PoliciesInForce;
  readonly asOfDay: number;
  /** Does a change that opens anything need a decision? */
  readonly isRequired: boolean;
  /** Places that carry tags, as the policy log will have them: what lanes judge by. */
  readonly logged: KnownPlaces;
  /** Every place of every version of the schemas: what people are told by. */
  readonly inSchemas: KnownPlaces;
  readonly nowMs: number;
}

/** One for each changed policy. */
export function judgeChanges(input: ChangeInput): readonly PolicyChange[] {
  return input.changed.map((policy) => {
    const opens = openingsOf(policy, input);
    if (opens.length === 0 || !input.isRequired) return { policy, opens, approval: null, question: null };
    return { policy, opens, ...decisionAbout(policy, opens, input) };
  });
}

/** What people are asked about: a name, and a hash over every word of it. */
export type Asked = Pick<Policy, 'audience' | 'sha256'>;

/** A decision that can be used, or else the question. */
export function decisionAbout(
  asked: Asked,
  opens: readonly string[],
  at: Pick<ChangeInput, 'versions' | 'nowMs'>,
): Pick<PolicyChange, 'approval' | 'question'> {
  const approval = approvedRequest(asked, opens, at.versions);
  return { approval, question: approval ? null : questionOf(asked, opens, at) };
}

function openingsOf(
  policy: Policy,
  { versions, asOfDay, logged, inSchemas }: ChangeInput,
): readonly string[] {
  const before = versions.base(policy.audience);
  const sentences = [logged, inSchemas].flatMap((known) => findOpenings(before, { policy, asOfDay }, known));
  return [...new Set(sentences)].sort();
}

/** A decision that nobody has used yet, about this text, of people who were told all that it opens. */
function approvedRequest(
  policy: Asked,
  opens: readonly string[],
  versions: PoliciesInForce,
): PolicyApprovalEntry | null {
  for (const request of versions.approvals.requests.values()) {
    const { id, audience, sha256, state, decisionOffset } = request;
    const isAboutThis = audience === policy.audience && sha256 === policy.sha256;
    if (!isAboutThis || state !== 'APPROVED' || decisionOffset === null || versions.isUsed(id)) continue;
    if (opens.every((sentence) => request.opens.includes(sentence)))
      return { request_id: id, decision_offset: decisionOffset };
  }
  return null;
}

/** The same question again where it came to nothing; a denial stands. */
function questionOf(
  policy: Asked,
  opens: readonly string[],
  { versions, nowMs }: Pick<ChangeInput, 'versions' | 'nowMs'>,
): PolicyQuestion {
  for (let attempt = 1; ; attempt++) {
    const id = questionId(policy, opens, attempt);
    const request = versions.approvals.requests.get(id);
    if (!request) return { id, state: 'NEW' };
    if (request.state === 'DENIED') return { id, state: 'DENIED' };
    if (isPending(request, nowMs)) return { id, state: 'PENDING' };
  }
}

function isPending({ state, pendingUntilMs }: PolicyRequest, nowMs: number): boolean {
  return state === 'PENDING' && nowMs < pendingUntilMs;
}

/** 16 hex digits over what is asked. */
function questionId({ audience, sha256 }: Asked, opens: readonly string[], attempt: number): string {
  const text = canonicalJson(['policy', audience, sha256, opens, attempt]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
