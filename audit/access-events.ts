/**
 * Audit events of approvals: who asked, decided, revoked, looked, or was refused. Built from names, codes and
 * counts; what people wrote as a reason stands in gauze.access alone.
 */
import type { AuditGrant } from '../schemas/control-codecs.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import type { EventBody } from './audit-chain.ts';

export interface AccessEventFacts {
  /** Dotted type, such as `decision.approved`. */
  readonly type: string;
  readonly actor: AccessActor;
  readonly action?: EventBody['action'];
  /** Default SUCCESS. */
  readonly outcome?: EventBody['outcome'];
  /** Stable code of a refusal. */
  readonly outcomeReason?: string | null;
  readonly phase?: EventBody['phase'];
  readonly requestId?: string | null;
  readonly grant?: AuditGrant | null;
  /** HL7 v3-ActReason. */
  readonly purpose?: string | null;
  /** The rule that decided, with the hash of the rules it stands in. */
  readonly rule?: { readonly name: string; readonly sha256: Buffer } | null;
  /** Rare facts: names, codes, counts. */
  readonly ext?: Readonly<Record<string, string>>;
}

const NO_RULE = { name: 'access', sha256: Buffer.alloc(32) };

/** The event of `facts` at `nowMs`. */
export function accessEvent(facts: AccessEventFacts, nowMs: number): EventBody {
  const rule = facts.rule ?? NO_RULE;
  const at = nowMs * 1000;
  return {
    type: facts.type,
    action: facts.action ?? 'E',
    outcome: facts.outcome ?? 'SUCCESS',
    outcome_reason: facts.outcomeReason ?? null,
    phase: facts.phase ?? 'COMMITTED',
    occurred_from: at,
    occurred_to: at,
    actor: auditActor(facts.actor),
    recipient: null,
    purpose: facts.purpose ? [facts.purpose] : [],
    accounting: 'NOT_PHI',
    grant: facts.grant ?? null,
    policy: { id: rule.name, version: 0, sha256: rule.sha256 },
    plan: null,
    range: null,
    view: null,
    subjects: null,
    group: null,
    trace_id: null,
    request_id: facts.requestId ?? null,
    ext: Object.entries(facts.ext ?? {}).map(([k, v]) => ({ k, v })),
    output_sha256: null,
  };
}

function auditActor(actor: AccessActor): EventBody['actor'] {
  return {
    type: actor.kind === 'HUMAN' ? 'USER' : actor.kind,
    id: actor.id,
    display: null,
    idp: null,
    org_id: null,
    roles: [...actor.roles],
    on_behalf_of: actor.on_behalf_of,
    assurance: null,
    token_id: actor.token_id,
    session_id: null,
    client_id: null,
    network_address: null,
  };
}
